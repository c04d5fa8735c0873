"""The starter: what is copied, what is left out, how it is found again."""

from __future__ import annotations

import pytest

from core import workspace as places
from core.errors import InputError, IntegrityError, NotFoundError
from core.registry import starter as starter_module
from core.registry.starter import export_starter
from core.registry.store import aliases, get_version, open_version, promote, register_run
from core.workspace import write_json_atomic


@pytest.fixture
def delta(workspace):
    run = workspace.run("run-a")
    (run / "model").mkdir(parents=True)
    (run / "model" / "delta.safetensors").write_bytes(b"layers")
    spec = {
        "task": "ner",
        "dataset": "poles@0123abcd",
        "preset": "fast",
        "argv": ["/home/me/python"],
        "seed": 3,
    }
    write_json_atomic(run / "spec.json", spec)
    report = {
        "kind": "delta",
        "base_model": "/home/me/minilm",
        "gold": {"f1": 0.8, "worst": [{"text": "secret"}]},
    }
    write_json_atomic(run / "report.json", report)
    return register_run(run, ws=workspace)


def test_starter_is_found_and_keeps_private_things_back(workspace, delta, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "STARTER_DIR", tmp_path / "starter")
    with pytest.raises(NotFoundError, match="'starter'"):
        get_version("ner", "starter", ws=workspace)
    made = export_starter(delta, tmp_path / "starter" / "ner")
    found = open_version("ner", "starter", ws=workspace)
    assert found == made and (found.id, found.source, found.kind) == ("starter", "starter", "delta")
    assert set(found.manifest["files"]) == {"delta.safetensors", "card.md"}
    everything = b"".join(path.read_bytes() for path in found.path.rglob("*") if path.is_file())
    assert b"/home/me" not in everything and b"secret" not in everything
    assert found.metrics["after"]["gold"] == {"f1": 0.8}
    export_starter(delta, tmp_path / "starter" / "ner")
    assert [path.name for path in (tmp_path / "starter").iterdir()] == ["ner"]
    promote("ner", "starter", ws=workspace)
    assert aliases("ner", ws=workspace)["production"] == "starter"
    (found.path / "delta.safetensors").write_bytes(b"LAYERS")
    with pytest.raises(IntegrityError, match=r"delta\.safetensors"):
        open_version("ner", "production", ws=workspace)


def test_starter_that_is_too_large_or_whole_is_refused(workspace, delta, tmp_path, monkeypatch):
    monkeypatch.setattr(starter_module, "LIMIT_BYTES", 5)
    with pytest.raises(InputError, match="may ship"):
        export_starter(delta, tmp_path / "starter")
    with pytest.raises(InputError, match="cannot ship"):
        export_starter(get_version("ner", "base", ws=workspace), tmp_path / "starter")
    assert not (tmp_path / "starter").exists()
