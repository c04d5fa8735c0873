"""Dataset versions: frozen, named by their content, whole or not there."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from core.datasets import payload as payload_module
from core.datasets import store as store_module
from core.datasets.store import (
    create_dataset,
    damaged_datasets,
    delete_dataset,
    get_dataset,
    get_gold,
    iter_rows,
    list_datasets,
    read_rows,
    set_gold,
    verify_dataset,
)
from core.errors import DatasetError, InputError, IntegrityError, NotFoundError, StateError
from core.workspace import PROJECT_ROOT, read_json, write_json_atomic

ROW = {"text": "Set pole at 18 ft", "entities": [{"start": 4, "end": 8, "label": "EQUIPMENT"}]}


def rows(count, word="pole"):
    return [{**ROW, "text": f"Set {word} at {n} ft"} for n in range(count)]


def splits(count=7, word="pole"):
    return {"train": rows(count, word), "val": rows(2, word + "s"), "test": rows(1, word + "x")}


def make(workspace, name="poles", **kwargs):
    return create_dataset("ner", name, splits(**kwargs), {"licence": "own", "health": []}, ws=workspace)


def test_everything_is_written_and_counted(workspace):
    info = make(workspace)
    assert info.id == f"poles@{info.hash[:8]}" and info.counts == {"train": 7, "val": 2, "test": 1}
    card = read_json(info.path / "card.json")
    assert card["labels"]["train"] == {"STANDARD": 0, "MEASURE": 0, "EQUIPMENT": 7, "EXEMPTION": 0}
    assert card["licence"] == "own" and card["created"] and info.rows == 10
    assert set(card["files"]) == {f"{s}.jsonl" for s in info.counts} | {f"conll/{s}.bio" for s in info.counts}
    assert read_rows(info, "train") == splits()["train"]
    assert read_rows(info, "train", limit=2) == splits()["train"][:2]
    bio = (info.path / "conll" / "test.bio").read_bytes()
    assert bio == b"Set\tO\npolex\tB-EQUIPMENT\nat\tO\n0\tO\nft\tO\n\n"
    verify_dataset(info)
    assert list(workspace.scratch.iterdir()) == []


def test_same_content_is_the_same_version(workspace):
    first = make(workspace)
    again = make(workspace)
    shuffled = splits()
    shuffled["train"] = [dict(reversed(row.items())) for row in shuffled["train"]]
    third = create_dataset("ner", "poles", shuffled, {}, ws=workspace)
    assert first == again == third
    other = make(workspace, count=8)
    assert other.id != first.id
    assert {info.id for info in list_datasets("ner", ws=workspace)} == {first.id, other.id}


def test_hash_in_the_id_is_fixed():
    # A change of the canonical form would give every stored dataset another name.
    line = payload_module.ner_canonical({"entities": [], "text": "Mast 4 m – µ"})
    assert line == '{"entities":[],"text":"Mast 4 m – µ"}'
    assert payload_module.digest("test", [line]) == (
        "b3b6106eb817b7620a6b9bb9e7c991dfeca17ac6e6cd6f2ec27810cb931fe038"
    )
    assert payload_module.digest("test", [line]) != payload_module.digest("val", [line])


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "a@b", ".hidden", "a..b", "x" * 81, "ä", None])
def test_names_that_could_lead_astray_are_refused(workspace, name):
    with pytest.raises(DatasetError, match="cannot be a dataset name"):
        make(workspace, name=name)


@pytest.mark.parametrize("ref", ["../../etc", "a/b", "", "..", "poles@12345678/../x"])
def test_ids_that_are_paths_are_refused(workspace, ref):
    with pytest.raises(InputError, match="is not a dataset id"):
        get_dataset("ner", ref, ws=workspace)
    with pytest.raises(InputError, match="is not a dataset id"):
        delete_dataset("ner", ref, ws=workspace)


@pytest.mark.parametrize(
    "change, role, words",
    [
        ({"val": []}, "train", "'val' has no rows"),
        ({"extra": rows(1)}, "train", "these came: train, val, test, extra"),
        ({}, "gold", "A gold dataset has the splits test"),
        ({}, "judge", "'judge' is not a role"),
        ({"val": [{"text": "", "entities": []}]}, "train", "Row 1 of the split 'val': The text is ''"),
        ({"val": [ROW, {"text": "a"}]}, "train", "Row 2 of the split 'val': The row has no list"),
        ({"val": [{"text": "a", "entities": [{"start": 0}]}]}, "train", "KeyError"),
        (
            {"val": [{"text": "a", "entities": [{"start": 0, "end": 1, "label": "X"}]}]},
            "train",
            "'X' is not known",
        ),
        (
            {"val": [{"text": "a", "entities": [{"start": 0, "end": 2, "label": "MEASURE"}]}]},
            "train",
            "outside",
        ),
        ({"val": [{"text": "\ud800", "entities": []}]}, "train", "surrogate"),
    ],
)
def test_wrong_rows_or_splits_write_nothing(workspace, change, role, words):
    with pytest.raises(DatasetError) as caught:
        create_dataset("ner", "poles", {**splits(), **change}, {}, role=role, ws=workspace)
    assert words in str(caught.value)
    assert list_datasets("ner", ws=workspace) == []


@pytest.mark.parametrize(
    "where", [(payload_module, "write_lines"), (store_module, "sync_folder"), (store_module, "move_folder")]
)
def test_crash_between_steps_leaves_nothing(workspace, monkeypatch, where):
    def crash(*args, **kwargs):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(*where, crash)
        with pytest.raises(OSError, match="disk full"):
            make(workspace)
    assert list_datasets("ner", ws=workspace) == [] and damaged_datasets("ner", ws=workspace) == []
    assert list(workspace.scratch.iterdir()) == []
    assert make(workspace).rows == 10


def test_two_processes_make_the_same_dataset(workspace):
    script = (
        "from core.datasets.store import create_dataset\n"
        "r = [{'text': f'pole {n}', 'entities': []} for n in range(2000)]\n"
        "print(create_dataset('ner', 'poles', {'train': r, 'val': r, 'test': r}, {}).id)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ids = {process.communicate(timeout=60)[0].strip() for process in processes}
    [info] = list_datasets("ner", ws=workspace)
    assert ids == {info.id}
    verify_dataset(info)


def test_changed_and_lost_files_are_named(workspace):
    info = make(workspace)
    path = info.path / "val.jsonl"
    original = path.read_bytes()
    path.write_bytes(original.replace(b"poles", b"masts"))
    with pytest.raises(IntegrityError, match=r"'val\.jsonl' of dataset .* has changed"):
        verify_dataset(info)
    path.unlink()
    with pytest.raises(IntegrityError, match="is gone"):
        verify_dataset(info)
    with pytest.raises(NotFoundError, match=r"lost its file val\.jsonl"):
        read_rows(info, "val")
    path.write_bytes(original + b"{torn")
    with pytest.raises(DatasetError, match=r"Line 3 of val\.jsonl"):
        read_rows(info, "val")
    path.write_bytes(b"\xff\n")
    with pytest.raises(DatasetError, match="is damaged"):
        read_rows(info, "val")
    with pytest.raises(NotFoundError, match="no split 'dev'"):
        list(iter_rows(info, "dev"))


def test_forged_card_is_noticed(workspace):
    info = make(workspace)
    path = info.path / "test.jsonl"
    path.write_text(json.dumps(ROW) + "\n", encoding="utf-8", newline="\n")
    card = read_json(info.path / "card.json")
    card["files"]["test.jsonl"]["sha256"] = store_module.sha256_file(path)
    write_json_atomic(info.path / "card.json", card)
    with pytest.raises(IntegrityError, match="does not fit its id"):
        verify_dataset(get_dataset("ner", info.id, ws=workspace))


def test_damaged_card_does_not_hide_the_others(workspace):
    info, broken = make(workspace), make(workspace, name="other")
    (broken.path / "card.json").write_bytes(b"{")
    assert [found.id for found in list_datasets("ner", ws=workspace)] == [info.id]
    [(damaged, reason)] = damaged_datasets("ner", ws=workspace)
    assert damaged == broken.id and "cannot be read" in reason
    delete_dataset("ner", broken.id, ws=workspace)
    assert damaged_datasets("ner", ws=workspace) == []


def test_delete_and_in_use(workspace):
    info = make(workspace)
    with pytest.raises(StateError, match="in use"):
        delete_dataset("ner", info.id, in_use=[info.id], ws=workspace)
    delete_dataset("ner", info.id, ws=workspace)
    assert not info.path.exists()
    with pytest.raises(NotFoundError):
        delete_dataset("ner", info.id, ws=workspace)


def test_gold_set_is_chosen_and_forgotten(workspace):
    train = make(workspace)
    gold = create_dataset("ner", "gold", {"test": rows(3, "mast")}, {}, role="gold", ws=workspace)
    assert get_gold("ner", ws=workspace) is None
    with pytest.raises(InputError, match="training data"):
        set_gold("ner", train.id, ws=workspace)
    set_gold("ner", gold.id, ws=workspace)
    assert get_gold("ner", ws=workspace) == gold
    assert [info.id for info in list_datasets("ner", "gold", ws=workspace)] == [gold.id]
    assert damaged_datasets("ner", ws=workspace) == []
    set_gold("ner", None, ws=workspace)
    assert get_gold("ner", ws=workspace) is None
    set_gold("ner", gold.id, ws=workspace)
    delete_dataset("ner", gold.id, ws=workspace)
    assert get_gold("ner", ws=workspace) is None
    store_module._gold_file("ner", workspace).write_bytes(b"[]")
    with pytest.raises(DatasetError, match="Choose the gold set again"):
        get_gold("ner", ws=workspace)


def test_an_unknown_model_has_no_datasets(workspace):
    with pytest.raises(InputError, match="weather"):
        create_dataset("weather", "a", splits(), {}, ws=workspace)
    assert list_datasets("weather", ws=workspace) == []


def test_listing_reads_cards_only(workspace):
    info = create_dataset(
        "ner", "large", {"train": rows(20_000), "val": rows(1), "test": rows(1)}, {}, ws=workspace
    )
    (info.path / "train.jsonl").unlink()
    begin = time.perf_counter()
    [found] = list_datasets("ner", ws=workspace)
    assert found.counts["train"] == 20_000 and time.perf_counter() - begin < 0.1
