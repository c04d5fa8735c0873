"""The way through the product in a real browser: generate, train, watch, come back, read entities."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

SENTENCE = "Install pole with 18 feet clearance per G.O. 95"
SECONDS = 1000
# The packaged base model on few sentences: enough to read the sentence, in about a minute.
COUNT = 1200
SETTINGS = {"epochs": 3, "learning_rate": 0.0005, "consistency": 0, "gradient_accumulation": 1}


def shot(page: Any, name: str) -> None:
    """Keep a picture of the page where NEXA_SHOTS names a folder."""
    folder = os.environ.get("NEXA_SHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.mark.browser
def test_from_an_empty_workspace_to_entities(studio: str, browser: Any) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=30 * SECONDS)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(studio)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_text("What to do next")).to_be_visible()
    shot(page, "overview_empty")

    page.get_by_role("link", name="Data").click()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()
    count = page.get_by_role("spinbutton", name="Sentences")
    count.fill(str(COUNT))
    count.press("Enter")
    expect(page.get_by_text("EQUIPMENT").first).to_be_visible()
    page.get_by_role("button", name="Generate the dataset").click()
    expect(page.get_by_text("ner@").first).to_be_visible()
    shot(page, "data")

    # The address keeps the form: that is how settings are shared, and how this test fills it.
    page.goto(f"{studio}/launch?{urlencode({f'ner.fast.{name}': value for name, value in SETTINGS.items()})}")
    start = page.get_by_role("button", name="Start training")
    expect(start).to_be_enabled()
    expect(page.get_by_text("python -m core train ner")).to_be_visible()
    shot(page, "launch")
    start.click()

    page.wait_for_url("**/live?**", timeout=30 * SECONDS)
    chart = page.locator(".js-plotly-plot").first
    expect(chart).to_be_visible()
    expect(page.get_by_text("Running").first).to_be_visible()
    watch_zoom_survive(page)
    shot(page, "live_running")
    address = page.url

    context.close()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    expect(page.get_by_text("Completed").first).to_be_visible(timeout=240 * SECONDS)
    shot(page, "live_done")

    page.get_by_role("link", name="Validation").click()
    page.get_by_label("Text").first.fill(SENTENCE)
    page.get_by_role("button", name="Find entities").click()
    found = page.locator("table").first
    expect(found.get_by_text("Confidence")).to_be_visible(timeout=60 * SECONDS)
    shot(page, "validation")
    for label, text in (("EQUIPMENT", "pole"), ("MEASURE", "18 feet"), ("STANDARD", "G.O. 95")):
        expect(found.locator("tr", has_text=label).filter(has_text=text)).to_be_visible()
    context.close()
    assert not errors


def watch_zoom_survive(page: Any) -> None:
    """Zoom the first chart, wait until its data has grown, and find the same node and the same zoom."""
    state = """() => {
        const el = document.querySelector('.js-plotly-plot');
        const points = Math.max(...el.calcdata.map(t => t.length));
        return {mark: el.dataset.mark || '', range: el.layout.xaxis.range.map(Number), points};
    }"""
    page.wait_for_function(
        "() => { const el = document.querySelector('.js-plotly-plot');"
        " return el && el.calcdata && Math.max(...el.calcdata.map(t => t.length)) > 3; }",
        timeout=60 * SECONDS,
    )
    page.evaluate(
        "() => { const el = document.querySelector('.js-plotly-plot'); el.dataset.mark = 'same';"
        " return window.Plotly.relayout(el, {'xaxis.range[0]': 1, 'xaxis.range[1]': 40}); }"
    )
    before = page.evaluate(state)
    page.wait_for_function(
        "n => { const el = document.querySelector('.js-plotly-plot');"
        " return Math.max(...el.calcdata.map(t => t.length)) > n; }",
        arg=before["points"],
        timeout=60 * SECONDS,
    )
    after = page.evaluate(state)
    assert after["mark"] == "same", "the chart was mounted anew by a tick"
    assert after["range"] == before["range"] == [1, 40]
