"""The command line: exit status, one JSON object on standard output, one sentence on failure."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core import tasks
from core.cli import main
from core.cli.output import Output, duration, table
from core.datasets import store
from core.registry import store as registry
from core.runs.context import RunContext
from core.runs.spec import RunSpec
from core.runs.state import new_status, write_status
from core.workspace import PROJECT_ROOT, Workspace, write_json_atomic

ROWS = [
    {"text": f"Set pole {i} at 18 feet.", "entities": [{"start": 4, "end": 8, "label": "EQUIPMENT"}]}
    for i in range(10)
]


def run_json(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, dict]:
    status = main([*argv, "--json"])
    return status, json.loads(capsys.readouterr().out)


def dataset(name: str = "mine") -> str:
    splits = {"train": ROWS[:6], "val": ROWS[6:8], "test": ROWS[8:]}
    return store.create_dataset("ner", name, splits, {"source": "imported"}).id


def test_an_unknown_verb_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    assert "invalid choice" in capsys.readouterr().err


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for verb in ("generate", "import", "train", "runs", "evaluate", "predict", "promote", "rollback"):
        assert verb in text


def test_help_does_not_load_a_training_library() -> None:
    code = (
        "import sys\nfrom core.cli import main\nmain(['--help'])\nmain(['runs'])\nmain(['models'])\n"
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'pandas', 'streamlit')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["runs", "--run", "../../etc"], "is not a run id"),
        (["runs", "--run", "nobody"], "There is no run 'nobody'"),
        (["runs", "--stop"], "Which run?"),
        (["promote", "ner", "v9"], "v9"),
        (["rollback", "ner"], ""),
        (["train", "ner"], "There is no NER dataset to train on"),
        (["bench", "speed-of-light"], "is not a benchmark"),
        (["import", "ner", "absent.jsonl"], "absent.jsonl"),
        (["predict", "ner", "--input", "absent.txt", "--output", "out.jsonl"], "absent.txt"),
    ],
)
def test_a_failure_is_one_sentence(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], argv: list[str], part: str
) -> None:
    assert main(argv) in (1, 2)
    captured = capsys.readouterr()
    assert part in captured.err
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err


def test_a_model_that_is_not_released_is_told(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tasks.TASKS, "embeddings", replace(tasks.TASKS["embeddings"], released=False))
    assert main(["evaluate", "embeddings", "--data", "x.jsonl"]) == 1
    assert "cannot be used in this edition" in capsys.readouterr().err


def test_a_failure_with_json_is_still_one_object(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    status, value = run_json(capsys, "runs", "--run", "nobody")
    assert status == 1
    assert "nobody" in value["error"]


@pytest.mark.parametrize("pair", ["epochs", "=3"])
def test_a_setting_without_a_name_is_wrong_use(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], pair: str
) -> None:
    dataset()
    assert main(["train", "ner", "--set", pair]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err


def test_an_unknown_setting_names_the_settings(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset()
    assert main(["train", "ner", "--set", "epoch=3"]) == 2
    assert "learning_rate" in capsys.readouterr().err


def test_settings_lists_presets_and_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    status, value = run_json(capsys, "train", "ner", "--settings")
    assert status == 0
    assert {"fast", "seed"} <= set(value["presets"])
    epochs = next(f for f in value["settings"] if f["name"] == "epochs")
    assert (epochs["minimum"], epochs["maximum"]) == (1, 500)


def test_generate_makes_a_dataset_and_the_same_seed_makes_the_same(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    status, first = run_json(capsys, "generate", "ner", "--count", "60", "--seed", "7")
    assert status == 0
    assert sum(first["counts"].values()) == 60
    _, second = run_json(capsys, "generate", "ner", "--count", "60", "--seed", "7")
    assert second["dataset"] == first["dataset"]
    _, other = run_json(capsys, "generate", "ner", "--count", "60", "--seed", "8")
    assert other["dataset"] != first["dataset"]


def test_import_names_each_rejected_row_and_keeps_the_good_ones(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps(row) for row in ROWS[:3]] + [
        '{"text": "cut',
        json.dumps({"text": "x", "entities": 3}),
    ]
    file = tmp_path / "gold.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    status, value = run_json(capsys, "import", "ner", str(file), "--gold")
    assert status == 0
    assert sum(value["counts"].values()) == 3
    assert sorted(r["line"] for r in value["rejected"]) == [4, 5]
    gold = store.get_gold("ner")
    assert gold is not None and gold.id == value["dataset"]


def test_datasets_lists_and_deletes(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    dataset_id = dataset()
    _, value = run_json(capsys, "datasets", "ner")
    assert [d["dataset"] for d in value["datasets"]] == [dataset_id]
    _, value = run_json(capsys, "datasets", "ner", "--delete", dataset_id)
    assert value["datasets"] == []


def test_progress_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    show = Output(as_json=True).progress("Scored")
    show(1, 10)
    show(10, 10)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Scored: 10 of 10" in captured.err


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "unknown time"), (30, "30 s"), (240, "4 min"), (4200, "1 h 10 min")]
)
def test_duration_in_words(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_table_aligns_numbers_to_the_right() -> None:
    lines = table([["a", 0.5], ["bb", None]], ["name", "f1"])
    assert lines[1].endswith("0.500")
    assert lines[2].endswith("–")
    assert len(lines[1]) == len(lines[2])


@pytest.mark.parametrize(("was", "told"), [(0.6, True), (0.2, False)])
def test_a_run_whose_model_is_worse_than_the_one_before_says_so(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], was: float, told: bool
) -> None:
    run_dir = workspace.run("ner-trained")
    (run_dir / "model").mkdir(parents=True)
    (run_dir / "model" / "model.safetensors").write_bytes(b"weights")
    spec = RunSpec(
        task="ner", recipe={}, preset="fast", dataset="poles@12345678", base_model="minilm", name="",
        created=1_767_225_600.0, rows=20,
    )  # fmt: skip
    spec.save(run_dir)
    write_json_atomic(run_dir / "report.json", {"test": {"f1": 0.43}, "before": {"test": {"f1": was}}})
    version = registry.register_run(run_dir, ws=workspace).id
    write_status(run_dir, new_status(run_dir, spec))
    with RunContext(run_dir, spec) as ctx:
        ctx.finish("completed", "All epochs are done.", version=version)
    status, run = run_json(capsys, "runs", "--run", run_dir.name)
    assert status == 0 and run["version"] == version
    assert (f"{version} is worse than the model before it: F1 0.430 instead of" in run["setback"]) == told
    main(["runs", "--run", run_dir.name])
    assert ("is worse than" in capsys.readouterr().out) == told
