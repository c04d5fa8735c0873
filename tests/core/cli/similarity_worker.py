"""The Studio's worker, with the similarity model released whatever the table says."""

import sys
from dataclasses import replace

from core.runs import worker
from core.tasks import TASKS


def main() -> int:
    TASKS["embeddings"] = replace(TASKS["embeddings"], released=True)
    return worker.main(tasks=TASKS)


if __name__ == "__main__":
    sys.exit(main())
