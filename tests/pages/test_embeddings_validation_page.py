"""The Validation page of the similarity model, with a stand-in for the model."""

from __future__ import annotations

import json

import pytest
import streamlit as st

from core.embeddings import library as libraries
from core.errors import ModelError
from dashboard import model_use
from dashboard.model_use import Choice
from tests.pages.conftest import buttons, words_of
from tests.pages.similarity_stand_in import StandIn, make_pairs


@pytest.fixture
def models(monkeypatch):
    """Loaded stand-ins by name."""
    from core.embeddings import predict, stress

    loaded: dict[str, StandIn] = {}
    monkeypatch.setattr(predict, "load_model", lambda ref, *, ws=None: loaded.setdefault(ref, StandIn(ref)))
    monkeypatch.setattr(predict, "load_base", lambda base="": StandIn("base"))
    monkeypatch.setattr(libraries, "model_key", lambda model: f"key-{model.ref}")
    few = stress.stress_set
    monkeypatch.setattr(stress, "stress_set", lambda count=60, seed=11: few(4, seed))
    choices = [Choice("v1", "v1"), Choice("base", "base, before any training")]
    monkeypatch.setattr(model_use, "choices", lambda task: choices)
    st.cache_data.clear()
    return loaded


def test_without_a_trained_model_the_page_says_what_to_do(open_page, monkeypatch) -> None:
    monkeypatch.setattr(model_use, "choices", lambda task: [Choice("base", "base")])
    at = open_page("validation", task="embeddings")
    assert "There is no trained similarity model yet" in words_of(at)
    assert "Launch training" in buttons(at)


def test_two_texts_are_compared_before_and_after(open_page, models) -> None:
    at = open_page("validation", task="embeddings")
    assert not models, "opening the page loads no model"
    at.text_area(key="text-a").set_value("Keep 18 ft of clearance")
    at.text_area(key="text-b").set_value("Keep 8 ft of clearance <b>")
    at.button(key="compare").click().run()
    assert not at.exception
    said = words_of(at)
    before, after = said.index("<b>Before</b>"), said.index("<b>After</b>")
    assert "0.286" in said[before:after] and "0.571" in said[after:]
    assert "≠ differs" in said and "8 ft (8 feet)" in said and "&lt;b&gt;" in said
    assert at.query_params["a"] in ("Keep 18 ft of clearance", ["Keep 18 ft of clearance"])


def test_one_text_alone_is_told(open_page, models) -> None:
    at = open_page("validation", task="embeddings", a="18 ft")
    assert "needs two texts" in words_of(at)


def test_an_infraction_finds_passages_with_their_section(open_page, models, workspace) -> None:
    at = open_page("validation", task="embeddings", view="find")
    at.text_area(key="infraction").set_value("no warning tape 12 in. above the cable")
    at.button(key="find-passages").click().run()
    assert not at.exception
    said = words_of(at)
    assert "1 Trenches" in said and "underground_practice.md" in said
    assert '<mark class="nx-same">12 in.' in said and '<mark class="nx-word">cable</mark>' in said
    assert said.count('"nx-where"') == 5
    shipped = libraries.shipped_library(ws=workspace)
    assert libraries.is_embedded(shipped, "key-v1") and not libraries.is_embedded(shipped, "key-base")
    calls = models["v1"].calls
    at.toggle(key="also-find").set_value(True).run()
    assert words_of(at).count('"nx-where"') == 10 and models["v1"].calls == calls


def test_a_broken_model_is_one_sentence(open_page, models, monkeypatch) -> None:
    from core.embeddings import predict

    def fail(ref, *, ws=None):
        raise ModelError("The model cannot be read.", "Choose another version.")

    monkeypatch.setattr(predict, "load_model", fail)
    at = open_page("validation", task="embeddings", view="find", q="a pole leans")
    assert "The model cannot be read." in at.error[0].value and "Choose another version." in at.error[0].value


def titles(at) -> list[str]:
    return [json.loads(element.proto.json)["title"] for element in at.get("bidi_component")]


def test_scored_pass_over_a_gold_set(open_page, models, workspace) -> None:
    make_pairs(workspace, "field", "gold")
    at = open_page("validation", task="embeddings", view="score")
    at.button(key="score").click().run()
    assert not at.exception, [e.value for e in at.exception]
    said = words_of(at)
    assert "✗ target 0.85" in said and "Real data (gold)" in said
    assert "▲ Few pairs" in said
    assert "of single edits lower the score" in said and "Worst pairs of v1" in said
    assert titles(at) == ["Predicted against given"]
    assert "<td>copy</td>" in said


def test_scored_pass_over_a_file_before_and_after(open_page, models) -> None:
    rows = [{"a": f"pole {n}", "b": f"pole {n} leans", "score": n / 10} for n in range(8)]
    text = "\n".join([*(json.dumps(row) for row in rows), "no json"])
    at = open_page("validation", task="embeddings", view="score", also="true")
    at.file_uploader[0].set_value(("mine.jsonl", text.encode(), "application/json")).run()
    assert "1 row of mine.jsonl left out" in words_of(at)
    at.button(key="score").click().run()
    assert not at.exception
    said = words_of(at)
    assert "Your file" in said and titles(at) == ["Predicted against given"] * 2
    assert said.index("**v1**") < said.index("**base, before any training**")


def test_the_map_shows_a_library_before_and_after(open_page, models) -> None:
    at = open_page("validation", task="embeddings", view="map")
    assert not titles(at) and not models
    at.button(key="draw-map").click().run()
    assert not at.exception
    assert titles(at) == ["base, before any training", "v1"]
    said = words_of(at)
    assert "Nearest passage is of the same section" in said and "5 Pad equipment" in said
    (chart, _) = [json.loads(element.proto.json) for element in at.get("bidi_component")]
    assert sum(len(trace["text"]) for trace in chart["traces"]) == libraries.shipped_library().chunks
