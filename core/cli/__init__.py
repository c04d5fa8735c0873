"""The command line: thin verbs over the same functions that the pages call.

With `--json` a verb prints one JSON object on standard output and everything else on standard error.
Exit status: 0 done, 1 failed with one sentence, 2 wrong use.
"""

from core.cli.main import main

__all__ = ["main"]
