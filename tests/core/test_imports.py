"""The floors: no wing names another, nothing below names a wing, and torch stays in the heavy rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.tasks import TASKS
from core.workspace import PROJECT_ROOT

WINGS = tuple(task.package for task in TASKS.values())
HEAVY = ("torch", "transformers", "peft", "ultralytics", "sentence_transformers", "cv2")
MAY_BE_HEAVY = (*WINGS, "core.training", "core.bridges")
# The table of the wings, and the floor above them.
MAY_NAME_WINGS = ("core.tasks", "core.cli", "core.api")
MODULES = sorted((PROJECT_ROOT / "core").rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts).removesuffix(".__init__")


def named(tree: ast.AST) -> Iterator[str]:
    """Modules that a file imports, anywhere in it; and texts that name a module of a wing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name the whole path"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and _names_a_wing(node.value):
            yield node.value


def _names_a_wing(value: object) -> bool:
    starts = tuple(f"{wing}." for wing in WINGS)
    return isinstance(value, str) and " " not in value and value.startswith(starts)


def inside(module: str, packages: tuple[str, ...]) -> str | None:
    return next((one for one in packages if module == one or module.startswith(f"{one}.")), None)


def test_the_reader_sees_every_kind_of_import() -> None:
    code = "import core.ner.fit\ndef f():\n    from core.yolo import fit\n    load('core.ner.bases')\n"
    assert set(named(ast.parse(code))) == {"core.ner.fit", "core.yolo.fit", "core.ner.bases"}
    assert inside("core.ner.fit", WINGS) == "core.ner" and inside("core.nerves", WINGS) is None


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_arrows_point_down(path: Path) -> None:
    module, found = name_of(path), set(named(ast.parse(path.read_text(encoding="utf-8"))))
    assert not [one for one in found if inside(one, ("dashboard", "pages"))]
    if not inside(module, MAY_NAME_WINGS):
        wings = {inside(one, WINGS) for one in found} - {None}
        assert wings <= {inside(module, WINGS)}, "a wing is reached through core/tasks.py"


def test_the_light_floors_load_no_training_library() -> None:
    light = [name_of(path) for path in MODULES if not inside(name_of(path), MAY_BE_HEAVY)]
    light = [one for one in light if one != "core.__main__"]
    code = (
        "import importlib, sys\n"
        f"for name in {light!r}:\n"
        "    importlib.import_module(name)\n"
        f"    heavy = set({HEAVY!r}) & set(sys.modules)\n"
        "    assert not heavy, (name, heavy)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-500:]
