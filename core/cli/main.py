"""Reads the arguments and calls a verb. Verbs are in data.py, runs.py, models.py
and libraries.py beside this file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from core import __version__
from core.cli import data, detector, libraries, models, runs, similarity
from core.cli.output import Output
from core.errors import InputError, NexaError

DESCRIPTION = "Make training data, train, measure and use the models of the NEXA analyzer."


def parser() -> argparse.ArgumentParser:
    """All verbs and options."""
    top = argparse.ArgumentParser(prog="python -m core", description=DESCRIPTION)
    top.add_argument("--version", action="version", version=f"NEXA Fine-Tuning Studio {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object on standard output")
    for room in (data, runs, models, libraries, detector, similarity):
        room.add_verbs(verbs, common)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program name; those of the process when None.

    Returns:
        0 done, 1 failed with one sentence, 2 wrong use.
    """
    for stream in (sys.stdout, sys.stderr):
        # A Windows console may use a code page that lacks characters of real text.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        args = parser().parse_args(argv)
    except SystemExit as exit_:
        return int(exit_.code or 0)
    out = Output(args.json)
    try:
        return int(args.run(args, out) or 0)
    except NexaError as error:
        return _failed(out, error.message, error.hint, 2 if _misuse(error) else 1)
    except KeyboardInterrupt:
        return _failed(out, "Interrupted.", "", 1)
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody left to tell.
        sys.stderr.close()
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return _failed(out, f"{error.strerror or error}{where}.", "", 1)


def _misuse(error: NexaError) -> bool:
    from core.errors import DatasetError, GrammarError

    return isinstance(error, InputError) and not isinstance(error, (DatasetError, GrammarError))


def _failed(out: Output, message: str, hint: str, status: int) -> int:
    print(f"{message} {hint}".strip(), file=sys.stderr, flush=True)
    if out.as_json:
        out.result({"error": message, "hint": hint})
    return status
