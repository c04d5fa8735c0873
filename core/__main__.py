"""`python -m core`: the command line of the Studio. The verbs are in core/cli."""

import os

from core.openmp import wait_a_moment

if __name__ == "__main__":
    wait_a_moment(os.environ)
    from core.cli import main

    raise SystemExit(main())
