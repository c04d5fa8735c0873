"""The photos that the Validation page tries: uploads without their metadata, and generated scenes."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from core.datasets.frames import LABELS
from core.datasets.photos import without_metadata
from core.workspace import Workspace, write_bytes_atomic
from dashboard import nav, state, uploads

TYPES = ["jpg", "jpeg", "png", "heic", "heif", "webp"]
MAX_PHOTO_MB = 60
# A seed of their own: no dataset of the default seeds holds them.
SCENE_SEED = 90_210
SCENES = {
    "top": ("Pole top", 4),
    "street": ("Street", 4),
    "far": ("Far poles", 6),
    "underground": ("Underground", 6),
}
"""Kind of scene → what the button says and which scene of that kind."""


@dataclass(frozen=True)
class Photo:
    """One photo to try.

    Args:
        path: On this machine's disk.
        title: What the page calls it.
        real: False for a generated scene.
        truth: What is there, as far as that is known: `{"label", "box"}`.
    """

    path: Path
    title: str
    real: bool = True
    truth: list[dict[str, Any]] = field(default_factory=list)


def collect() -> list[Photo]:
    """Draw uploader and buttons; returns the photos, uploads first."""
    with st.container(key="sides-photos"):
        left, right = st.columns([3, 2], gap="large")
    with left, nav.guard("The upload"):
        kept = uploads.collect(
            "Photos of poles", "photos", TYPES, limit_mb=MAX_PHOTO_MB, clean=_clean,
            help="JPEG, PNG or HEIC. Photos stay on this machine; where they were taken is removed at once.",
        )  # fmt: skip
    with right:
        st.caption("No photo at hand? Try a generated scene:")
        with st.container(horizontal=True):
            for kind, (title, _) in SCENES.items():
                st.button(
                    title, key=f"scene-{kind}", on_click=_use_scene, args=(kind,), icon=":material/image:"
                )
        if kept and st.button("Remove the photos", icon=":material/close:", type="tertiary", key="forget"):
            uploads.forget("photos")
            st.rerun()
    listed = _titled(kept)
    known = st.session_state.setdefault("known-photos", [])
    arrived = [photo.title for photo in listed if photo.title not in known]
    if arrived:
        st.session_state["photo"] = arrived[0]
    st.session_state["known-photos"] = [photo.title for photo in listed]
    kind = state.param("scene")
    if kind in SCENES:
        path, truth = _scene(kind, str(Workspace.current().scratch))
        listed.append(Photo(Path(path), f"{SCENES[kind][0]} (generated)", False, truth))
        if st.session_state.pop("scene-pressed", False):
            st.session_state["photo"] = listed[-1].title
    return listed


def _titled(paths: Sequence[Path]) -> list[Photo]:
    """Photos with titles that differ: cameras give the same names again and again."""
    seen: Counter[str] = Counter()
    listed = []
    for path in paths:
        seen[path.name] += 1
        again = f" ({seen[path.name]})" if seen[path.name] > 1 else ""
        listed.append(Photo(path, f"{path.name}{again}"))
    return listed


def _use_scene(kind: str) -> None:
    state.remember("scene", kind)
    st.session_state["scene-pressed"] = True


def _clean(path: Path) -> Path:
    """The photo without place, time and camera, upright where that needed a copy."""
    copy = without_metadata(path, path.parent / "clean")
    if copy == path:
        return path
    target = path.with_name(f"{path.stem}.jpg")
    path.unlink()
    copy.replace(target)
    return target


@st.cache_data(max_entries=16, show_spinner="Rendering the scene …")
def _scene(kind: str, scratch: str) -> tuple[str, list[dict[str, Any]]]:
    from PIL import Image

    from core.yolo.scene.scene import GENERATOR_VERSION, make_scene, render

    pixels, labels = render(make_scene(SCENE_SEED, SCENES[kind][1], kind=kind))
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=92)
    path = Path(scratch) / f"try-{GENERATOR_VERSION}-{kind}.jpg"
    write_bytes_atomic(path, stream.getvalue())
    return str(path), [{"label": LABELS[label.class_id], "box": list(label.box)} for label in labels]
