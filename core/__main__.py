"""`python -m core`: the command line of the Studio. The verbs are in core/cli."""

from core.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
