"""Which models can be tried, and which two are compared at first."""

from __future__ import annotations

import pytest

from core.registry import store as registry
from core.tasks import TASKS
from dashboard import model_use
from dashboard.model_use import Choice, Scores

NER = TASKS["ner"]


@pytest.mark.parametrize(
    ("ids", "production", "expected"),
    [
        (["v2", "v1", "starter", "base"], "v1", ("v1", "v2")),
        (["v1", "starter", "base"], "v1", ("starter", "v1")),
        (["v1", "base"], None, ("base", "v1")),
        (["starter", "base"], None, ("base", "starter")),
        (["base"], None, ("base", "base")),
    ],
)
def test_newest_is_compared_with_what_it_would_replace(monkeypatch, ids, production, expected) -> None:
    monkeypatch.setattr(registry, "aliases", lambda task: {"production": production} if production else {})
    assert model_use.defaults(NER, [Choice(i, i) for i in ids]) == expected


def test_choices_of_an_empty_workspace_end_with_the_base(workspace) -> None:
    assert [choice.id for choice in model_use.choices(NER)][-1] == "base"


def test_titles_do_not_change_when_a_version_is_promoted(workspace, monkeypatch) -> None:
    before = [choice.title for choice in model_use.choices(NER)]
    monkeypatch.setattr(registry, "aliases", lambda task: {"production": "starter", "candidate": "starter"})
    assert [choice.title for choice in model_use.choices(NER)] == before
    assert model_use.roles(NER) == {"starter": "production, candidate"}


def test_only_the_newest_scores_are_kept() -> None:
    scores = Scores()
    for number in range(60):
        scores.put(("ner", f"v{number}", "", "d"), {"f1": number})
    assert len(scores.results) == 50
    assert scores.get(("ner", "v0", "", "d")) is None
    assert scores.get(("ner", "v59", "", "d")) == {"f1": 59}
