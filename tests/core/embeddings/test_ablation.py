"""The comparison of losses: every row is trained once, kept, and not trained again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.embeddings import ablation as room
from core.embeddings.ablation import ROWS, compare_losses
from core.embeddings.comparison import UNTRAINED, WITHOUT, table_of, with_derived
from core.errors import DatasetError, InputError
from tests.core.embeddings.tiny import toy_pairs

SETTINGS = {"epochs": 1, "seed": 3, "precision": "fp32"}


def judged(cosine: float, head: float | None = None, verdict: float | None = None) -> dict:
    return {"cosine": cosine, "head": head, "verdict": verdict}


def made_row(seconds: float = 30.0) -> dict:
    return {
        "epoch": 1.0, "test": judged(0.5, 0.7, 0.8), "real": judged(0.3, 0.4, 0.6), "stress": 0.9,
        "stress_head": 0.6, "everyday": 0.79, "seconds": seconds,
    }  # fmt: skip


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A file of graded pairs."""
    lines = [json.dumps(row) + "\n" for row in toy_pairs(24)]
    (tmp_path / "real.jsonl").write_text("".join(lines), encoding="utf-8")
    return tmp_path / "real.jsonl"


def test_the_rows_differ_in_what_their_names_say() -> None:
    plain = room.recipe_of(SETTINGS, {}).model_dump()
    differing = {
        name: {key for key, value in room.recipe_of(SETTINGS, changes).model_dump().items()
               if value != plain[key]}
        for name, changes in ROWS.items()
    }  # fmt: skip
    assert differing.pop("mse") == set()
    assert {name: keys for name, keys in differing.items() if keys != {"loss"}} == {
        "mse without joint layers": {"head_layers"}, "mse without figures": {"use_figures"},
        "mse after simcse": {"first_stage"}, "mse after tsdae": {"first_stage"}, "mse by lora": {"method"},
    }  # fmt: skip
    assert plain["first_stage"] == "none" and plain["loss"] == "mse" and plain["verdict"]


def test_rows_are_trained_and_scored(workspace, tiny_encoder: Path, real: Path) -> None:
    lines: list[str] = []
    found = compare_losses(
        lines.append, count="1000", data=str(real), rows="mse after tsdae, mse", base=str(tiny_encoder)
    )
    rows = found["rows"]
    assert list(rows) == [UNTRAINED, "mse", "mse after tsdae"]
    assert rows[UNTRAINED]["test"]["head"] is None and rows[UNTRAINED]["stress"] is not None
    for row in (rows["mse"], rows["mse after tsdae"]):
        for part in ("test", "real"):
            assert all(-1 <= row[part][key] <= 1 for key in ("cosine", "head"))
        assert 0 <= row["stress"] <= 1 and -1 <= row["everyday"] <= 1 and row["seconds"] > 0
    # The head and the vectors are two different judges.
    assert rows["mse"]["test"]["head"] != rows["mse"]["test"]["cosine"]
    if rows["mse"]["test"]["verdict"] is None:
        assert rows["mse"]["stress"] == rows["mse"]["stress_head"]
    kept = json.loads(Path(found["output"]).read_text(encoding="utf-8"))
    assert kept["rows"] == rows and kept["settings"]["data"].startswith("real.jsonl ")
    assert not any(workspace.scratch.glob("losses-*")), "what a row leaves behind would fill the disk"
    assert any(line.startswith("| mse after tsdae | ") for line in lines)


def test_finished_rows_are_kept_and_not_trained_again(
    workspace, tmp_path: Path, real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, lines = tmp_path / "out.json", []
    options = {"count": "1000", "data": str(real), "output": str(output)}
    turns = iter([made_row(60.0), made_row(60.0)])

    def interrupted(recipe, sets, say):
        assert len(sets.real) == 24 and len(sets.test) == 100 and sets.corpus
        row = next(turns, None)
        if row is None:
            raise KeyboardInterrupt
        return row

    monkeypatch.setattr(room, "_untrained", lambda sets: made_row(1.0))
    monkeypatch.setattr(room, "_row", interrupted)
    monkeypatch.setattr(room, "estimate_seconds", lambda recipe, *rest: 2.0 if recipe.loss == "angle" else 1)
    with pytest.raises(KeyboardInterrupt):
        compare_losses(lines.append, **options)
    assert list(json.loads(output.read_text(encoding="utf-8"))["rows"]) == [UNTRAINED, "mse", "cosent"]
    # Angle was said to take twice what cosent was; cosent took 60 s.
    assert lines[-1] == "Row 'angle': about 2 min, all 8 rows 9 min."
    monkeypatch.setattr(room, "_row", lambda *rest: made_row(7.0))
    found = compare_losses(lines.append, **options)
    assert list(found["rows"]) == [UNTRAINED, *ROWS]
    assert [row["seconds"] for row in found["rows"].values()] == [1.0, 60.0, 60.0, *[7.0] * 8]
    assert any(line.startswith("2 of 10 rows are done") for line in lines)
    monkeypatch.setattr(room, "_row", None)
    monkeypatch.setattr(room, "_sets", None)
    assert compare_losses(lines.append, **options)["rows"] == found["rows"]
    for change in ({"seed": "1"}, {"epochs": "2"}, {"data": ""}, {"precision": "bf16"}):
        with pytest.raises(InputError, match="other settings"):
            compare_losses(lines.append, **{**options, **change})


def test_a_row_that_another_process_finished_is_not_trained(
    workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, trained = tmp_path / "out.json", []
    options = {"count": "1000", "rows": "mse,angle", "output": str(output)}

    def row(recipe, sets, say):
        trained.append(recipe.loss)
        if recipe.loss == "mse":  # the other process, meanwhile
            kept = json.loads(output.read_text(encoding="utf-8"))
            kept["rows"]["angle"] = made_row(5.0)
            output.write_text(json.dumps(kept), encoding="utf-8")
        return made_row(9.0)

    monkeypatch.setattr(room, "_untrained", lambda sets: made_row(1.0))
    monkeypatch.setattr(room, "_row", row)
    rows = compare_losses(lambda line: None, **options)["rows"]
    assert trained == ["mse"] and rows["angle"]["seconds"] == 5.0 and rows["mse"]["seconds"] == 9.0


def test_the_last_word_is_left_out_without_a_training_of_its_own() -> None:
    base = {**made_row(2.0), "test": judged(0.2), "real": None, "everyday": 0.82, "stress": 0.1}
    rows = {UNTRAINED: base, "mse": {**made_row(), "real": None}, "mse by lora": {**made_row(), "real": None}}
    assert list(with_derived(rows)) == [UNTRAINED, "mse", WITHOUT, "mse by lora"]
    table = table_of(rows)
    assert table[-4] == "| before training | 0.200 | – | – | 10% | – | 2 s |"
    assert table[-3] == "| mse | 0.500 | 0.700 | 0.800 | 90% | 0.820 → 0.790 | 30 s |"
    assert table[-2] == f"| {WITHOUT} | 0.500 | 0.700 | – | 60% | 0.820 → 0.790 | 30 s |"
    with_real = table_of({UNTRAINED: made_row(), "mse": made_row()})
    assert with_real[-2].startswith("| mse | 0.500 | 0.700 | 0.800 | 0.300 | 0.400 | 0.600 | 90% |")
    unsettled = {UNTRAINED: base, "mse": {**made_row(), "test": judged(0.5, 0.7)}}
    assert WITHOUT not in with_derived(unsettled)


@pytest.mark.parametrize("option", ["count", "epochs", "seed", "rows", "precision"])
def test_options_that_do_not_fit_are_told(option: str) -> None:
    with pytest.raises(InputError, match="'many'"):
        compare_losses(lambda line: None, **{option: "many"})


def test_a_file_without_pairs_is_told(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="no pairs"):
        compare_losses(lambda line: None, data=str(tmp_path / "none.jsonl"))
