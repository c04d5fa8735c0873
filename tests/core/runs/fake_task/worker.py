"""The Studio's worker with a table of models that knows the counting model as `ner`."""

import sys

from core.runs import worker
from core.tasks import Task
from core.workspace import Workspace

TASK = Task(
    name="ner",
    title="Counting",
    purpose="Counts.",
    package="tests.core.runs.fake_task",
    main_metric="f1",
    targets=(),
)


def fake_register(ctx: object) -> str:
    """Stands in for the registry, which has tests of its own."""
    number = len(list(Workspace.current().root.glob("version-*"))) + 1
    (Workspace.current().root / f"version-{number}").touch()
    return f"v{number}"


def main() -> int:
    worker._register = fake_register
    return worker.main(tasks={"ner": TASK})


if __name__ == "__main__":
    sys.exit(main())
