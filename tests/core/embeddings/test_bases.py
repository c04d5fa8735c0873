"""What a similarity training may begin with: encoders, the starter, versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.embeddings import bases, preflight
from core.embeddings.recipe import build_recipe, list_bases
from core.errors import BaseModelError
from core.workspace import Workspace
from tests.core.embeddings.tiny import store_version


@pytest.mark.parametrize("name", ["v3", "starter", " v12 "])
def test_versions_are_no_names_of_the_hub(name: str) -> None:
    assert bases.is_version(name) and not bases.is_hub_name(name)


@pytest.mark.parametrize("name", ["bert-base-uncased", "v0", "v3/large", "minilm"])
def test_encoders_are_no_versions(name: str) -> None:
    assert not bases.is_version(name) and bases.trained(name) is None


def test_a_version_rests_on_the_encoder_that_it_was_trained_from(
    workspace: Workspace, tiny_encoder: Path
) -> None:
    version = store_version(tiny_encoder)
    assert bases.encoder_of(version.id) == str(tiny_encoder)
    sizes = preflight.base_size(version.id)
    assert (sizes.layers, sizes.hidden) == (2, 32) == (2, preflight.base_size(str(tiny_encoder)).hidden)
    found = preflight.check(build_recipe("fast", {"head_layers": 1}), None, version.id)
    assert any(version.id in item.detail and item.ok for item in found)
    assert not [item for item in found if item.ok is False and item.title in ("Method", "Joint layers")]
    found = preflight.check(build_recipe("fast"), None, version.id)
    assert [item.detail for item in found if item.title == "Joint layers" and item.ok is False]
    found = preflight.check(build_recipe("fast", {"method": "lora"}), None, version.id)
    assert [item.title for item in found if item.ok is False and item.title == "Method"]


def test_a_missing_version_is_named_before_the_start(workspace: Workspace) -> None:
    with pytest.raises(BaseModelError, match="'v9'"):
        bases.encoder_of("v9")
    bad = [item for item in preflight.check(build_recipe("fast"), None, "v9") if item.title == "Base model"]
    assert [item.ok for item in bad] == [False] and "v9" in bad[0].detail


def test_the_starter_is_offered_where_it_ships(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {choice.name: choice.available for choice in list_bases()}["starter"]
    monkeypatch.setattr("core.workspace.STARTER_DIR", tmp_path)
    missing = {choice.name: choice for choice in list_bases()}["starter"]
    assert not missing.available and "not part" in missing.reason


def test_names_that_move_are_refused(workspace: Workspace) -> None:
    with pytest.raises(BaseModelError, match="'production'"):
        bases.trained("production")
    assert not bases.is_hub_name("production")


def test_a_version_of_a_hub_encoder_needs_the_hub(
    workspace: Workspace, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = store_version(tiny_encoder)
    assert not bases.is_hub_name(version.id)
    monkeypatch.setattr(bases, "encoder_of", lambda name: "somebody/encoder")
    assert bases.is_hub_name(version.id)
