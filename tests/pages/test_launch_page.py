"""The Launch page: what is asked, what is checked, and that a press starts one training."""

from __future__ import annotations

import pytest

from core.datasets import store
from core.errors import QueueFullError
from core.runs import launcher
from tests.core.embeddings.tiny import store_version, tiny_base
from tests.pages.conftest import ROW, buttons, words_of


def test_without_data_it_leads_to_the_data_page(open_page) -> None:
    at = open_page("launch")
    assert "There is no training data for NER yet." in words_of(at)
    assert "Generate data" in buttons(at)
    assert "Start training" not in buttons(at)


def test_ready_page_shows_checks_time_and_command(open_page, dataset) -> None:
    at = open_page("launch")
    said = words_of(at)
    assert dataset.id in said
    assert "Expected time" in said
    assert "nx-check" in said
    assert at.code[0].value == f"python -m core train ner --preset fast --dataset {dataset.id}"
    assert not at.button(key="start").disabled


def test_changed_settings_go_into_the_command(open_page, dataset) -> None:
    at = open_page("launch")
    at.number_input(key="ner.fast.epochs").set_value(7).run()
    assert "--set epochs=7" in at.code[0].value


def test_a_reload_keeps_the_settings(open_page, dataset) -> None:
    at = open_page("launch", **{"ner.fast.epochs": "9"})
    assert at.number_input(key="ner.fast.epochs").value == 9
    assert "--set epochs=9" in at.code[0].value


def test_gold_set_is_named(open_page, dataset, workspace) -> None:
    gold = store.create_dataset(
        "ner", "field", {"test": [ROW]}, {"source": "imported"}, role="gold", ws=workspace
    )
    store.set_gold("ner", gold.id, ws=workspace)
    at = open_page("launch")
    assert f"--gold {gold.id}" in at.code[0].value


def test_start_launches_once_with_what_the_page_shows(open_page, dataset, monkeypatch, make_run) -> None:
    calls = []

    def launch(task: str, **asked):
        calls.append((task, asked))
        return launcher.read_status(make_run("queued"))

    monkeypatch.setattr(launcher, "launch", launch)
    at = open_page("launch")
    at.number_input(key="ner.fast.epochs").set_value(3).run()
    at.button(key="start").click().run()
    assert not at.exception
    ((task, asked),) = calls
    assert task == "ner"
    assert asked["recipe"] == {"epochs": 3}
    assert (asked["dataset"], asked["preset"], asked["base_model"]) == (dataset.id, "fast", "minilm")
    assert len(asked["token"]) == 16
    assert "Waiting for a free slot" in at.info[0].value


def test_a_full_queue_is_said_in_one_sentence(open_page, dataset, monkeypatch) -> None:
    def launch(task: str, **asked):
        raise QueueFullError("20 runs wait already, and no more than 20 may.", "Cancel one.")

    monkeypatch.setattr(launcher, "launch", launch)
    at = open_page("launch")
    at.button(key="start").click().run()
    assert "20 runs wait already" in at.error[0].value
    assert "Traceback" not in words_of(at)


def test_settings_of_an_earlier_run_are_taken_over(open_page, dataset, make_run) -> None:
    run = make_run("failed")
    spec = run / "spec.json"
    spec.write_text(spec.read_text(encoding="utf-8").replace('"epochs": 2', '"epochs": 11'), encoding="utf-8")
    at = open_page("launch", like=run.name)
    assert at.number_input(key="ner.fast.epochs").value == 11
    assert "Starts from the settings of go95." in words_of(at)


@pytest.mark.parametrize("like", ["ner-gone", "../../etc/passwd"])
def test_a_wrong_like_is_said_and_the_page_goes_on(open_page, dataset, like: str) -> None:
    at = open_page("launch", like=like)
    assert at.error
    assert "Start training" in buttons(at)


def test_a_training_may_go_on_from_a_version(open_page, workspace, tmp_path) -> None:
    pairs = [{"a": f"pole {n}", "b": f"guy {n}", "score": 0.5} for n in range(12)]
    data = store.create_dataset(
        "embeddings",
        "pairs",
        {"train": pairs[:8], "val": pairs[8:10], "test": pairs[10:]},
        {"source": "imported"},
        ws=workspace,
    )
    version = store_version(tiny_base(tmp_path / "base"))
    at = open_page("launch", task="embeddings")
    assert {"minilm", "starter", version.id} <= set(at.selectbox(key="embeddings.fast.base").options)
    at.selectbox(key="embeddings.fast.base").set_value(version.id).run()
    assert at.button(key="start").disabled, "its pair head has one layer, the settings ask for two"
    at.number_input(key="embeddings.fast.head_layers").set_value(1).run()
    assert f"goes on from what {version.id} has learnt" in words_of(at)
    assert f"--dataset {data.id} --base-model {version.id}" in at.code[0].value
    assert not at.button(key="start").disabled
