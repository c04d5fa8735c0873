"""The Live and Launch pages of the detector: curves by class, sheets of validation photos, the form."""

from __future__ import annotations

import json

from core.runs.context import RunContext
from core.runs.spec import RunSpec
from core.runs.state import RunState, new_status, write_status
from core.workspace import Workspace
from tests.pages.conftest import words_of
from tests.pages.yolo_stand_in import make_dataset, photo_bytes


def make_run(workspace: Workspace, sheets: tuple[int, ...] = ()) -> str:
    """A completed detector run with two epochs."""
    from core.yolo.recipe import build_recipe

    run_dir = workspace.run("yolo-20260101-000000-arms")
    run_dir.mkdir(parents=True)
    spec = RunSpec(
        task="yolo", recipe=build_recipe("fast").model_dump(), preset="fast", dataset="scenes@12345678",
        base_model="scratch", name="arms", created=1_767_225_600.0, rows=20,
    )  # fmt: skip
    spec.save(run_dir)
    write_status(run_dir, new_status(run_dir, spec))
    with RunContext(run_dir, spec) as ctx:
        ctx._set(state=RunState.RUNNING, started=spec.created)
        ctx.start(20, 2, device="cpu")
        for step in range(1, 21):
            ctx.step(step, step / 10, {"loss": 3 / step, "box_loss": 1 / step, "class_loss": 1.0})
            if step % 10 == 0:
                ctx.epoch(step, step / 10, {
                    "train_loss": 1.0, "val_loss": 1.1, "box_loss": 0.4, "val_box_loss": 0.5, "map50": 0.6,
                    "map50_95": 0.3, "pole_recall": 0.8, "crossarm_recall": 0.4, "crossarm_precision": 0.7,
                })  # fmt: skip
        ctx.save_status()
        ctx.finish("completed", "It ended.", "")
    for epoch in sheets:
        path = run_dir / "samples" / f"epoch_{epoch:03d}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(photo_bytes(epoch))
    return run_dir.name


def test_losses_and_classes_have_their_charts(open_page, workspace) -> None:
    at = open_page("live", run=make_run(workspace))
    by_title = {
        chart["title"]: chart for chart in (json.loads(e.proto.json) for e in at.get("bidi_component"))
    }
    assert {"Loss", "mAP50-95", "mAP50", "Recall by class", "Precision by class", "Box loss"} <= set(by_title)
    assert by_title["mAP50-95"]["layout"]["shapes"][0]["y0"] == 0.60
    recall = by_title["Recall by class"]["layout"]
    assert recall["shapes"][0]["y0"] == 0.50
    assert recall["annotations"][0]["text"] == "crossarm target 0.5"
    assert "Best validation mAP50-95 so far" in words_of(at)
    assert "Samples" not in [tab.label for tab in at.tabs]


def test_the_newest_sheet_is_shown(open_page, workspace) -> None:
    at = open_page("live", run=make_run(workspace, (1, 3)))
    assert "Samples" in [tab.label for tab in at.tabs]
    assert "Validation photos after epoch 3" in words_of(at)


def test_the_form_of_the_detector_is_made_from_its_recipe(open_page, workspace) -> None:
    make_dataset(workspace)
    at = open_page("launch", task="yolo", **{"yolo.fast.base": "scratch"})
    labels = [widget.label for widget in at.number_input]
    assert "Images per epoch" in labels
    assert "Image size (pixels)" in labels
    assert "Weight of crossarms" in labels
    assert any("core train yolo" in code.value for code in at.code)
    said = words_of(at)
    assert "4 training, 2 validation, 2 test images" in said


def test_without_data_the_launch_page_leads_to_the_scenes(open_page) -> None:
    at = open_page("launch", task="yolo")
    assert "There is no training data for Detector yet." in words_of(at)
