"""NER datasets from files and from the generator, and the way through CoNLL and back."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.datasets.conll import conll_text
from core.datasets.importers import import_ner
from core.datasets.store import create_dataset, get_gold, list_datasets, read_rows, verify_dataset
from core.errors import DatasetError
from core.ner.dataset import (
    LABELS,
    build_generated,
    build_imported,
    check_import,
    dataset_name,
    export_conll,
    to_bio,
    tokens,
)
from core.workspace import Workspace


def word(number):
    return "".join(chr(97 + int(digit)) for digit in str(number))


def line(text, *entities, **extra):
    spans = [{"start": start, "end": end, "label": label} for start, end, label in entities]
    return json.dumps({"text": text, "entities": spans, **extra}, ensure_ascii=False)


def lines(count, start=0, **extra):
    return "\n".join(
        line(f"{word(n)} pole", (len(word(n)) + 1, len(word(n)) + 5, "EQUIPMENT"), **extra)
        for n in range(start, start + count)
    ).encode()


@st.composite
def rows(draw):
    text = draw(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=50)
    )
    spans, entities, position = tokens(text), [], 0
    while position < len(spans):
        length = draw(st.integers(0, 3))
        if length:
            last = min(position + length, len(spans)) - 1
            entities.append(
                {"start": spans[position][0], "end": spans[last][1], "label": draw(st.sampled_from(LABELS))}
            )
            position = last
        position += 1
    return {"text": text, "entities": entities}


@given(st.lists(rows(), min_size=1, max_size=4))
def test_conll_with_text_gives_back_the_same_rows(made):
    made = [row for row in made if tokens(row["text"])]
    text = "".join(conll_text(made, with_text=True))
    if not made:
        assert text == ""
        return
    result = import_ner(text.encode("utf-8"), filename="a.conll")
    assert result.rejected == [] and result.notices == []
    flat = [{**row, "text": "".join(" " if c in "\r\n" else c for c in row["text"])} for row in made]
    assert result.rows == flat


@given(rows())
def test_conll_without_text_keeps_words_and_tags(row):
    if not tokens(row["text"]):
        return
    result = import_ner("".join(conll_text([row])).encode("utf-8"), filename="a.conll")
    [back] = result.rows

    def tagged(entry):
        spans, tags = to_bio(entry["text"], entry["entities"])
        return [entry["text"][start:end] for start, end in spans], tags

    assert tagged(back) == tagged(row)


def test_import_is_split_by_group_and_tells_what_it_did(workspace):
    payload = lines(50) + b"\nbroken\n" + line("x", (0, 9, "MEASURE")).encode()
    info, result = build_imported([("My poles (1).jsonl", payload)], licence="CC0", ws=workspace)
    assert info.name == "My-poles-1" and info.counts == {"train": 35, "val": 10, "test": 5}
    assert [entry.line for entry in result.rejected] == [51, 52]
    assert info.card["source"] == "imported" and info.card["licence"] == "CC0"
    assert info.card["rejected"] == 2 and info.card["rejected_reasons"][0]["line"] == 51
    assert info.card["imported_from"] == ["My poles (1).jsonl"] and "by group" in info.card["split"]
    health = {finding["code"]: finding["level"] for finding in info.card["health"]}
    assert health["balance"] == "error" and health["leakage"] == "ok" and "gold_leakage" not in health
    verify_dataset(info)


def test_gold_import_is_judged_on_and_later_imports_are_checked_against_it(workspace):
    gold, _ = build_imported([("gold.jsonl", lines(5))], role="gold", ws=workspace)
    assert gold.counts == {"test": 5} and get_gold("ner", ws=workspace) == gold
    second, _ = build_imported([("gold2.jsonl", lines(6))], name="second", role="gold", ws=workspace)
    assert get_gold("ner", ws=workspace) == gold != second
    train, _ = build_imported([("train.jsonl", lines(20))], ws=workspace)
    [leak] = [finding for finding in train.card["health"] if finding["code"] == "gold_leakage"]
    assert leak["level"] == "error" and leak["title"].startswith("5 sentences of")


def test_nothing_is_stored_when_no_row_is_usable(workspace):
    payload = line("pole", (0, 4, "PERSON")).encode()
    with pytest.raises(
        DatasetError, match=r"None of the 1 rows can be used; a\.jsonl, line 1: the label 'PERSON'"
    ) as caught:
        build_imported([("a.jsonl", payload)], ws=workspace)
    assert "Map these labels to ours: PERSON" in caught.value.hint
    with pytest.raises(DatasetError, match="do not split"):
        build_imported([("a.jsonl", lines(2))], ws=workspace)
    with pytest.raises(DatasetError, match="No file"):
        build_imported([], ws=workspace)
    assert list_datasets("ner", ws=workspace) == [] and not workspace.datasets("ner").exists()


def test_one_bad_file_of_several_stops_the_import(workspace):
    with pytest.raises(DatasetError, match=r"bad\.jsonl.*not UTF-8"):
        build_imported([("good.jsonl", lines(20)), ("bad.jsonl", b"\xff\xfa")], ws=workspace)
    assert list_datasets("ner", ws=workspace) == []


def test_files_named_after_splits_keep_them(workspace, tmp_path):
    for name, start, count in (
        ("poles_train.jsonl", 0, 9),
        ("poles-dev.jsonl", 10, 3),
        ("poles.test.jsonl", 20, 2),
    ):
        (tmp_path / name).write_bytes(lines(count, start))
    info, _ = build_imported(sorted(tmp_path.iterdir()), name="own", ws=workspace)
    assert info.counts == {"train": 9, "val": 3, "test": 2} and "was kept" in info.card["split"]
    assert all("split" not in row for row in read_rows(info, "train"))
    mixed, _ = build_imported(
        [("train.jsonl", lines(20)), ("more.jsonl", lines(20, 30))], name="mix", ws=workspace
    )
    assert mixed.counts == {"train": 28, "val": 8, "test": 4}


def test_split_field_is_kept(workspace):
    payload = b"\n".join(
        [lines(9, split="train"), lines(2, 10, split="validation"), lines(1, 20, split="test")]
    )
    info, _ = build_imported([("a.jsonl", payload)], ws=workspace)
    assert info.counts == {"train": 9, "val": 2, "test": 1}


def test_check_adds_up_files_and_stores_nothing(workspace):
    csv_file = b'text,entities\npole,"[[0, 4, ""VOLT""]]"\n'
    result = check_import([("a.jsonl", lines(3)), ("b.csv", csv_file)])
    assert (len(result.rows), result.format, result.unknown_labels) == (3, "jsonl, csv", {"VOLT": 1})
    assert result.label_counts["EQUIPMENT"] == 3 and result.rejected[0].file == "b.csv"
    mapped = check_import([("a.jsonl", lines(3)), ("b.csv", csv_file)], label_map={"VOLT": "MEASURE"})
    assert mapped.label_counts == {"STANDARD": 0, "MEASURE": 1, "EQUIPMENT": 3, "EXEMPTION": 0}
    assert mapped.notices == ["b.csv: 1 × the label 'VOLT' was read as MEASURE."]
    assert not workspace.root.exists()


def test_export_of_a_split_is_importable(workspace):
    info, _ = build_imported([("a.jsonl", lines(20))], ws=workspace)
    text = export_conll(info, "train", with_text=True)
    assert import_ner(text.encode(), filename="a.bio").rows == read_rows(info, "train")
    assert export_conll(info, "train") == (info.path / "conll" / "train.bio").read_text(encoding="utf-8")


def test_generated_rows_are_frozen_with_their_card(workspace, monkeypatch):
    calls = []
    room = ModuleType("core.ner.generate")

    def generate(chosen, progress=None):
        calls.append(chosen)
        progress(3, 3)
        made = [
            {"text": f"{word(n)} here", "entities": [], "style": "note", "pattern": f"p{n}"} for n in range(3)
        ]
        return {
            "train": made[:1],
            "val": made[1:2],
            "test": made[2:],
            "card": {"generator": {"seed": 5}, "split": "by pattern", "source": "data/ner"},
        }

    room.generate = generate
    monkeypatch.setitem(sys.modules, "core.ner.generate", room)
    seen = []
    info = build_generated(
        {"seed": 5}, name="made", progress=lambda done, total: seen.append((done, total)), ws=workspace
    )
    assert calls == [{"seed": 5}] and seen == [(3, 3)]
    assert info.card["source"] == "generated" and info.card["generator"] == {"seed": 5}
    assert (
        info.card["made_from"] == "data/ner"
        and info.card["split"] == "by pattern"
        and "AGPL" in info.card["licence"]
    )
    assert read_rows(info, "val")[0]["pattern"] == "p1"
    assert {finding["code"] for finding in info.card["health"]} >= {"patterns", "leakage", "balance"}
    again = build_generated({"seed": 5}, name="made", progress=lambda *_: None, ws=workspace)
    assert again == info


@pytest.mark.parametrize(
    "filename, name",
    [
        ("a b.jsonl", "a-b"),
        ("../../x.csv", "x"),
        ("..", "imported"),
        ("ä ö.json", "imported"),
        ("a..b.txt", "a.b"),
        ("x" * 99, "x" * 60),
    ],
)
def test_names_from_file_names(filename, name):
    assert dataset_name(filename) == name


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(rows(), min_size=1, max_size=3))
def test_stored_rows_come_back_unchanged(workspace, made):
    made = [row for row in made if row["text"].strip()]
    if not made:
        return
    info = create_dataset("ner", "any", {"test": made}, {}, role="gold", ws=workspace)
    assert read_rows(info, "test") == made
    verify_dataset(info)


def test_generator_and_store_together(workspace, tmp_path):
    from core.ner.generate import GenerateSettings

    info = build_generated(GenerateSettings(count=60, seed=3), name="small", ws=workspace)
    elsewhere = build_generated(
        GenerateSettings(count=60, seed=3), name="small", ws=Workspace(tmp_path / "second")
    )
    assert info.id == elsewhere.id and info.counts == {"train": 42, "val": 12, "test": 6}
    for file in info.card["files"]:
        assert (info.path / file).read_bytes() == (elsewhere.path / file).read_bytes()
    levels = {finding["code"]: finding["level"] for finding in info.card["health"]}
    assert {levels[code] for code in ("leakage", "patterns", "alignment", "duplicates", "conflicts")} == {
        "ok"
    }
    assert info.card["settings"]["seed"] == 3 and info.card["source"] == "generated"
    verify_dataset(info)
