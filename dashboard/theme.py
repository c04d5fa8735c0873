"""Every colour with its meaning, for light and dark, in one place, and the style sheet of our own HTML.

`.streamlit/config.toml` repeats the palette for Streamlit's own elements (a test keeps the two equal).
Charts are drawn with the light colours; the live component swaps them for the dark ones in the browser.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Colour:
    """One meaning in both themes, as `#RRGGBB`; both reach WCAG AA (4.5:1) as text on their background."""

    light: str
    dark: str

    @property
    def css(self) -> str:
        """A CSS value that follows the theme in force."""
        return f"light-dark({self.light}, {self.dark})"


BACKGROUND = Colour("#FFFFFF", "#11161C")
PANEL = Colour("#F4F6F8", "#1A212A")
BORDER = Colour("#D5DCE3", "#323D49")
TEXT = Colour("#1B2631", "#E7ECF1")
MUTED = Colour("#566271", "#A3B0BD")

# Fills of the one thing to press: white text on both reaches 4.5:1.
ACCENT = Colour("#BF4A0A", "#C54E0D")

TARGET_MET = Colour("#15773A", "#5BD68A")
RUNNING = Colour("#8A5A00", "#F2C14E")
FAILED = Colour("#B42318", "#FF8A80")
GENERATED = Colour("#5A6675", "#A9B4C0")
REAL = Colour("#1A5FB4", "#7DB3F7")

ENTITY: dict[str, Colour] = {
    "STANDARD": Colour("#6B35C9", "#C3A6FF"),
    "MEASURE": Colour("#0B6E69", "#5AD1C6"),
    "EQUIPMENT": Colour("#A24A07", "#F7A45C"),
    "EXEMPTION": Colour("#B5195B", "#F796BE"),
}
DETECTOR: dict[str, Colour] = {"pole": REAL, "crossarm": ENTITY["EQUIPMENT"], "underground": TARGET_MET}
LABELS: dict[str, Colour] = {**ENTITY, **DETECTOR}

# Runs in a curve, the run of the page first. None of them is one of the colours with a meaning above.
SERIES = (
    TEXT,
    Colour("#0E7490", "#67D4EA"),
    Colour("#8C6A12", "#D9BE6B"),
    Colour("#9D2F5F", "#F0A0BD"),
    Colour("#47730F", "#B5D66B"),
)

_ALL = (
    *(BACKGROUND, PANEL, BORDER, TEXT, MUTED, ACCENT),
    *(TARGET_MET, RUNNING, FAILED, GENERATED, REAL),
    *ENTITY.values(),
    *SERIES,
)


@dataclass(frozen=True)
class State:
    """How a run state is shown: a word, a Material icon, a badge colour of Streamlit and our own colour."""

    word: str
    icon: str
    badge: str
    colour: Colour


STATES: dict[str, State] = {
    "queued": State("Queued", ":material/hourglass_empty:", "gray", MUTED),
    "running": State("Running", ":material/play_circle:", "yellow", RUNNING),
    "completed": State("Completed", ":material/task_alt:", "gray", TEXT),
    "stopped": State("Stopped", ":material/stop_circle:", "gray", MUTED),
    "cancelled": State("Cancelled", ":material/cancel:", "gray", MUTED),
    "failed": State("Failed", ":material/error:", "red", FAILED),
    "lost": State("Lost", ":material/link_off:", "red", FAILED),
}


def state(name: str) -> State:
    """How the run state `name` is shown; an unknown state is shown by its own name, in grey."""
    return STATES.get(name, State(name.capitalize() or "Unknown", ":material/help:", "gray", MUTED))


def label_colour(label: str) -> Colour:
    """The fixed colour of an entity or detector label; text grey for a label that has none."""
    return LABELS.get(label, MUTED)


@functools.cache
def dark_of_light() -> dict[str, str]:
    """Light hex (lower case) → dark hex, for charts that are drawn once and recoloured in the browser."""
    return {colour.light.lower(): colour.dark for colour in _ALL}


def stylesheet() -> str:
    """CSS of the few HTML pieces that are our own; all class names start with `nx-`."""
    plain = {"text": TEXT, "muted": MUTED, "border": BORDER}
    variables = " ".join(f"--nx-{name}: {colour.css};" for name, colour in plain.items())
    roles = {
        "met": TARGET_MET,
        "close": RUNNING,
        "below": FAILED,
        "generated": GENERATED,
        "real": REAL,
        "muted": MUTED,
        "accent": ACCENT,
        "OTHER": MUTED,
        "strong": TEXT,
        "word": MUTED,
        "same": ENTITY["MEASURE"],
        "other": RUNNING,
        **LABELS,
    }
    colours = "\n".join(f".nx-{name} {{ --c: {colour.css}; }}" for name, colour in roles.items())
    rules = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    return f".stApp {{ {variables} }}\n{colours}\n{rules}"
