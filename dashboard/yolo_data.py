"""Scenes and photos on the Data page: preview, examples of a dataset, mixing. Import and outside data are
yolo_import.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.datasets import store
from core.datasets.frames import LABELS, frame_from_row
from core.datasets.photos import open_photo
from core.datasets.store import DatasetInfo
from core.tasks import Task, get_task
from core.workspace import Workspace
from dashboard import cards, entities, nav, photos, words
from dashboard.yolo_import import draw_import, draw_outside

__all__ = [
    "HIDDEN",
    "NAME",
    "PREFIX",
    "draw_import",
    "examples",
    "more_settings",
    "more_tabs",
    "preview",
    "summary",
]

PREFIX = "scenes."
NAME = "scenes"
HIDDEN: tuple[str, ...] = ()
PREVIEW_SCENES = 9
PREVIEW_SIDE = 384
EXAMPLES = 8


def more_settings(task: Task) -> dict[str, Any]:
    """Nothing: the form asks for everything."""
    return {}


def more_tabs(task: Task) -> dict[str, tuple[str, Callable[[Task], None]]]:
    """Mixing of datasets, and the scripts that fetch photos from outside."""
    return {"mix": ("Mix real and generated", _mix), "outside": ("Photos from outside", draw_outside)}


@st.cache_data(max_entries=24, show_spinner="Rendering scenes …")
def _scenes(seed: int, first: int) -> list[tuple[str, str]]:
    """(HTML, kind) of a few scenes: the same scenes as in full size."""
    from core.yolo.scene.scene import make_scene, render

    drawn = []
    for index in range(first, first + PREVIEW_SCENES):
        scene = make_scene(seed, index)
        pixels, labels = render(scene, PREVIEW_SIDE)
        found = [{"label": LABELS[label.class_id], "box": label.box} for label in labels]
        shown = photos.picture(pixels, PREVIEW_SIDE)
        drawn.append((photos.boxes_html(shown, found, words=False, alt=f"scene: {scene.kind}"), scene.kind))
    return drawn


def preview(task: Task, changed: dict[str, Any]) -> None:
    """Scenes that these settings give, with their boxes."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Preview", width="stretch")
        if st.button("Other scenes", icon=":material/refresh:", type="tertiary", key="other"):
            st.session_state["preview-scenes"] = st.session_state.get("preview-scenes", 0) + 1
    page = st.session_state.get("preview-scenes", 0)
    with nav.guard("The preview"):
        settings = get_task(task.name).room("generate").build_settings(changed)
        first = page * PREVIEW_SCENES % max(1, settings.count - PREVIEW_SCENES)
        drawn = _scenes(settings.seed, first)
        st.html(entities.legend(labels=LABELS))
        captions = [f"{kind.replace('_', ' ')} · scene {first + n:,}" for n, (_, kind) in enumerate(drawn)]
        st.html(photos.grid_html([html for html, _ in drawn], captions))
        st.html(
            cards.quiet_html(
                f"Shown at {PREVIEW_SIDE} pixels; rendered at {settings.size}. Every label is exact: it "
                "comes from the scene, not from a person."
            )
        )


@st.cache_data(max_entries=32, show_spinner=False)
def _examples(dataset_id: str, root: str, split: str) -> list[tuple[str, str]]:
    info = store.get_dataset("yolo", dataset_id)
    drawn = []
    for row in store.read_rows(info, split, limit=EXAMPLES):
        frame = frame_from_row(row, info.path, split)
        pixels, size = open_photo(frame.path, at_most=photos.SMALL)
        scale = (*size, *size)
        found = [
            {"label": LABELS[thing.label],
             "box": [share * side for share, side in zip(thing.box, scale, strict=True)]}
            for thing in frame.things
        ]  # fmt: skip
        shown = photos.picture(pixels, photos.SMALL, size)
        caption = "photo" if frame.real else "generated"
        drawn.append((photos.boxes_html(shown, found, words=False, alt=frame.path.name), caption))
    return drawn


def summary(info: DatasetInfo) -> str:
    """How often each label occurs."""
    return cards.labels_html(info.card)


def examples(info: DatasetInfo, split: str) -> None:
    """The first photos of a dataset, with their labels."""
    drawn = _examples(info.id, str(info.path), split)
    st.html(photos.grid_html([html for html, _ in drawn], [caption for _, caption in drawn]))
    licence = info.card.get("licence")
    if licence:
        st.html(cards.quiet_html(f"Licence: {licence}"))


def _mix(task: Task) -> None:
    listed = store.list_datasets(task.name, "train")
    kinds = {info.id: str(info.card.get("source", "")) for info in listed}
    scenes = [name for name, kind in kinds.items() if kind.startswith("generated")]
    real = [name for name, kind in kinds.items() if kind.startswith("imported")]
    if not scenes or not real:
        missing = "generated scenes" if not scenes else "imported photos"
        st.html(
            cards.quiet_html(
                f"Mixing takes generated scenes and your own photos: there are no {missing} yet."
            )
        )
        return
    counts = {info.id: info.counts.get("train", 0) for info in listed}
    titles = {name: f"{name} · {words.count(counts[name], 'training photo')}" for name in counts}
    with st.container(key="sides"):
        left, right = st.columns([2, 3], gap="large")
    with left:
        first = st.selectbox("Generated scenes", scenes, format_func=titles.get, key="mix-scenes")
        second = st.selectbox("Your photos", real, format_func=titles.get, key="mix-photos")
        share = st.slider(
            "Share of real photos in training", 0.0, 0.95, 0.0, 0.05, key="mix-share", bind="query-params",
            help="0 takes everything. Otherwise photos or scenes are left out at random until it fits.",
        )  # fmt: skip
        name = st.text_input("Name of the dataset", value="mixed", key="mix-name", max_chars=60)
        if st.button("Mix", type="primary", icon=":material/blender:", width="stretch", key="mix"):
            with nav.guard("Mixing"), st.spinner("Copying the photos …"):
                info = task.room("dataset").build_mixed(
                    first, second, share=share, name=name.strip() or "mixed", ws=Workspace.current()
                )
                st.session_state["made"] = info.id
                st.rerun()
    with right:
        a, b = mixed_counts(counts[first], counts[second], share)
        st.html(cards.facts_html([
            ("Generated scenes", f"{a:,}", "generated"), ("Real photos", f"{b:,}", "real"),
            ("Share of real photos", f"{b / max(1, a + b):.0%}"),
        ]))  # fmt: skip
        st.caption(
            "Validation and test keep everything of both. To read real photos more often without a new "
            "dataset, set *Share of real photos* when you launch a training."
        )


def mixed_counts(scenes: int, real: int, share: float) -> tuple[int, int]:
    """How many training rows of each kind a mixture keeps: (generated scenes, real photos).

    Args:
        scenes: Generated rows there are.
        real: Real rows there are.
        share: Wanted share of real photos, 0 = everything.
    """
    if not share:
        return scenes, real
    wanted = round(scenes * share / (1 - share))
    if wanted <= real:
        return scenes, wanted
    return round(real * (1 - share) / share), real
