"""Scoring a model against rows and files."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import DatasetError
from core.ner.evaluate import evaluate, labelled_rows, read_rows
from core.workspace import Workspace
from tests.core.ner.tiny import toy_rows


class Oracle:
    """A model that knows the answers, and can be told to say something else."""

    def __init__(self, rows: list[dict], **changes: list[dict]) -> None:
        self.info = SimpleNamespace(labels=["STANDARD", "MEASURE", "EQUIPMENT", "EXEMPTION"])
        self.answers = {row["text"]: [{**e, "confidence": 0.9} for e in row["entities"]] for row in rows}
        self.answers.update(changes)

    def predict(self, texts, *, batch_size=32, bf16=False, progress=None) -> list[dict]:
        return [{"text": text, "entities": self.answers[text]} for text in texts]


def test_right_answers_score_one() -> None:
    rows = toy_rows(30)
    result = evaluate(Oracle(rows), rows)
    assert result["f1"] == result["precision"] == result["recall"] == 1.0
    assert list(result["labels"]) == ["STANDARD", "MEASURE", "EQUIPMENT", "EXEMPTION"]
    assert result["labels"]["EQUIPMENT"].keys() >= {"f1", "precision", "recall", "support"}
    assert result["worst"] == []


def test_worst_lists_predictions_with_their_confidence() -> None:
    rows = [{"text": "pole", "entities": [{"start": 0, "end": 4, "label": "EQUIPMENT"}]}]
    wrong = [{"start": 0, "end": 4, "label": "MEASURE", "confidence": 0.4}]
    result = evaluate(Oracle(rows, pole=wrong), rows)
    assert result["worst"][0]["predicted"] == wrong
    assert result["worst"][0]["errors"][0]["kind"] == "type"


def test_threshold_drops_doubtful_entities() -> None:
    rows = [{"text": "pole", "entities": []}]
    doubtful = [{"start": 0, "end": 4, "label": "EQUIPMENT", "confidence": 0.4}]
    assert evaluate(Oracle(rows, pole=doubtful), rows)["predicted"] == 1
    assert evaluate(Oracle(rows, pole=doubtful), rows, threshold=0.5)["predicted"] == 0


def test_rows_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\ufeff" + "\n".join(json.dumps(row) for row in toy_rows(3)) + "\n\n", encoding="utf-8")
    assert read_rows(file) == toy_rows(3)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "JSONDecodeError"),
        ('{"text": "a"}', "entities"),
        ('{"text": "pole", "entities": [{"start": 0, "end": 9, "label": "EQUIPMENT"}]}', "not inside"),
        ('{"text": "pole", "entities": [{"start": 0, "label": "EQUIPMENT"}]}', "end"),
        ('[1, 2]', "TypeError"),
    ],
)  # fmt: skip
def test_the_first_bad_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(toy_rows(1)[0]) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"Line 2 of 'rows\.jsonl'") as error:
        read_rows(file)
    assert reason in str(error.value)


def test_what_is_no_data_is_refused(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="holds no rows"):
        read_rows(tmp_path / "empty.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b'{"text": "\xe9"}')
    with pytest.raises(DatasetError, match="UTF-8"):
        read_rows(tmp_path / "latin.jsonl")
    with pytest.raises(DatasetError, match="neither a file nor a NER dataset"):
        labelled_rows("no/such/thing.jsonl")


def test_a_dataset_id_means_its_test_split(workspace: Workspace) -> None:
    from core.datasets.store import create_dataset

    splits = {"train": toy_rows(6), "val": toy_rows(2, 1), "test": toy_rows(3, 2)}
    info = create_dataset("ner", "toy", splits, {"source": {"kind": "generated"}})
    rows = labelled_rows(info.id)
    assert [row["text"] for row in rows] == [row["text"] for row in splits["test"]]
