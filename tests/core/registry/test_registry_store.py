"""Registry: versions, aliases, promotion, integrity, two processes at once, crashes between steps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import InputError, IntegrityError, ModelError, NotFoundError, StateError
from core.registry import aliases as alias_module
from core.registry import manifest as manifest_module
from core.registry import register as register_module
from core.registry.store import (
    aliases,
    broken_versions,
    get_version,
    history,
    list_versions,
    open_version,
    promote,
    register_run,
    rollback,
    verify,
)
from core.workspace import PROJECT_ROOT, Workspace, read_json, write_json_atomic

REPORT = {
    "test": {
        "f1": 0.9,
        "precision": 0.8,
        "labels": {"MEASURE": {"f1": 0.7, "support": 3}},
        "worst": [{"text": "x"}],
    },
    "gold": {"f1": 0.5, "precision": float("1e-3")},
    "before": {"test": {"f1": 0.0}, "gold": None},
    "base_model": {"name": "minilm", "sha256": "ab" * 32},
}


def finished_run(workspace: Workspace, name: str, weights: bytes = b"weights", **spec) -> Path:
    run = workspace.run(name)
    (run / "model" / "sub").mkdir(parents=True)
    (run / "model" / "model.safetensors").write_bytes(weights)
    (run / "model" / "sub" / "config.json").write_text("{}", encoding="utf-8")
    values = {
        "task": "ner",
        "dataset": "poles@0123abcd",
        "dataset_hash": "0123abcd" * 8,
        "preset": "fast",
        "seed": 7,
    }
    write_json_atomic(run / "spec.json", {**values, **spec})
    write_json_atomic(run / "report.json", REPORT)
    return run


def test_run_becomes_a_version_that_tells_everything(workspace):
    version = register_run(finished_run(workspace, "run-a"), ws=workspace)
    assert (version.id, version.kind, version.base_model, version.source) == (
        "v1",
        "full",
        "minilm",
        "workspace",
    )
    manifest = read_json(workspace.model("ner", "v1") / "manifest.json")
    assert set(manifest["files"]) == {"model.safetensors", "sub/config.json", "report.json", "card.md"}
    assert manifest["spec"]["preset"] == "fast"
    assert manifest["dataset"]["id"] == "poles@0123abcd"
    assert manifest["labels"] == ["STANDARD", "MEASURE", "EQUIPMENT", "EXEMPTION"]
    assert manifest["metrics"]["after"]["test"] == {
        "f1": 0.9, "precision": 0.8, "labels": {"MEASURE": {"f1": 0.7, "support": 3}},
    }  # fmt: skip
    assert manifest["metrics"]["before"] == {"test": {"f1": 0.0}, "gold": None}
    assert manifest["libraries"]["python"]
    assert version.report == REPORT
    card = (version.path / "card.md").read_text(encoding="utf-8")
    assert "| gold set | f1 | – | 0.5000 |" in card and "AGPL-3.0" in card and "$" not in card
    assert get_version("ner", "candidate", ws=workspace) == version
    assert list(workspace.scratch.iterdir()) == []


def test_card_says_plainly_that_the_data_was_generated(workspace):
    write_json_atomic(
        workspace.dataset("ner", "poles@0123abcd") / "card.json",
        {"source": "generated", "licence": "own text", "counts": {"train": 70}},
    )
    version = register_run(finished_run(workspace, "run-a"), ws=workspace)
    card = (version.path / "card.md").read_text(encoding="utf-8")
    assert "Generated sentences only" in card and "own text" in card and "70 train" in card


def test_adapter_is_known_by_its_config_and_report_may_name_the_kind(workspace):
    run = finished_run(workspace, "run-a")
    (run / "model" / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert register_run(run, ws=workspace).kind == "adapter"
    other = finished_run(workspace, "run-b")
    write_json_atomic(other / "report.json", {**REPORT, "kind": "delta"})
    assert register_run(other, ws=workspace).kind == "delta"


def test_numbers_go_up_and_the_same_run_is_not_registered_twice(workspace):
    run = finished_run(workspace, "run-a")
    assert register_run(run, ws=workspace).id == register_run(run, ws=workspace).id == "v1"
    (run / "model" / "model.safetensors").write_bytes(b"trained on")
    assert register_run(run, ws=workspace).id == "v2"
    for number in range(3, 12):
        register_run(finished_run(workspace, f"run-{number}"), ws=workspace)
    assert [v.id for v in list_versions("ner", ws=workspace)][:3] == ["v11", "v10", "v9"]


def test_run_without_model_or_report_is_refused(workspace):
    run = finished_run(workspace, "run-a")
    (run / "report.json").unlink()
    with pytest.raises(ModelError, match=r"no report\.json"):
        register_run(run, ws=workspace)
    empty = finished_run(workspace, "run-b")
    (empty / "model" / "model.safetensors").unlink()
    (empty / "model" / "sub" / "config.json").unlink()
    with pytest.raises(ModelError, match="has no model"):
        register_run(empty, ws=workspace)
    reserved = finished_run(workspace, "run-c")
    (reserved / "model" / "manifest.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="may not hold"):
        register_run(reserved, ws=workspace)
    broken = finished_run(workspace, "run-d")
    (broken / "spec.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"spec\.json"):
        register_run(broken, ws=workspace)
    assert list_versions("ner", ws=workspace) == []


@pytest.mark.parametrize("step", ["render_card", "write_json_atomic", "sync_folder", "move_folder"])
def test_crash_between_steps_leaves_nothing_visible(workspace, monkeypatch, step):
    run = finished_run(workspace, "run-a")

    def crash(*args, **kwargs):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(register_module, step, crash)
        with pytest.raises(OSError, match="disk full"):
            register_run(run, ws=workspace)
    assert list_versions("ner", ws=workspace) == [] and aliases("ner", ws=workspace) == {}
    assert list(workspace.scratch.iterdir()) == []
    assert register_run(run, ws=workspace).id == "v1"


def test_two_processes_register_at_once(workspace):
    script = (
        "import sys; from pathlib import Path; from core.registry.store import register_run\n"
        "for run in sys.argv[1:]: print(register_run(Path(run)).id)"
    )
    runs = [[str(finished_run(workspace, f"run-{p}-{n}")) for n in range(6)] for p in range(2)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, *paths], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
        )
        for paths in runs
    ]
    given = [line for process in processes for line in process.communicate(timeout=60)[0].split()]
    assert sorted(given) == sorted(f"v{n}" for n in range(1, 13))
    assert get_version("ner", "candidate", ws=workspace).id == "v12"
    for version in list_versions("ner", ws=workspace):
        verify(version)


def test_promote_and_rollback_with_history(workspace):
    for name in ("run-a", "run-b"):
        register_run(finished_run(workspace, name), ws=workspace)
    with pytest.raises(NotFoundError, match="'production' yet"):
        get_version("ner", "production", ws=workspace)
    with pytest.raises(StateError, match="no previous"):
        rollback("ner", ws=workspace)
    promote("ner", "v1", note="first", ws=workspace)
    promote("ner", "candidate", ws=workspace)
    assert aliases("ner", ws=workspace) == {"candidate": "v2", "production": "v2", "previous": "v1"}
    with pytest.raises(StateError, match="already"):
        promote("ner", "v2", ws=workspace)
    assert rollback("ner", ws=workspace).id == "v1"
    assert aliases("ner", ws=workspace) == {"candidate": "v2", "production": "v1", "previous": "v2"}
    moves = [(m["action"], m["alias"], m["from"], m["to"], m["note"]) for m in history("ner", ws=workspace)]
    assert moves == [
        ("register", "candidate", None, "v1", ""),
        ("register", "candidate", "v1", "v2", ""),
        ("promote", "production", None, "v1", "first"),
        ("promote", "production", "v1", "v2", ""),
        ("rollback", "production", "v2", "v1", ""),
    ]
    last = history("ner", ws=workspace)[-1]
    assert last["who"] and last["time"] and last["metrics"]["gold"]["f1"] == 0.5


def test_crash_after_the_alias_moved_keeps_the_history_whole(workspace, monkeypatch):
    register_run(finished_run(workspace, "run-a"), ws=workspace)
    register_run(finished_run(workspace, "run-b"), ws=workspace)

    def crash(*args):
        raise OSError("power")

    with monkeypatch.context() as patch:
        patch.setattr(alias_module, "_append", crash)
        with pytest.raises(OSError, match="power"):
            promote("ner", "v1", ws=workspace)
    assert aliases("ner", ws=workspace)["production"] == "v1"
    assert history("ner", ws=workspace)[-1]["to"] == "v1"
    log = workspace.models("ner") / "promotions.jsonl"
    with log.open("ab") as file:
        file.write(b'{"torn')
    promote("ner", "v2", ws=workspace)
    assert [m["to"] for m in history("ner", ws=workspace)] == ["v1", "v2", "v1", "v2"]
    lines = [
        json.loads(line) for line in log.read_text(encoding="utf-8").split("\n") if line and line != '{"torn'
    ]
    assert len(lines) == 4


def test_damaged_aliases_come_back_from_the_history(workspace):
    register_run(finished_run(workspace, "run-a"), ws=workspace)
    promote("ner", "v1", ws=workspace)
    path = workspace.models("ner") / "aliases.json"
    path.write_bytes(b"\xff{")
    assert aliases("ner", ws=workspace) == {"candidate": "v1", "production": "v1"}
    (workspace.models("ner") / "promotions.jsonl").unlink()
    with pytest.raises(StateError, match="cannot be read"):
        aliases("ner", ws=workspace)


def test_wrong_hash_is_named_and_never_promoted(workspace):
    version = register_run(finished_run(workspace, "run-a"), ws=workspace)
    (version.path / "model.safetensors").write_bytes(b"WEIGHTS")
    with pytest.raises(IntegrityError, match=r"'model\.safetensors' of model version 'v1' differs"):
        promote("ner", "v1", ws=workspace)
    assert "production" not in aliases("ner", ws=workspace)
    with pytest.raises(IntegrityError):
        open_version("ner", "v1", ws=workspace)
    (version.path / "model.safetensors").write_bytes(b"short")
    with pytest.raises(IntegrityError, match="5 bytes instead of 7"):
        verify(version)
    (version.path / "model.safetensors").unlink()
    with pytest.raises(IntegrityError, match="is missing"):
        verify(version)


def test_rollback_checks_the_previous_version(workspace):
    first = register_run(finished_run(workspace, "run-a"), ws=workspace)
    register_run(finished_run(workspace, "run-b"), ws=workspace)
    promote("ner", "v1", ws=workspace)
    promote("ner", "v2", ws=workspace)
    (first.path / "model.safetensors").write_bytes(b"WEIGHTS")
    with pytest.raises(IntegrityError, match="'v1'"):
        rollback("ner", ws=workspace)
    assert aliases("ner", ws=workspace)["production"] == "v2"


def test_unlisted_file_is_refused_but_not_what_desktops_leave(workspace):
    version = register_run(finished_run(workspace, "run-a"), ws=workspace)
    (version.path / ".DS_Store").write_bytes(b"mac")
    verify(version)
    (version.path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(IntegrityError, match="not listed"):
        verify(version)


@pytest.mark.parametrize(
    "name", ["../../runs/run-a/spec.json", "/etc/hostname", "sub/../../x", "..\\x", "C:x", ""]
)
def test_manifest_cannot_lead_out_of_its_folder(workspace, name):
    version = register_run(finished_run(workspace, "run-a"), ws=workspace)
    manifest = dict(
        version.manifest, files={**version.manifest["files"], name: {"sha256": "0" * 64, "bytes": 1}}
    )
    write_json_atomic(version.path / "manifest.json", manifest)
    with pytest.raises(IntegrityError, match=r"leads out|is missing"):
        open_version("ner", "v1", ws=workspace)


def test_link_in_a_version_is_refused(workspace, tmp_path):
    version = register_run(finished_run(workspace, "run-a"), ws=workspace)
    outside = tmp_path / "outside"
    outside.write_bytes(b"weights")
    weights = version.path / "model.safetensors"
    weights.unlink()
    try:
        weights.symlink_to(outside)
    except OSError:
        pytest.skip("links need a right that this account lacks")
    with pytest.raises(IntegrityError, match="is missing"):
        verify(version)


@pytest.mark.parametrize("ref", ["../v1", "v1/..", "", "a\\b", ".claims", "x" * 200, "..", "v1\0"])
def test_paths_as_ids_are_refused(workspace, ref):
    with pytest.raises(InputError, match="is not a model version"):
        get_version("ner", ref, ws=workspace)


def test_unknown_versions_and_tasks(workspace):
    with pytest.raises(NotFoundError, match="'v9'"):
        promote("ner", "v9", ws=workspace)
    with pytest.raises(InputError, match="'poles' is not a model"):
        list_versions("poles", ws=workspace)
    with pytest.raises(NotFoundError, match="'candidate' yet"):
        get_version("ner", "candidate", ws=workspace)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"version": "v2"}, "it is of 'ner' version 'v2'"),
        ({"files": {}}, "lists no files"),
        ({"kind": "pickle"}, "its kind is 'pickle'"),
        ({"schema": 99}, "schema 99"),
    ],
)
def test_damaged_manifest_is_listed_as_broken(workspace, change, words):
    version = register_run(finished_run(workspace, "run-a"), ws=workspace)
    write_json_atomic(version.path / "manifest.json", {**version.manifest, **change})
    assert list_versions("ner", ws=workspace) == []
    [(broken, reason)] = broken_versions("ner", ws=workspace)
    assert broken == "v1" and words in reason
    (version.path / "manifest.json").write_bytes(b"\xff")
    with pytest.raises(IntegrityError, match="cannot be used"):
        get_version("ner", "v1", ws=workspace)


def test_files_are_hashed_once_per_process_until_they_change(workspace, monkeypatch):
    version = register_run(finished_run(workspace, "run-a"), ws=workspace)
    hashed = []
    real = manifest_module.sha256_file
    monkeypatch.setattr(manifest_module, "sha256_file", lambda path: hashed.append(path) or real(path))
    open_version("ner", "v1", ws=workspace)
    first = len(hashed)
    open_version("ner", "v1", ws=workspace)
    assert first == len(version.manifest["files"]) and len(hashed) == first
    (version.path / "model.safetensors").write_bytes(b"WEIGHTS")
    with pytest.raises(IntegrityError, match="differs"):
        open_version("ner", "v1", ws=workspace)


def test_base_is_there_without_any_file(workspace):
    base = get_version("ner", "base", ws=workspace)
    assert (base.kind, base.path, base.report, base.metrics) == ("base", None, {}, {})
    assert open_version("ner", "base", ws=workspace) == base
    with pytest.raises(InputError, match="untrained"):
        promote("ner", "base", ws=workspace)


def test_older_run_that_ends_later_does_not_take_the_candidate(workspace):
    first = register_run(finished_run(workspace, "run-a"), ws=workspace)
    register_run(finished_run(workspace, "run-b"), ws=workspace)
    alias_module.move(first, "register", {"candidate": "v1"}, ws=workspace)
    assert aliases("ner", ws=workspace)["candidate"] == "v2"
