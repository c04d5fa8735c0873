"""The Validation page, with a stand-in for the model."""

from __future__ import annotations

import pytest
import streamlit as st

from core.errors import ModelError
from core.tasks import TASKS
from dashboard import model_use
from dashboard.model_use import Choice
from tests.pages.conftest import ROW, TEXT, buttons, words_of


class StandIn:
    """Answers like a loaded model, without one."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        self.calls = 0

    def predict(self, texts, *, progress=None, **_):
        self.calls += 1
        found = (
            []
            if self.ref == "base"
            else [{**e, "confidence": 0.6 + 0.1 * i} for i, e in enumerate(ROW["entities"])]
        )
        return [{"text": text, "entities": found} for text in texts]


@pytest.fixture
def models(monkeypatch):
    """Loaded stand-ins by name."""
    from core.ner import evaluate, predict

    loaded: dict[str, StandIn] = {}

    def load(ref, *, ws=None):
        return loaded.setdefault(ref, StandIn(ref))

    def score(model, rows, *, progress=None, **_):
        from core.ner.score import score as strict

        answers = model.predict([row["text"] for row in rows])
        if progress:
            progress(len(rows), len(rows))
        found = [answer["entities"] for answer in answers]
        return strict(
            [r["entities"] for r in rows], found, texts=[r["text"] for r in rows], labels=TASKS["ner"].labels
        )

    monkeypatch.setattr(predict, "load_model", load)
    monkeypatch.setattr(evaluate, "evaluate", score)
    choices = [Choice("v1", "v1"), Choice("base", "base, before any training")]
    monkeypatch.setattr(model_use, "choices", lambda task: choices)
    st.cache_data.clear()
    return loaded


def test_empty_page_offers_the_first_example(open_page) -> None:
    at = open_page("validation")
    assert TEXT in buttons(at)
    assert "There is nothing to score on yet" in words_of(at)


def test_example_shows_entities_before_and_after(open_page, models) -> None:
    at = open_page("validation")
    at.button(key="example-0").click().run()
    said = words_of(at)
    before, after = said.index("<b>Before</b>"), said.index("<b>After</b>")
    assert before < after
    assert "nx-ent" not in said[before:after]
    assert "EQUIPMENT 0.60" in said[after:]
    assert "MEASURE 0.70" in said[after:]
    assert "STANDARD 0.80" in said[after:]
    assert at.query_params["q"] == TEXT
    assert {"CSV", "JSON"} <= {button.label for button in at.get("download_button")}


def test_the_threshold_acts_without_the_model(open_page, models) -> None:
    at = open_page("validation", before="base", after="base")
    models["base"] = StandIn("trained")
    at.button(key="example-0").click().run()
    calls = models["base"].calls
    assert "EQUIPMENT 0.60" in words_of(at)
    at.slider(key="confidence").set_value(0.75).run()
    said = words_of(at)
    assert "EQUIPMENT 0.60" not in said
    assert "STANDARD 0.80" in said
    assert models["base"].calls == calls


def test_a_reload_keeps_the_text(open_page, models) -> None:
    at = open_page("validation", q="a <b>pole</b>", before="base", after="base")
    assert at.text_area(key="text").value == "a <b>pole</b>"
    said = words_of(at)
    assert "&lt;b&gt;pole" in said
    assert "<b>pole" not in said


def test_a_long_text_does_not_go_into_the_address(open_page, models) -> None:
    at = open_page("validation", before="base", after="base")
    at.text_area(key="text").set_value("pole " * 20_000).run()
    at.button(key="find").click().run()
    assert not at.exception
    assert "q" not in at.query_params


def test_scored_pass_says_whether_the_data_is_real(open_page, models, dataset) -> None:
    models["base"] = StandIn("trained")
    at = open_page("validation", before="base", after="base")
    at.button(key="score").click().run()
    said = words_of(at)
    assert "Generated data" in said
    assert "1.000" in said
    assert "✓ No error" in said


def test_scored_pass_lists_worst_sentences_with_both_sides(open_page, models, dataset) -> None:
    at = open_page("validation", before="base", after="base")
    at.button(key="score").click().run()
    said = words_of(at)
    assert "Worst sentences of base" in said
    assert "3 missed" in said
    assert "Truth" in said
    assert "Marked by base" in said


def test_a_model_that_cannot_be_loaded_is_one_sentence(open_page, models, monkeypatch) -> None:
    from core.ner import predict

    def load(ref, *, ws=None):
        raise ModelError("The model 'base' is damaged.", "Train again.")

    monkeypatch.setattr(predict, "load_model", load)
    at = open_page("validation", q="a pole", before="base", after="base")
    assert "The model 'base' is damaged." in at.error[0].value
    assert "Traceback" not in words_of(at)
