"""The similarity model in a real browser: import a specification, train, search an infraction, promote."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from core.embeddings.dataset import build_generated
from core.embeddings.generate import build_settings
from core.registry import store as registry
from core.workspace import Workspace
from tests.e2e.test_story import shot

SECONDS = 1000
SPEC = """# Field spec

## 1 Clearances

### 1.1 Sidewalks

Service drops keep 12 ft above sidewalks.

## 2 Guys

A guy beside a path carries a guard of 8 ft.

## 3 Trenches

A warning tape lies 12 in. above the cable.
"""
INFRACTION = "service drop only 9 ft above the sidewalk"
SETTINGS = {
    "epochs": 2, "first_stage": "simcse", "first_epochs": 1, "first_texts": 64, "learning_rate": 0.003,
    "freeze_layers": 0,
}  # fmt: skip


@pytest.fixture
def tiny_encoder(tmp_path: Path) -> Path:
    """Folder of a 2-layer base encoder."""
    from tests.core.embeddings.tiny import tiny_base

    return tiny_base(tmp_path / "base")


@pytest.mark.browser
def test_a_specification_is_searched_by_a_model_trained_here(
    tiny_encoder: Path, tmp_path: Path, workspace: Workspace, studio: str, browser: Any
) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=30 * SECONDS)
    build_generated(build_settings({"count": 400}), name="pairs", ws=workspace)
    spec = tmp_path / "field spec.md"
    spec.write_text(SPEC, encoding="utf-8")
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(f"{studio}/generate?task=embeddings&tab=libraries")
    page.locator("input[type=file]").set_input_files(str(spec))
    expect(page.get_by_text("Field spec › 1 Clearances › 1.1 Sidewalks")).to_be_visible()
    shot(page, "embeddings_library")
    page.get_by_role("button", name="Save the library").click()
    expect(page.get_by_text("can be searched")).to_be_visible()

    form = {f"embeddings.fast.{name}": value for name, value in SETTINGS.items()}
    form["embeddings.fast.base"] = str(tiny_encoder)
    page.goto(f"{studio}/launch?{urlencode({'task': 'embeddings', **form})}")
    expect(page.get_by_text(f"--base-model {tiny_encoder}")).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**/live?**", timeout=30 * SECONDS)
    expect(page.get_by_text("Texts without grades (simcse)")).to_be_visible()
    expect(page.get_by_text("Completed").first).to_be_visible(timeout=240 * SECONDS)
    expect(page.get_by_text("Loss of the first stage").first).to_be_visible()
    shot(page, "embeddings_live")

    page.goto(f"{studio}/validation?task=embeddings&view=find")
    page.get_by_label("Library").first.click()
    page.get_by_role("option", name="field-spec").click()
    page.get_by_placeholder("Type or paste an infraction").fill(INFRACTION)
    page.get_by_role("button", name="Find passages").click()
    where = page.locator(".nx-where")
    expect(where).to_have_count(3, timeout=60 * SECONDS)
    found = page.locator(".nx-passage", has_text="Service drops keep 12 ft")
    expect(found.locator("mark.nx-other")).to_have_text("12 ft")
    expect(found.locator("mark.nx-word").first).to_have_text("Service")
    scores = [float(text.split(" · ")[1]) for text in page.locator(".nx-head b").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    shot(page, "embeddings_find")

    page.goto(f"{studio}/models?task=embeddings")
    page.get_by_role("button", name="Promote").first.click()  # the newest version's; the starter has one, too
    page.get_by_role("button", name="Use v1").click()
    expect(page.get_by_text("In production: v1")).to_be_visible(timeout=60 * SECONDS)
    assert registry.aliases("embeddings", ws=workspace)["production"] == "v1"
    page.goto(f"{studio}/generate?task=embeddings&tab=libraries")
    expect(page.get_by_text("embedded with v1")).to_have_count(2)
    assert not errors
