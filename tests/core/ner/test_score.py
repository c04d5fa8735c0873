"""Strict scores, against the two libraries that define them."""

from __future__ import annotations

import random
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ner.score import compare, score

LABELS = ["STANDARD", "MEASURE", "EQUIPMENT"]


def row(*entities: tuple[int, int, str]) -> list[dict]:
    return [{"start": start, "end": end, "label": label} for start, end, label in entities]


def bio(entities: list[dict], length: int) -> list[str]:
    tags = ["O"] * length
    for entity in entities:
        for position in range(entity["start"], entity["end"]):
            tags[position] = ("B-" if position == entity["start"] else "I-") + entity["label"]
    return tags


@st.composite
def documents(draw: st.DrawFn) -> list[dict]:
    out, position = [], 0
    for _ in range(draw(st.integers(0, 4))):
        position += draw(st.integers(0, 2))
        length = draw(st.integers(1, 3))
        out.append({"start": position, "end": position + length, "label": draw(st.sampled_from(LABELS))})
        position += length
    return out


@given(st.lists(st.tuples(documents(), documents()), min_size=1, max_size=5))
@settings(deadline=None, max_examples=60)
def test_equals_seqeval_strict(pairs: list[tuple[list[dict], list[dict]]]) -> None:
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    gold = [bio(one, 24) for one, _ in pairs]
    found = [bio(other, 24) for _, other in pairs]
    ours = score([one for one, _ in pairs], [other for _, other in pairs])
    if not any(tag != "O" for tags in gold for tag in tags):
        assert ours["f1"] == ours["recall"] == 0
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = classification_report(
            gold, found, mode="strict", scheme=IOB2, output_dict=True, zero_division=0
        )
    for name, key in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
        assert ours[name] == pytest.approx(theirs["micro avg"][key])
    for label, figures in ours["labels"].items():
        if label in theirs:
            assert figures["f1"] == pytest.approx(theirs[label]["f1-score"])
            assert figures["support"] == theirs[label]["support"]


def test_equals_nervaluate_strict() -> None:
    from nervaluate import Evaluator

    chance = random.Random(5)
    gold, found = [], []
    for _ in range(60):
        entities = [
            {"start": begin, "end": begin + chance.randint(1, 4), "label": chance.choice(LABELS)}
            for begin in (0, 10, 20)
        ]
        moved = [{**e, "end": e["end"] + chance.choice([0, 0, 1])} for e in entities if chance.random() < 0.8]
        gold.append(entities)
        found.append([{**e, "label": chance.choice([e["label"]] * 4 + LABELS)} for e in moved])
    result = Evaluator(gold, found, tags=LABELS).evaluate()["overall"]["strict"]
    ours = score(gold, found)
    assert ours["f1"] == pytest.approx(result.f1)
    assert ours["precision"] == pytest.approx(result.precision)


def test_kinds_of_errors() -> None:
    gold = {(0, 4, "EQUIPMENT"), (10, 20, "STANDARD"), (30, 35, "MEASURE"), (40, 44, "EQUIPMENT")}
    found = {(0, 4, "EQUIPMENT"), (10, 18, "STANDARD"), (30, 35, "EQUIPMENT"), (50, 55, "MEASURE")}
    assert [(e["kind"], e["start"]) for e in compare(gold, found)] == [
        ("boundary", 10), ("type", 30), ("missing", 40), ("spurious", 50),
    ]  # fmt: skip


def test_worst_first_with_texts_and_confusion() -> None:
    gold = [row((0, 4, "EQUIPMENT")), row((0, 4, "EQUIPMENT"), (5, 9, "MEASURE")), row()]
    found = [row((0, 4, "EQUIPMENT")), row((0, 4, "STANDARD")), row((0, 3, "MEASURE"))]
    result = score(gold, found, texts=["a", "b", "c"], labels=["EXEMPTION"])
    assert [entry["text"] for entry in result["worst"]] == ["b", "c"]
    assert result["confusion"] == {"EQUIPMENT": {"STANDARD": 1}}
    assert result["errors"] == {"boundary": 0, "type": 1, "missing": 1, "spurious": 1}
    assert result["labels"]["EXEMPTION"]["support"] == 0


def test_nothing_to_find_and_nothing_found_is_no_division_by_zero() -> None:
    assert score([[]], [[]])["f1"] == 0.0


def test_different_numbers_of_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="2 texts"):
        score([[], []], [[]])
