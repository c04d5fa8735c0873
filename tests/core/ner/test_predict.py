"""Predictions on texts of every kind and size."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from core.datasets.spans import tokens
from core.errors import DatasetError, IntegrityError, NotFoundError
from core.ner.predict import NerModel, load_base, load_folder, load_model, predict_path, read_texts
from core.ner.recipe import build_recipe
from core.ner.train import train_local
from core.workspace import Workspace
from tests.core.ner.tiny import toy_rows

SENTENCE = "install the pole at least 18 feet per rule 12 unless the crew must report"


@pytest.fixture(scope="module")
def folder(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("predict") / "model"
    recipe = build_recipe(
        "fast",
        {"epochs": 4, "learning_rate": 5e-3, "freeze_embeddings": False, "precision": "fp32", "threads": 1},
    )
    # Running text as well as single sentences: the tiny base knows no position it was not trained on.
    rows = toy_rows(300) + [_together(toy_rows(3, seed)) for seed in range(100, 300)]
    train_local(rows, toy_rows(40, 1), recipe, str(tiny), out, tell=lambda _: None)
    return out


def _together(rows: list[dict]) -> dict:
    text, entities = "", []
    for row in rows:
        text += ". " if text else ""
        entities += [
            {**e, "start": e["start"] + len(text), "end": e["end"] + len(text)} for e in row["entities"]
        ]
        text += row["text"]
    return {"text": text, "entities": entities}


@pytest.fixture(scope="module")
def model(folder: Path) -> NerModel:
    return load_folder(folder)


def found(answer: dict) -> list[tuple[str, str]]:
    return [(answer["text"][e["start"] : e["end"]], e["label"]) for e in answer["entities"]]


def test_finds_the_entities_of_a_sentence(model: NerModel) -> None:
    (answer,) = model.predict([SENTENCE])
    assert found(answer) == [
        ("pole", "EQUIPMENT"),
        ("18 feet", "MEASURE"),
        ("rule 12", "STANDARD"),
        ("unless", "EXEMPTION"),
    ]
    assert all(0 < entity["confidence"] <= 1 for entity in answer["entities"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "\x00\x01\x07",
        "…",
        "🚧 pole 🚧",
        "\u00ad\u200b",
        "\ud800 pole",
        "pole" * 5000,
        "(" * 3000,
        "日本語の電柱",
    ],
)
def test_any_text_is_answered(model: NerModel, text: str) -> None:
    (answer,) = model.predict([text])
    assert answer["text"] == text
    assert all(0 <= e["start"] < e["end"] <= len(text) for e in answer["entities"])


def test_offsets_survive_characters_that_the_tokenizer_drops(model: NerModel) -> None:
    text = "install the \x00 \u00ad pole at least 18 feet"
    entities = model.predict([text])[0]["entities"]
    assert (text.index("pole"), text.index("pole") + 4, "EQUIPMENT") in [
        (e["start"], e["end"], e["label"]) for e in entities
    ]


def test_a_hundred_thousand_characters(model: NerModel) -> None:
    text = ". ".join([SENTENCE] * (100_000 // (len(SENTENCE) + 2) + 1))
    assert len(text) >= 100_000
    begin = time.monotonic()
    (answer,) = model.predict([text])
    assert time.monotonic() - begin < 30
    assert len([1 for words, label in found(answer) if (words, label) == ("pole", "EQUIPMENT")]) > 1200


def test_windows_agree_with_one_pass_and_cover_every_word(model: NerModel) -> None:
    """A word deep inside its window gets what it gets when the text is read at once."""
    text = ". ".join([SENTENCE] * 3)  # 52 pieces: fits at once into 64
    (whole,) = model.log_probs([text])
    encoder, window, overlap = model.encoder, model.info.window, model.info.overlap
    positions = encoder.positions
    try:
        encoder.positions, model.info.window, model.info.overlap = 34, 34, 16
        (cut,) = model.log_probs([text])
    finally:
        encoder.positions, model.info.window, model.info.overlap = positions, window, overlap
    assert cut[1].shape == whole[1].shape == (len(tokens(text)), len(model.info.tags))
    agree = (cut[1].argmax(1) == whole[1].argmax(1)).mean()
    assert agree > 0.9
    assert not np.allclose(cut[1][10], np.log(1 / len(model.info.tags)))


def test_a_batch_gives_what_single_texts_give(model: NerModel) -> None:
    texts = [row["text"] for row in toy_rows(40, 9)] + ["", SENTENCE]
    together = model.predict(texts, batch_size=8)
    assert [answer["text"] for answer in together] == texts
    for text, answer in zip(texts, together, strict=True):
        (alone,) = model.predict([text])
        assert found(alone) == found(answer)


def test_progress_is_told(model: NerModel) -> None:
    seen: list[tuple[int, int]] = []
    model.predict([SENTENCE] * 600, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(512, 600), (600, 600)]


def test_base_is_untrained_and_always_the_same(tiny: Path) -> None:
    one, other = load_base(str(tiny)), load_base(str(tiny))
    assert not one.trained
    assert np.array_equal(one.log_probs([SENTENCE])[0][1], other.log_probs([SENTENCE])[0][1])


def test_a_folder_is_a_model_reference(folder: Path, workspace: Workspace) -> None:
    assert load_model(str(folder)).predict([SENTENCE])[0]["entities"]


def test_unknown_version_is_refused(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="v7"):
        load_model("v7")
    with pytest.raises(NotFoundError, match="production"):
        load_model("production")


def version(folder: Path, workspace: Workspace, tiny: Path) -> Path:
    """Register the trained toy model as v1, as a finished run would be."""
    from core.registry.store import register_run

    run = workspace.run("r1")
    (run / "model").mkdir(parents=True)
    for file in folder.iterdir():
        (run / "model" / file.name).write_bytes(file.read_bytes())
    spec = {"task": "ner", "dataset": "toy@12345678", "base_model": str(tiny), "recipe": {}}
    (run / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    (run / "report.json").write_text(json.dumps({"kind": "delta", "test": {"f1": 0.9}}), encoding="utf-8")
    return register_run(run, ws=workspace).path


def test_a_registered_version_loads_and_a_wrong_hash_does_not(
    folder: Path, workspace: Workspace, tiny: Path
) -> None:
    path = version(folder, workspace, tiny)
    assert found(load_model("v1").predict([SENTENCE])[0])[0] == ("pole", "EQUIPMENT")
    payload = bytearray((path / "delta.safetensors").read_bytes())
    payload[-1] ^= 1
    (path / "delta.safetensors").write_bytes(payload)
    with pytest.raises(IntegrityError, match=r"delta\.safetensors"):
        load_model("v1")


def test_predict_path_writes_one_line_an_input(folder: Path, tmp_path: Path, workspace: Workspace) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(
        json.dumps({"text": SENTENCE}) + "\n" + json.dumps({"text": ""}) + "\n", encoding="utf-8"
    )
    assert predict_path(str(folder), source, target) == 2
    lines = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert lines[0]["text"] == SENTENCE and lines[0]["entities"][0].keys() == {
        "start",
        "end",
        "label",
        "confidence",
    }
    assert lines[1] == {"text": "", "entities": []}


def test_texts_of_a_plain_file(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(b"Install pole\r\n\r\nGuy, 3 ft.\n")
    assert read_texts(file) == ["Install pole", "", "Guy, 3 ft."]


def test_unreadable_inputs_are_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "a"}\nnot json\n', encoding="utf-8")
    with pytest.raises(DatasetError, match=r"Line 2 of 'bad\.jsonl' is not JSON"):
        read_texts(bad)
    bad.write_text('{"words": 1}\n', encoding="utf-8")
    with pytest.raises(DatasetError, match="Line 1"):
        read_texts(bad)
    bad.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="UTF-8"):
        read_texts(bad)
    with pytest.raises(DatasetError, match="does not exist"):
        read_texts(tmp_path / "gone.jsonl")
