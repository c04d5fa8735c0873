"""From a wish to a spec and its command, and the estimate of its time."""

from __future__ import annotations

import pytest

from core.errors import InputError, RecipeError
from core.runs import estimate, launcher
from core.runs.plan import command_line, make_spec
from core.runs.spec import RunSpec
from tests.core.runs.fake_task.recipe import build_recipe


def test_a_spec_is_resolved(launchable, workspace):
    spec = make_spec("ner", recipe={"epochs": 7}, dataset="toy@12345678", name="  my run ", ws=workspace)
    assert (spec.preset, spec.base_model, spec.name, spec.rows) == ("fast", "none", "my run", 10)
    assert spec.recipe["epochs"] == 7 and spec.recipe["steps"] == 5
    assert spec.dataset_hash == "0" * 64
    assert not workspace.runs.exists(), "a plan writes nothing"


def test_the_command_says_what_differs_from_the_preset(launchable):
    spec = make_spec(
        "ner", recipe={"epochs": 7, "pause": 0.5, "seed": 0}, dataset="toy@12345678", name="a b", gold="g@1"
    )
    assert command_line(spec) == (
        "python -m core train ner --preset fast --dataset toy@12345678 --gold g@1 "
        "--set epochs=7 --set pause=0.5 --name 'a b'"
    )
    assert spec.argv[:5] == ["python", "-m", "core", "train", "ner"]


def test_bad_wishes_are_named_before_anything_is_made(launchable, workspace):
    with pytest.raises(RecipeError, match="epochs = 0"):
        launchable(epochs=0)
    with pytest.raises(RecipeError, match="'epoch' is not a setting"):
        launchable(epoch=3)
    with pytest.raises(InputError, match="No dataset was named"):
        launcher.launch("ner", dataset="")
    with pytest.raises(InputError, match="'poem' is not a model"):
        launcher.launch("poem", dataset="toy@12345678")
    assert not workspace.runs.exists()


def test_a_spec_survives_its_file(tmp_path):
    spec = RunSpec(task="ner", recipe={"name": "Mäst 柱"}, dataset="d@1", argv=["python", "x"], created=5.0)
    spec.save(tmp_path)
    assert RunSpec.load(tmp_path) == spec


def test_an_estimate_learns_from_the_machine(launchable, workspace):
    recipe = build_recipe("fast", {"epochs": 2, "pause": 0.01})
    first = estimate.estimate("ner", recipe, rows=10, ws=workspace)
    assert first == estimate.Estimate(pytest.approx(0.1), 0)
    status = launchable(epochs=2, pause=0.01, wait=True)
    second = estimate.estimate("ner", recipe, rows=10, ws=workspace)
    assert second.runs == 1
    assert second.seconds == pytest.approx(min(status.seconds, 1.0), rel=0.05)
    other = estimate.estimate("ner", recipe, rows=10, base_model="another", ws=workspace)
    assert other.runs == 0
