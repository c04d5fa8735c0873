"""The NER recipe, its presets and the pre-flight check."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from core.errors import RecipeError
from core.ner import preflight
from core.ner.recipe import PRESETS, NerRecipe, build_recipe, check, estimate_seconds
from core.recipe import fields
from core.workspace import Workspace


def dataset(**counts: int) -> SimpleNamespace:
    return SimpleNamespace(id="toy@12345678", counts=counts, card={})


def by_title(found: list) -> dict:
    return {item.title: item for item in found}


def test_seed_preset_is_the_plan_as_written() -> None:
    seed = build_recipe("seed")
    assert PRESETS["seed"].base_model == "bert-base-uncased"
    assert (seed.method, seed.epochs, seed.batch_size, seed.patience) == ("lora", 20, 16, 5)
    assert (seed.learning_rate, seed.target) == (2e-5, 0.85)


def test_seed_preset_says_and_does_something_about_the_small_rate() -> None:
    seed = build_recipe("seed")
    assert seed.rate == 1e-3
    assert "learn nothing" in PRESETS["seed"].help
    assert build_recipe("seed", {"method": "full"}).rate == 2e-5


def test_zero_adapter_rate_takes_the_schedules_rate() -> None:
    assert build_recipe("fast", {"method": "lora", "lora_learning_rate": 0}).rate == 3e-4


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_build(preset: str) -> None:
    assert isinstance(build_recipe(preset), NerRecipe)


def test_every_field_tells_a_form_what_it_is() -> None:
    for info in fields(NerRecipe):
        assert info.title and info.help.endswith((".", ")")) and info.group, info.name
        assert info.kind != "float" or info.minimum is not None, info.name


def test_unknown_field_and_preset_are_named() -> None:
    with pytest.raises(RecipeError, match="'learnrate' is not a setting"):
        build_recipe("fast", {"learnrate": 1})
    with pytest.raises(RecipeError, match="'quick' is not a preset"):
        build_recipe("quick")
    with pytest.raises(RecipeError, match="lora_rank = 0"):
        build_recipe("fast", {"lora_rank": 0})


def test_check_passes_a_healthy_start(workspace: Workspace) -> None:
    found = check(build_recipe("fast"), dataset(train=4000, val=500, test=500), "minilm")
    assert not [item for item in found if item.ok is False]
    assert by_title(found)["Base model"].ok is True


def test_check_blocks_without_data_or_base(workspace: Workspace, tmp_path) -> None:
    found = by_title(check(build_recipe("fast"), None, str(tmp_path / "nowhere")))
    assert found["Data"].ok is False
    assert found["Base model"].ok is False
    assert "does not exist" in found["Base model"].detail


def test_check_warns_of_an_adapter_rate_that_learns_nothing(workspace: Workspace) -> None:
    recipe = build_recipe("seed", {"lora_learning_rate": 0})
    item = by_title(check(recipe, dataset(train=4000, val=10)))["Learning rate"]
    assert item.ok is None
    assert "learn nothing" in item.detail


def test_check_tells_which_rate_holds(workspace: Workspace) -> None:
    item = by_title(check(build_recipe("seed"), dataset(train=4000, val=10)))["Learning rate"]
    assert item.ok is True
    assert "0.001" in item.detail and "2e-05" in item.detail


def test_check_sees_a_full_disk(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.preflight.shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    assert by_title(check(build_recipe("fast"), dataset(train=4000)))["Disk"].ok is False


def test_estimate_grows_with_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "core_speed", lambda: 1e11)
    fast = build_recipe("fast")
    one = estimate_seconds(fast, 2000, None)
    assert estimate_seconds(fast, 4000, None) > 1.5 * one
    assert estimate_seconds(build_recipe("fast", {"epochs": 4}), 2000, None) > 1.5 * one
    assert estimate_seconds(fast, 2000, None, "bert-base-uncased") > 5 * one
    assert estimate_seconds(build_recipe("fast", {"method": "lora"}), 2000, None) < one


def test_recipe_room_needs_no_torch() -> None:
    code = (
        "import sys; from core.ner import recipe; recipe.list_bases(); "
        "recipe.estimate_seconds(recipe.build_recipe(), 9)\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
