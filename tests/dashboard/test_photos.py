"""Photos with boxes as HTML: places in percent, colours by class, nothing unescaped; tables of boxes."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dashboard import photo_table, photos

POLE = {"label": "pole", "confidence": 0.9, "box": [40, 10, 50, 90]}
ARM = {"label": "crossarm", "confidence": 0.8, "box": [20, 20, 70, 28]}
FAR_ARM = {"label": "crossarm", "confidence": 0.7, "box": [180, 180, 195, 185]}
FAR_POLE = {"label": "pole", "confidence": 0.6, "box": [5, 0, 12, 80]}


def shown(width: int = 200, height: int = 100) -> photos.Picture:
    return photos.picture(np.full((height, width, 3), 100, np.uint8))


def test_a_picture_is_scaled_down_but_keeps_its_size_for_boxes() -> None:
    found = photos.picture(np.zeros((1000, 2000, 3), np.uint8), 500)
    assert found.size == (2000, 1000)
    assert found.address.startswith("data:image/jpeg;base64,")
    assert photos.picture(np.zeros((10, 20, 3), np.uint8), 500, (4000, 2000)).size == (4000, 2000)


def test_boxes_stand_in_percent_and_in_the_colour_of_their_class() -> None:
    html = photos.boxes_html(shown(), [POLE])
    assert 'class="nx-box nx-pole' in html
    assert "left:20.00%;top:10.00%;width:5.00%;height:80.00%" in html
    assert "<b>pole 0.90</b>" in html


@given(st.lists(st.floats(-1e4, 1e4), min_size=4, max_size=4))
def test_no_box_leaves_the_photo(box: list[float]) -> None:
    html = photos.boxes_html(shown(), [{"label": "pole", "confidence": 0.5, "box": box}])
    shares = [float(share) for share in re.findall(r":(-?[\d.]+)%", html)]
    assert len(shares) == 4
    assert all(0 <= share <= 100 for share in shares)


def test_mistakes_are_said_in_words_too() -> None:
    html = photos.boxes_html(
        shown(), [{**ARM, "right": False}], truth=[{"label": "pole", "box": [1, 1, 2, 2], "found": False}]
    )
    assert "crossarm 0.80 ✗" in html
    assert "missed pole" in html


def test_names_of_files_and_labels_are_escaped() -> None:
    html = photos.boxes_html(shown(), [{"label": "<i>", "box": [0, 0, 1, 1]}], alt='"><script>')
    assert "<script>" not in html
    assert "<i>" not in html
    assert "<b>x" not in photos.grid_html(["<div></div>"], ["<b>x"])


def test_arms_are_counted_per_pole_from_left_to_right() -> None:
    found = [POLE, ARM, FAR_POLE, FAR_ARM]
    assert photo_table.arms_line(found) == "0 + 1, 1 without a pole"
    assert photo_table.arms_line([]) == "–"
    assert photo_table.arms_line([FAR_ARM]) == "1 without a pole"
    assert [row["pole"] for row in photo_table.rows("a.jpg", found)] == [2, 2, 1, ""]
    assert photo_table.summary("a.jpg", found) == ("a.jpg", "2", "2", "0 + 1, 1 without a pole", "0", "0.600")


def test_the_table_opens_in_a_spreadsheet_without_formulas() -> None:
    payload = photo_table.csv_bytes(photo_table.rows("=cmd.jpg", [POLE])).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(payload))
    assert row["file"] == "'=cmd.jpg"
    assert (row["label"], row["confidence"], row["x0"]) == ("pole", "0.9", "40")
