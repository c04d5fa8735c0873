"""The Live page in every state of a run."""

from __future__ import annotations

import json
import os

import pytest

from core.registry import store as registry
from core.workspace import Workspace, write_json_atomic
from tests.pages.conftest import buttons, words_of


def charts(at) -> list[dict]:
    """The payloads of the charts on the page."""
    return [json.loads(element.proto.json) for element in at.get("bidi_component")]


def test_empty(open_page) -> None:
    at = open_page("live")
    assert "No training has been started yet." in words_of(at)
    assert buttons(at) == ["Launch training"]


def test_running(open_page, make_run) -> None:
    run = make_run("running")
    at = open_page("live", run=run.name)
    said = words_of(at)
    assert "50%" in said
    assert "Best validation F1 so far" in said
    assert "0.900" in said
    assert "Target reached" in said
    assert {"Stop", "Cancel"} <= set(buttons(at))
    assert "Validate" not in buttons(at)


def test_curves_show_target_and_best(open_page, make_run) -> None:
    at = open_page("live", run=make_run("running").name)
    by_title = {chart["title"]: chart for chart in charts(at)}
    assert {"Loss", "F1", "Precision", "Recall", "Load", "Memory"} <= set(by_title)
    assert [trace["line"]["dash"] for trace in by_title["Loss"]["traces"] if "name" in trace] == [
        "solid",
        "dash",
    ]
    assert by_title["F1"]["layout"]["shapes"][0]["y0"] == 0.85
    assert "best 0.900" in json.dumps(by_title["F1"]["traces"])


def test_charts_keep_their_zoom_by_a_revision_that_does_not_change(open_page, make_run) -> None:
    run = make_run("running")
    first, second = charts(open_page("live", run=run.name)), charts(open_page("live", run=run.name))
    assert [c["layout"]["uirevision"] for c in first] == [c["layout"]["uirevision"] for c in second]


@pytest.mark.parametrize("wish", ["stop", "cancel"])
def test_ending_a_training_is_asked_twice(open_page, make_run, wish: str) -> None:
    run = make_run("running")
    at = open_page("live", run=run.name)
    at.button(key=wish).click().run()
    assert not (run / wish).exists()
    assert at.button(key=f"confirm-{wish}").proto.type == "primary"
    assert at.button(key=f"keep-{wish}").label == "Keep training"


def test_a_wish_that_waits_is_shown_and_cannot_be_made_twice(open_page, make_run) -> None:
    run = make_run("running")
    (run / "stop").touch()
    at = open_page("live", run=run.name)
    assert at.button(key="stop").disabled
    assert at.button(key="stop").label == "Stopping …"


def test_a_training_that_does_not_obey_can_be_ended_by_force(open_page, make_run) -> None:
    run = make_run("running")
    (run / "cancel").touch()
    os.utime(run / "cancel", (0, 0))
    assert "End it by force" in buttons(open_page("live", run=run.name))


def test_queued_says_that_it_waits(open_page, make_run) -> None:
    at = open_page("live", run=make_run("queued").name)
    assert "Waiting for a free slot" in at.info[0].value
    assert "Cancel" in buttons(at)
    assert "Stop" not in buttons(at)


@pytest.mark.parametrize("state", ["failed", "stopped", "cancelled", "completed", "lost"])
def test_every_end_is_explained_and_leads_on(open_page, make_run, state: str) -> None:
    run = make_run(state, message="The disk is full.", hint="Free some space.")
    at = open_page("live", run=run.name)
    said = words_of(at)
    assert ("killed or the machine went down" if state == "lost" else "The disk is full.") in said
    assert state.capitalize() in said
    assert "Change the settings" in buttons(at)
    assert ("Retry with the same settings" in buttons(at)) == (state != "completed")
    assert "Stop" not in buttons(at)
    assert not at.error


@pytest.mark.parametrize(("was", "told"), [(0.6, True), (0.2, False)])
def test_a_training_that_made_the_model_worse_says_so(
    open_page, make_run, workspace: Workspace, was: float, told: bool
) -> None:
    trained = workspace.run("ner-trained")
    (trained / "model").mkdir(parents=True)
    (trained / "model" / "model.safetensors").write_bytes(b"weights")
    write_json_atomic(trained / "spec.json", {"task": "ner", "preset": "fast", "seed": 7})
    report = {"test": {"f1": 0.43}, "before": {"test": {"f1": was}}}
    write_json_atomic(trained / "report.json", report)
    version = registry.register_run(trained, ws=workspace).id
    at = open_page("live", run=make_run("completed", version=version).name)
    said = [element.value for element in at.warning]
    assert bool(said) == told
    assert not told or f"{version} is worse than the model before it: F1 0.430 instead of 0.600" in said[0]


def test_resume_is_offered_only_with_a_resume_point(open_page, make_run) -> None:
    run = make_run("lost")
    assert "Resume from the last checkpoint" not in buttons(open_page("live", run=run.name))


def test_a_link_to_a_run_that_is_gone_shows_another(open_page, make_run) -> None:
    make_run("completed")
    at = open_page("live", run="ner-gone")
    assert not at.error
    assert "It ended." in words_of(at)


def test_compare_draws_both_runs(open_page, make_run) -> None:
    one, two = make_run("completed", name="one"), make_run("completed", name="two")
    at = open_page("live", **{"run": one.name, "with": two.name})
    f1 = next(chart for chart in charts(at) if chart["title"] == "F1")
    assert {"one · validation", "two · validation"} <= {trace.get("name") for trace in f1["traces"]}


def test_the_exact_command_stands_in_the_spec(open_page, make_run) -> None:
    at = open_page("live", run=make_run("completed").name)
    assert any("core train ner --preset fast --dataset poles@12345678" in code.value for code in at.code)


def test_a_run_with_a_broken_log_still_opens(open_page, make_run) -> None:
    run = make_run("completed")
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(b'\xff\xfe not json\n{"kind": "step"')
    at = open_page("live", run=run.name)
    assert not at.error
    assert charts(at)
