"""Health checks: every fault is found, counted and shown with examples."""

from __future__ import annotations

import pytest

from core.datasets.ner_health import Finding, check, worst_level

LABELS = ("STANDARD", "MEASURE", "EQUIPMENT", "EXEMPTION")


def row(text, label="EQUIPMENT", **extra):
    return {"text": text, "entities": [{"start": 0, "end": len(text.split()[0]), "label": label}], **extra}


def entity(start, end):
    return {"start": start, "end": end, "label": "MEASURE"}


def word(number):
    return "".join(chr(97 + int(digit)) for digit in str(number))


def healthy():
    train = [row(f"{word(n)} is set", LABELS[n % 4]) for n in range(120)]
    train += [{"text": f"nothing in {word(n)}", "entities": []} for n in range(20)]
    return {"train": train, "val": [row("vee is set")], "test": [row("tee is set")]}


def found(splits, code, gold=None) -> Finding:
    return next(finding for finding in check(splits, gold=gold) if finding.code == code)


def test_healthy_data_passes_everything():
    findings = check(healthy(), gold=[row("gold sentence")])
    assert worst_level(findings) == "ok"
    assert len({finding.code for finding in findings}) == len(findings) == 10
    assert worst_level([]) == "ok"


@pytest.mark.parametrize(
    "split, extra, code, level, title",
    [
        ("train", [row("a is set", "STANDARD")], "duplicates", "info", "1 sentence repeated"),
        ("train", 9 * [row("A  is set", "STANDARD")], "duplicates", "warning", "(6.0%)"),
        ("train", [row("a is set", "MEASURE")], "conflicts", "warning", "1 sentence annotated"),
        ("test", [row("a is set", "STANDARD")], "leakage", "error", "1 sentence in two splits"),
        ("train", [row("tee is set 7 times"), row("x")], "leakage", "ok", "No sentence"),
        ("train", [{"text": "40ft", "entities": [entity(0, 2)]}], "alignment", "warning", "1 span"),
        ("train", [{"text": " ", "entities": []}], "empty", "error", "1 empty text"),
        ("train", [row("long " * 500)], "long", "info", "1 text of more than 2,000"),
    ],
)  # fmt: skip
def test_single_faults(split, extra, code, level, title):
    splits = healthy()
    splits[split] = [*splits[split], *extra]
    finding = found(splits, code)
    assert finding.level == level and title in finding.title
    if level != "ok":
        assert finding.detail and finding.rows[0]["split"] == split and len(finding.rows) <= 5
        assert finding.as_dict()["code"] == code and finding.count == int(finding.title.split()[0])


def test_numbers_alone_make_a_near_leak():
    splits = healthy()
    splits["train"].append(row("span of 18 feet"))
    splits["test"].append(row("Span of 20 feet."))
    finding = found(splits, "leakage")
    assert finding.level == "warning" and finding.title.endswith(
        "1 sentence in two splits, apart from numbers"
    )
    splits["test"] += [row("..."), row("---")]
    splits["train"] += [row("!!!")]
    assert found(splits, "leakage").title.endswith("1 sentence in two splits, apart from numbers")


def test_gold_set_must_not_be_trained_on():
    same = found(healthy(), "gold_leakage", gold=[row("A is set"), row("other")])
    assert same.level == "error" and same.title.startswith("1 sentence of the gold set")
    splits = healthy()
    splits["val"].append(row("span of 18 feet"))
    near = found(splits, "gold_leakage", gold=[row("span of 1,200 feet"), row("span of 9 feet")])
    assert near.level == "warning" and near.rows[0]["split"] == "val"
    assert all(finding.code != "gold_leakage" for finding in check(healthy()))


def test_label_balance():
    splits = healthy()
    splits["train"] = [
        entry
        for entry in splits["train"]
        if not entry["entities"] or entry["entities"][0]["label"] != "EXEMPTION"
    ]
    assert found(splits, "balance").level == "error" and "EXEMPTION" in found(splits, "balance").title
    splits["train"].append(row("except here", "EXEMPTION"))
    rare = found(splits, "balance")
    assert rare.level == "warning" and rare.title.startswith("Rare: EXEMPTION")
    gold = {"test": [row("pole")]}
    assert found(gold, "balance").level == "warning"
    assert all(finding.code != "leakage" for finding in check(gold))


def test_share_without_entities_and_size():
    few = {
        "train": [row("a", "STANDARD"), *({"text": f"n {n}", "entities": []} for n in range(4))],
        "val": [],
        "test": [],
    }
    assert found(few, "nothing").level == "warning" and "80%" in found(few, "nothing").title
    assert found(few, "size").level == "warning"
    splits = healthy()
    splits["train"] = [entry for entry in splits["train"] if entry["entities"]]
    assert found(splits, "nothing").level == "info"


def test_patterns_of_generated_rows():
    splits = healthy()
    splits["train"].append(row("one way", pattern="p1"))
    splits["test"].append(row("another way", pattern="p2"))
    assert found(splits, "patterns").title == "2 sentence patterns, each in one split only"
    splits["test"].append(row("third way", pattern="p1"))
    assert found(splits, "patterns").level == "error"
