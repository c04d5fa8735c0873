"""The download scripts: run with a curl that serves a local archive, without network, and with a wrong
key.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Parser

from core.datasets import store
from core.errors import InputError
from core.yolo.outside import write_download_scripts

_CURL = """#!/bin/sh
config=$(cat)
echo "$@" >> "$FAKE/calls"
out=
while [ $# -gt 0 ]; do
    [ "$1" = --output ] && out=$2
    shift
done
case $config in
    *api.roboflow.com*)
        [ -f "$FAKE/error" ] && { cat "$FAKE/error" >&2; exit 22; }
        cp "$FAKE/answer.json" "$out" ;;
    *) cp "$FAKE/data.zip" "$out" ;;
esac
"""
needs_sh = pytest.mark.skipif(shutil.which("sh") is None or os.name == "nt", reason="needs a POSIX shell")


@pytest.fixture
def fake(tmp_path: Path, labelled) -> Path:
    """A folder with a curl of our own and a Roboflow export for it to serve."""
    folder = tmp_path / "fake"
    folder.mkdir()
    (folder / "curl").write_text(_CURL, encoding="utf-8", newline="\n")
    (folder / "curl").chmod(0o755)
    (folder / "answer.json").write_text(
        '{"export": {"link": "https://storage.example/data.zip"}, "project": {"license": "CC BY 4.0"}}',
        encoding="utf-8",
    )
    with zipfile.ZipFile(folder / "data.zip", "w") as archive:
        for place, start in (("train", 0), ("valid", 50), ("test", 80)):
            labelled(tmp_path / "rf" / place, 6, start)
        (tmp_path / "rf" / "data.yaml").write_text("names: [Pole, cross_arm, pad-mount]\n", encoding="utf-8")
        (tmp_path / "rf" / "README.dataset.txt").write_text("Provided under CC BY 4.0", encoding="utf-8")
        for path in sorted((tmp_path / "rf").rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path / "rf").as_posix())
    return folder


def _run(script: Path, fake: Path, tmp_path: Path, *arguments: str, **changes: str):
    environment = {
        **os.environ, "PATH": f"{fake}{os.pathsep}{os.environ['PATH']}", "FAKE": str(fake),
        "OMP_NUM_THREADS": "1",
        "ROBOFLOW_API_KEY": "secret-key", "ROBOFLOW_WORKSPACE": "someone",
        "NEXA_DOWNLOADS": str(tmp_path / "down"),
        **changes,
    }  # fmt: skip
    return subprocess.run(
        ["sh", str(script), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=tmp_path,
    )


@needs_sh
def test_the_script_fetches_checks_and_registers(tmp_path: Path, workspace, fake: Path) -> None:
    script, _ = write_download_scripts(tmp_path / "scripts")
    # A folder that is not a full path means the same after the script has changed to the Studio's own.
    done = _run(script, fake, tmp_path, "--yes", NEXA_DOWNLOADS="down")
    assert done.returncode == 0, done.stderr
    assert "CC BY 4.0" in done.stdout
    (info,) = store.list_datasets("yolo", ws=workspace)
    assert info.name == "roboflow-utility-poles-1" and info.counts == {"train": 6, "val": 6, "test": 6}
    assert info.card["licence"].startswith("Provided under CC BY")
    assert min(info.card["labels"]["train"].values()) > 0
    everything = done.stdout + done.stderr + (fake / "calls").read_text(encoding="utf-8")
    assert "secret-key" not in everything
    kept = [p for p in (tmp_path / "down").rglob("*") if p.is_file() and p.suffix != ".zip"]
    assert not any("secret-key" in path.read_text(encoding="utf-8") for path in kept)


@needs_sh
@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("curl: (6) Could not resolve host", "cannot be reached"),
        ("error: 401", "refused the key"),
        ("404", "knows no"),
    ],
)
def test_without_network_or_key_it_says_so_and_changes_nothing(
    tmp_path: Path, workspace, fake: Path, error: str, message: str
) -> None:
    (fake / "error").write_text(error, encoding="utf-8")
    script, _ = write_download_scripts(tmp_path / "scripts")
    done = _run(script, fake, tmp_path, "--yes")
    assert done.returncode == 1 and message in done.stderr
    assert not store.list_datasets("yolo", ws=workspace)
    missing = _run(script, fake, tmp_path, ROBOFLOW_API_KEY="")
    assert missing.returncode == 1 and "ROBOFLOW_API_KEY is not set" in missing.stderr


@needs_sh
def test_nothing_is_imported_before_the_licence_is_accepted(tmp_path: Path, workspace, fake: Path) -> None:
    script, _ = write_download_scripts(tmp_path / "scripts")
    done = _run(script, fake, tmp_path)
    assert done.returncode == 1 and "Not accepted" in done.stderr
    assert not store.list_datasets("yolo", ws=workspace)


@needs_sh
def test_half_an_archive_is_not_taken(tmp_path: Path, workspace, fake: Path) -> None:
    data = (fake / "data.zip").read_bytes()
    (fake / "data.zip").write_bytes(data[: len(data) // 2])
    script, _ = write_download_scripts(tmp_path / "scripts")
    done = _run(script, fake, tmp_path, "--yes")
    assert done.returncode == 1 and "no whole zip archive" in done.stderr
    assert not list((tmp_path / "down").rglob("data.zip*"))


def test_both_scripts_are_filled_in(tmp_path: Path) -> None:
    shell, power = write_download_scripts(tmp_path, workspace="acme", project="poles", version=3)
    for path in (shell, power):
        text = path.read_text(encoding="utf-8-sig")
        assert not any(f"@{key}@" in text for key in ("STUDIO", "PYTHON", "SPACE", "PROJECT", "VERSION"))
        assert "acme" in text and Path(sys.executable).name in text and "ROBOFLOW_API_KEY" in text
    assert power.read_bytes().startswith(b"\xef\xbb\xbf") and b"\r\n" in power.read_bytes()
    text = power.read_text(encoding="utf-8-sig")
    assert text.count("{") == text.count("}") and text.count("(") == text.count(")")


def test_the_powershell_script_can_be_read_by_its_grammar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody runs it here, but a bracket too few or a quote in a path would end it on every machine."""
    powershell = Parser(Language(tree_sitter_powershell.language()))
    monkeypatch.setattr("core.yolo.outside.PROJECT_ROOT", Path("/home/o'brien/O\u2019Hara $x"))
    script = write_download_scripts(tmp_path, workspace="acme")[1].read_text(encoding="utf-8-sig")
    assert not powershell.parse(script.encode()).root_node.has_error
    assert "'/home/o''brien/O\u2019\u2019Hara $x'" in script
    for damage in (script.replace("}", "", 1), script.replace("''", "'", 1)):
        assert powershell.parse(damage.encode()).root_node.has_error, "the check would see it"


@pytest.mark.parametrize("bad", ["../x", "a b", "x;rm -rf", ""])
def test_names_that_could_be_commands_are_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(InputError):
        write_download_scripts(tmp_path, project=bad)
