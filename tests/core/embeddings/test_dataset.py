"""Pair datasets: import, refusal with reasons, splits by shared texts, evaluation and prediction of files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.datasets.store import create_dataset, get_gold, read_rows
from core.embeddings.dataset import build_generated, build_imported, health
from core.embeddings.evaluate import evaluate_path
from core.embeddings.generate import build_settings
from core.embeddings.predict import predict_path
from core.embeddings.score import correlations, score_pairs, spearman
from core.errors import DatasetError
from core.workspace import Workspace
from tests.core.embeddings.tiny import toy_pairs


def lines(rows: list[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_generated_pairs_are_stored_with_their_texts(workspace: Workspace) -> None:
    info = build_generated(build_settings({"count": 300}), ws=workspace)
    assert info.counts == {"train": 210, "val": 60, "test": 30}
    assert len((info.path / "corpus.txt").read_text(encoding="utf-8").splitlines()) > 200
    assert info.card["rubric"] and info.card["kinds"]["train"]
    assert build_generated(build_settings({"count": 300}), ws=workspace).id == info.id


def test_import_rejects_with_reasons(workspace: Workspace) -> None:
    rows = [{"a": "a" * (n + 1), "b": "b" * (n + 1), "score": 0.5 + (n % 5) / 10} for n in range(30)]
    payload = lines(rows) + b'{"a": "x"}\n{"a": "x", "b": "y", "score": 7}\nnot json\n'
    info, result = build_imported([("my.jsonl", payload)], ws=workspace)
    assert sum(info.counts.values()) == 30 and len(result.rejected) == 3
    assert [entry.line for entry in result.rejected] == [31, 32, 33]


def test_csv_and_grades_up_to_five(workspace: Workspace) -> None:
    table = "sentence1,sentence2,score\n" + "".join(
        f"pole {c},guy {c},{n % 6}\n" for n, c in enumerate("abcdefghijkl")
    )
    info, result = build_imported([("sts.csv", table.encode())], role="gold", ws=workspace)
    assert max(row["score"] for row in read_rows(info, "test")) == 1.0 and result.notices
    assert get_gold("embeddings", ws=workspace).id == info.id


def test_pairs_that_share_a_text_stay_together(workspace: Workspace) -> None:
    rows = [{"a": f"text {chr(97 + n // 3)} here", "b": "b" * (n + 1), "score": n / 60} for n in range(60)]
    info, _ = build_imported([("x.jsonl", lines(rows))], ws=workspace)
    where: dict[str, set] = {}
    for split in ("train", "val", "test"):
        for row in read_rows(info, split):
            where.setdefault(row["a"], set()).add(split)
    assert all(len(found) == 1 for found in where.values())


def test_bad_pairs_are_not_stored(workspace: Workspace) -> None:
    with pytest.raises(DatasetError, match="score"):
        create_dataset(
            "embeddings", "x", {"test": [{"a": "a", "b": "b", "score": 2}]}, {}, role="gold", ws=workspace
        )
    with pytest.raises(DatasetError, match="graded pair"):
        build_imported([("x.jsonl", b'{"a": 1}\n')], ws=workspace)


def test_health_sees_contradicting_grades() -> None:
    rows = [{"a": "x y", "b": "z", "score": 0.9}, {"a": "z", "b": "x y", "score": 0.1}]
    assert {"torn", "few"} <= {entry["code"] for entry in health({"train": rows})}


def test_evaluate_and_predict_files(
    workspace: Workspace, tiny_encoder: Path, tmp_path: Path, monkeypatch
) -> None:
    from core.embeddings import predict

    monkeypatch.setattr(predict, "load_model", lambda ref, ws=None: predict.load_base(str(tiny_encoder)))
    source = tmp_path / "pairs.jsonl"
    source.write_bytes(lines(toy_pairs(24)))
    result = evaluate_path("base", source)
    assert (
        set(result["kinds"]) == {"paraphrase", "number", "object", "polarity"} and len(result["points"]) == 24
    )
    assert predict_path("base", source, tmp_path / "out.jsonl") == 24
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert set(out[0]) == {"a", "b", "score"} and 0 <= out[0]["score"] <= 1
    source.write_text('{"a": "x"}\n', encoding="utf-8")
    with pytest.raises(DatasetError, match="Line 1"):
        predict_path("base", source, tmp_path / "out.jsonl")


def test_figures() -> None:
    assert spearman([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1)
    assert spearman([1, 2, 2, 4], [4, 3, 3, 1]) == pytest.approx(-1)
    assert spearman([1, 1, 1], [1, 2, 3]) is None and correlations([1, 1], [1, 2])["spearman"] == 0.0
    rows = [{"a": "x", "b": "y", "score": s, "kind": k} for s, k in ((0.9, "p"), (0.3, "n"), (0.1, "n"))]
    result = score_pairs(rows, [0.8, 0.9, 0.2])
    assert result["worst"][0]["index"] == 1 and result["kinds"]["n"]["mean"] == 0.55
