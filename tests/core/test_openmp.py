"""Threads wait for a moment, unless the user says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

from core.openmp import wait_a_moment
from core.workspace import PROJECT_ROOT

_SAYS = (
    "import os, sys; import dashboard.app; print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
)


def test_a_moment_is_neither_none_nor_for_ever() -> None:
    environment: dict[str, str] = {}
    wait_a_moment(environment)
    assert 100 <= int(environment["GOMP_SPINCOUNT"]) <= 20_000 and environment["KMP_BLOCKTIME"] == "0"


def test_what_the_user_set_stays() -> None:
    for given in ({"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "7", "KMP_BLOCKTIME": "3"}):
        environment = dict(given)
        wait_a_moment(environment)
        assert environment == given


def test_the_dashboard_says_it_before_torch_is_loaded() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_WAIT", "GOMP", "KMP"))}
    environment["PYTHONPATH"] = str(PROJECT_ROOT)
    made = subprocess.run(
        [sys.executable, "-c", _SAYS], env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True
    )
    assert made.stdout.split() == ["2000", "False"], made.stderr
