"""The palette: contrast of every colour, and that Streamlit's configuration repeats it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from dashboard import theme
from dashboard.theme import Colour

ROOT = Path(__file__).resolve().parents[2]
AA = 4.5


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


TEXT_COLOURS = {
    "text": theme.TEXT, "muted": theme.MUTED, "met": theme.TARGET_MET, "running": theme.RUNNING,
    "failed": theme.FAILED, "generated": theme.GENERATED, "real": theme.REAL, **theme.LABELS,
    **{f"series{i}": colour for i, colour in enumerate(theme.SERIES)},
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT_COLOURS)
@pytest.mark.parametrize("surface", [theme.BACKGROUND, theme.PANEL])
def test_every_text_colour_reaches_aa_in_both_themes(name: str, surface: Colour) -> None:
    colour = TEXT_COLOURS[name]
    assert contrast(colour.light, surface.light) >= AA
    assert contrast(colour.dark, surface.dark) >= AA


def mixed(colour: str, background: str, share: float) -> str:
    parts = [(int(colour[i : i + 2], 16), int(background[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(one * share + other * (1 - share)):02X}" for one, other in parts)


@pytest.mark.parametrize("label", theme.LABELS)
def test_label_words_reach_aa_on_the_tint_of_their_entity(label: str) -> None:
    share = re.search(r"\.nx-ent \{ background: color-mix\(in srgb, var\(--c\) (\d+)%", theme.stylesheet())
    assert share is not None
    colour, tint = theme.LABELS[label], int(share[1]) / 100
    for mode in ("light", "dark"):
        word = getattr(colour, mode)
        assert contrast(word, mixed(word, getattr(theme.BACKGROUND, mode), tint)) >= AA


def test_white_on_the_accent_reaches_aa() -> None:
    assert contrast(theme.ACCENT.light, "#FFFFFF") >= AA
    assert contrast(theme.ACCENT.dark, "#FFFFFF") >= AA


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_streamlit_configuration_repeats_the_palette(mode: str) -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    section = config["theme"][mode]
    expected = {
        "primaryColor": theme.ACCENT, "backgroundColor": theme.BACKGROUND, "textColor": theme.TEXT,
        "secondaryBackgroundColor": theme.PANEL, "borderColor": theme.BORDER, "redColor": theme.FAILED,
        "yellowColor": theme.RUNNING, "greenColor": theme.TARGET_MET, "blueColor": theme.REAL,
        "grayColor": theme.GENERATED, "violetColor": theme.ENTITY["STANDARD"],
    }  # fmt: skip
    assert {key: section[key] for key in expected} == {k: getattr(c, mode) for k, c in expected.items()}


def test_meanings_have_colours_of_their_own() -> None:
    meanings = [theme.TARGET_MET, theme.RUNNING, theme.FAILED, theme.GENERATED, theme.REAL]
    assert len({c.light for c in meanings}) == len({c.dark for c in meanings}) == len(meanings)
    assert not {c.light for c in theme.SERIES} & {c.light for c in meanings}
    assert not {c.light for c in theme.ENTITY.values()} & {c.light for c in meanings}


def test_light_colours_are_told_apart_when_charts_are_recoloured() -> None:
    for light, dark in theme.dark_of_light().items():
        assert light == light.lower()
        assert dark.startswith("#")
    assert theme.dark_of_light()[theme.REAL.light.lower()] == theme.REAL.dark


def test_stylesheet_defines_every_label_and_role() -> None:
    css = theme.stylesheet()
    for name in (*theme.LABELS, "OTHER", "met", "close", "below", "generated", "real", "muted"):
        assert f".nx-{name} {{ --c: light-dark(" in css
    assert css.count("{") == css.count("}")


def test_unknown_run_state_is_shown_by_its_name() -> None:
    assert theme.state("paused").word == "Paused"
    assert theme.state("failed").colour is theme.FAILED
