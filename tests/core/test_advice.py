"""What to do next: from facts alone, and collected from a workspace."""

from __future__ import annotations

import pytest

from core.advice import LOWER_RATE, Figures, Situation, advise, figures_of, setback, situation
from core.registry.manifest import Version
from core.runs.state import RunStatus
from core.tasks import TASKS, Task

NER = TASKS["ner"]
MISSING = Task(name="none", title="None", purpose="", package="core.not_there", main_metric="f1", targets=())
GOOD = Figures(generated={"f1": 0.95, "precision": 0.95}, real={"f1": 0.9, "precision": 0.9})


def version(
    name: str, test: dict | None = None, gold: dict | None = None, source: str = "workspace"
) -> Version:
    manifest = {"metrics": {"after": {"test": test, "gold": gold}, "before": {"test": None, "gold": None}},
                "dataset": {"id": "poles@1", "source": "generated"}}  # fmt: skip
    return Version("ner", name, None, "full", "minilm", manifest, "2026-01-01T00:00:00+00:00", source)


def run(state: str, name: str = "a") -> RunStatus:
    return RunStatus(
        run_id=f"ner-{name}", task="ner", state=state, name=name, message="It broke.", hint="Retry."
    )


def codes(facts: Situation) -> list[str]:
    return [item.code for item in advise(facts)]


def test_a_model_outside_this_edition_gets_no_advice() -> None:
    assert advise(Situation(MISSING)) == []
    assert situation(MISSING) == Situation(MISSING)


def test_without_data_generate_comes_first() -> None:
    found = advise(Situation(NER))
    assert (found[0].code, found[0].page) == ("generate", "generate")


def test_with_data_and_no_model_train_comes_first_then_a_gold_set() -> None:
    assert codes(Situation(NER, datasets=1)) == ["train", "gold"]


def test_a_running_training_is_watched_before_all_else() -> None:
    facts = Situation(NER, datasets=1, runs=(run("queued", "b"), run("running", "a"), run("failed", "c")))
    first = advise(facts)[0]
    assert (first.code, first.params) == ("watch", {"task": "ner", "run": "ner-a"})
    assert "train" not in codes(facts)


@pytest.mark.parametrize("state", ["failed", "lost"])
def test_a_broken_last_training_is_explained(state: str) -> None:
    first = advise(Situation(NER, datasets=1, runs=(run(state), run("completed", "old"))))[0]
    assert first.code == "look"
    assert "It broke. Retry." in first.text


def test_an_older_failure_is_history() -> None:
    assert "look" not in codes(Situation(NER, datasets=1, runs=(run("completed"), run("failed", "old"))))


def test_a_first_version_is_to_be_tried_and_promoted() -> None:
    facts = Situation(NER, datasets=1, gold="g@1", newest=version("v1"), newest_figures=GOOD)
    first = advise(facts)[0]
    assert (first.code, first.params) == ("promote", {"task": "ner", "after": "v1"})
    assert "nothing is in production" in first.text


def test_a_better_version_is_compared_on_real_data() -> None:
    worse = Figures(generated={"f1": 0.99}, real={"f1": 0.8, "precision": 0.9})
    facts = Situation(
        NER, datasets=1, gold="g@1", production=version("v1"), production_figures=worse, newest=version("v2"),
        newest_figures=GOOD,
    )  # fmt: skip
    first = advise(facts)[0]
    assert first.code == "promote"
    assert "0.900 against 0.800 on real data" in first.text


def test_a_version_that_is_worse_or_the_same_is_not_suggested() -> None:
    facts = Situation(
        NER, datasets=1, gold="g@1", production=version("v1"), production_figures=GOOD, newest=version("v2"),
        newest_figures=Figures(generated={"f1": 0.99}, real={"f1": 0.7, "precision": 0.9}),
    )  # fmt: skip
    assert codes(facts) == ["done"]


def test_real_is_never_weighed_against_generated() -> None:
    facts = Situation(
        NER, datasets=1, gold="g@1", production=version("v1"),
        production_figures=Figures(generated={"f1": 0.9}, real={"f1": 0.86, "precision": 0.9}),
        newest=version("v2"), newest_figures=Figures(generated={"f1": 0.88}),
    )  # fmt: skip
    assert "promote" not in codes(facts)


def test_below_target_the_weakest_label_is_named() -> None:
    weak = Figures(
        real={"f1": 0.8, "precision": 0.9},
        labels={"EXEMPTION": {"f1": 0.5, "support": 12}, "MEASURE": {"f1": 0.9, "support": 40}},
    )
    facts = Situation(
        NER, datasets=1, gold="g@1", production=version("v1"), production_figures=weak, newest=version("v1")
    )
    first = advise(facts)[0]
    assert first.code == "improve"
    assert "0.800 on real data, the target is 0.85" in first.text
    assert "EXEMPTION (F1 0.500)" in first.text


def test_all_met_means_nothing_left_to_do() -> None:
    facts = Situation(
        NER, datasets=1, gold="g@1", production=version("v1"), production_figures=GOOD, newest=version("v1")
    )
    assert codes(facts) == ["done"]


def test_figures_of_a_version() -> None:
    found = figures_of(version("v1", {"f1": 0.9, "labels": {"MEASURE": {"f1": 0.7}}}, {"f1": 0.5}))
    assert found.generated == {"f1": 0.9}
    assert found.judged("f1") == 0.5
    assert found.labels == {"MEASURE": {"f1": 0.7}}
    assert found.held_out_word == "generated"
    assert figures_of(None) == Figures()
    assert figures_of(version("v1"), "before") == Figures()


def test_an_empty_workspace_has_no_facts(workspace) -> None:
    facts = situation(NER, workspace)
    assert (facts.datasets, facts.gold, facts.runs, facts.newest) == (0, None, (), None)


def test_a_detector_is_spoken_of_in_photos_and_its_classes_in_recall() -> None:
    yolo = TASKS["yolo"]
    first = advise(Situation(yolo))[0]
    assert (first.page, first.params) == ("generate", {"task": "yolo"})
    assert "thousand photos" in first.text
    classes = {"pole": {"recall": 0.9, "support": 9}, "crossarm": {"recall": 0.2, "support": 4},
               "underground": {"recall": None, "support": 0}}  # fmt: skip
    newest = version("v1", {"map50_95": 0.3, "classes": classes})
    facts = Situation(yolo, datasets=1, gold="g", newest=newest, newest_figures=figures_of(newest))
    (improve,) = [item for item in advise(facts) if item.code == "improve"]
    assert "Add photos with crossarm (recall 0.200)." in improve.text
    assert improve.params == {"task": "yolo"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"test": {"f1": 0.6}}, {"test": {"f1": 0.43}}, "F1 0.430 instead of 0.600 on generated data"),
        ({"test": {"f1": 0.6}}, {"test": {"f1": 0.595}}, ""),
        ({"test": {"f1": 0.6}}, {"test": {"f1": 0.7}}, ""),
        # What counts is real data, where both have a figure on it.
        ({"test": {"f1": 0.6}, "gold": {"f1": 0.5}}, {"test": {"f1": 0.4}, "gold": {"f1": 0.6}}, ""),
        (
            {"test": {"f1": 0.6}, "gold": {"f1": 0.5}},
            {"test": {"f1": 0.7}, "gold": {"f1": 0.4}},
            "F1 0.400 instead of 0.500 on real data",
        ),
        ({}, {"test": {"f1": 0.4}}, ""),
    ],
)
def test_a_training_that_made_it_worse_is_told(before: dict, after: dict, told: str) -> None:
    made = version("v2")
    made.manifest["metrics"] = {"before": before, "after": after}
    found = setback(NER, made)
    assert told in found if told else found == ""


def test_after_a_setback_a_smaller_rate_is_advised() -> None:
    made = version("v2")
    made.manifest["metrics"] = {"before": {"test": {"f1": 0.6}}, "after": {"test": {"f1": 0.4}}}
    facts = Situation(NER, datasets=1, newest=made, newest_figures=figures_of(made))
    item = next(item for item in advise(facts) if item.code == "improve")
    assert item.text.endswith(LOWER_RATE) and item.page == "launch"
