"""Photos with boxes as HTML: pictures as data addresses, boxes as elements in the colours of the classes.

Pure functions, no Streamlit. The boxes are not painted into the picture, so sliders move them without
encoding it again. Pictures to download are painted in core/yolo/sheets.py.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from dashboard.entities import css_class

LARGE = 1280
SMALL = 420


@dataclass(frozen=True)
class Picture:
    """A picture for the browser.

    Args:
        address: `data:image/jpeg;base64,...`.
        size: `(width, height)` in pixels of the full photo, which boxes are given in.
    """

    address: str
    size: tuple[int, int]


def picture(pixels: np.ndarray, side: int = LARGE, size: tuple[int, int] | None = None) -> Picture:
    """A photo, scaled down and packed for the browser.

    Args:
        pixels: (height, width, 3) uint8 RGB, upright.
        side: Longest side of the packed picture in pixels.
        size: Width and height of the full photo where `pixels` are a reduced version of it.
    """
    image = Image.fromarray(pixels)
    full = size or image.size
    image.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return Picture("data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii"), full)


def boxes_html(
    shown: Picture,
    found: Iterable[Mapping[str, Any]] = (),
    *,
    truth: Iterable[Mapping[str, Any]] = (),
    words: bool = True,
    alt: str = "photo",
) -> str:
    """A photo with its boxes.

    Args:
        shown: From `picture`.
        found: Dicts with `label`, `box` [x0, y0, x1, y1] in pixels of the full photo and, from a model,
            `confidence` 0 to 1 and `right` (False marks a box that is not in the truth).
        truth: What is there: dicts with `label`, `box` and `found` (False marks what was missed).
        words: Write label and confidence beside each box; without it they are shown under the pointer.
        alt: What the picture shows, for readers that cannot see it.
    """
    width, height = shown.size
    parts = [f'<img src="{shown.address}" alt="{escape(alt, quote=True)}">']
    for item in truth:
        missed = item.get("found") is False
        note = f"missed {item['label']}" if missed else f"truth: {item['label']}"
        kind = "nx-truth nx-gone" if missed else "nx-truth"
        parts.append(_box(item, kind, note, (width, height), words and missed))
    # Large boxes first: the words of a small one inside must not lie under it.
    for item in sorted(found, key=lambda item: -_area(item["box"])):
        note = str(item["label"])
        if item.get("confidence") is not None:
            note += f" {item['confidence']:.2f}"
        if item.get("right") is False:
            note += " ✗"
        kind = "nx-wrong" if item.get("right") is False else ""
        parts.append(_box(item, kind, note, (width, height), words))
    return f'<div class="nx-photo" style="aspect-ratio:{width}/{height}">{"".join(parts)}</div>'


def _box(item: Mapping[str, Any], kind: str, note: str, size: tuple[int, int], words: bool) -> str:
    x0, y0, x1, y1 = item["box"]
    places = (x0 / size[0], y0 / size[1], (x1 - x0) / size[0], (y1 - y0) / size[1])
    style = ";".join(
        f"{name}:{min(max(share, 0.0), 1.0) * 100:.2f}%"
        for name, share in zip(("left", "top", "width", "height"), places, strict=True)
    )
    # Words that would leave the photo stand inside the box, or begin at its right edge.
    low = (" nx-low" if y0 < 0.06 * size[1] else "") + (" nx-right" if x0 > 0.75 * size[0] else "")
    tag = f"<b>{escape(note)}</b>" if words else ""
    label = css_class(str(item["label"]))
    title = escape(note, quote=True)
    return f'<span class="nx-box {label} {kind}{low}" style="{style}" title="{title}">{tag}</span>'


def _area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def grid_html(photos: Iterable[str], captions: Iterable[str] = ()) -> str:
    """Photos side by side, as many in a row as fit.

    Args:
        photos: From `boxes_html`.
        captions: One line under each, or none.
    """
    lines = list(captions)
    cells = []
    for number, photo in enumerate(photos):
        caption = f"<figcaption>{escape(lines[number])}</figcaption>" if number < len(lines) else ""
        cells.append(f"<figure>{photo}{caption}</figure>")
    return f'<div class="nx-grid">{"".join(cells)}</div>'
