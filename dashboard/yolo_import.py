"""Import of labelled photos: archive or folder, check, classes that are called otherwise, saving; and the
scripts that fetch photos from outside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from core.datasets import store
from core.datasets.frames import LABELS
from core.errors import InputError
from core.files import scratch_folder
from core.tasks import Task, get_task
from core.workspace import Workspace
from dashboard import cards, nav, photos, uploads, words

MAX_ARCHIVE_MB = 1_000
SHOWN_ROWS = 200
SHOWN_PHOTOS = 6
LEAVE_OUT = "leave out"
ROLES = {"train": "Training data", "gold": "Gold set: photos to measure on, never trained on"}
LICENCE = (
    "Photos from Roboflow Universe belong to the people who shared them; each project names its own licence, "
    "often CC BY 4.0 (use and change freely, name the authors), sometimes one that forbids commercial use. "
    "The script shows the licence that the authors state and asks before anything is imported; it is kept "
    "with the dataset. Models that are trained on the photos are yours to use only as far as that licence "
    "goes."
)


@dataclass(frozen=True)
class Checked:
    """What an import would give, without the photos themselves.

    Args:
        usable: Number of photos that can be used.
        format: What was recognised.
        counts: Boxes per class.
        rejected: (file, reason) of everything that is left out.
        unknown: Class names that nobody knows here → how often.
        guessed: Class names that were taken for one of ours.
        licence: Licence text found beside the photos.
        notices: One sentence each.
        shown: HTML of the first photos with their boxes.
    """

    usable: int
    format: str
    counts: dict[str, int]
    rejected: list[tuple[str, str]]
    unknown: dict[str, int]
    guessed: dict[str, str]
    licence: str
    notices: list[str]
    shown: list[str] = field(default_factory=list)


def draw_import(task: Task) -> None:
    """Draw the import of labelled photos.

    Args:
        task: Model family.
    """
    with st.container(key="sides"):
        left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader("Photos and labels")
        sources = uploads.collect(
            "Archives (.zip)", "photo-import", ["zip"], limit_mb=MAX_ARCHIVE_MB,
            help="YOLO, COCO JSON, Pascal VOC or a Roboflow export, packed with its photos.",
        )  # fmt: skip
        _uploaded(sources)
        typed = st.text_input(
            "or a folder on this machine", key="import-folder", bind="query-params",
            placeholder="folder, or a COCO .json beside its photos",
        )  # fmt: skip
        if typed.strip():
            sources = [*sources, Path(typed.strip()).expanduser()]
        role = st.radio(
            "Use it as", list(ROLES), format_func=ROLES.get, key="photo-role", bind="query-params"
        )
        if not sources:
            st.caption(
                "YOLO (`images/`, `labels/`), COCO JSON, Pascal VOC and Roboflow exports are recognised. "
                "Photos stay on this machine; where and when they were taken is not kept."
            )
            return
        stem = uploads.plain_stem(sources[0].name) or task.name
        name = st.text_input("Name of the dataset", value=stem[:60], key=f"photos-name-{stem}", max_chars=60)
        licence = st.empty()
        save = st.empty()
    with right, nav.guard("The check"):
        _check(task, sources, role, name, licence, save)


def _uploaded(sources: list[Path]) -> None:
    for path in sources:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{words.plain(path.name)} · {words.size(path.stat().st_size)}", width="stretch")
            if st.button(
                "", icon=":material/close:", type="tertiary", key=f"drop-{path}", help="Take it out"
            ):
                uploads.forget("photo-import", [path])
                st.rerun()


@st.cache_data(max_entries=6, show_spinner="Checking every photo …")
def _read(
    sources: tuple[str, ...], stamps: tuple[float, ...], label_map: tuple[tuple[str, str | None], ...]
) -> Checked:
    room = get_task("yolo").room("dataset")
    with scratch_folder(Workspace.current().scratch, "check") as folder:
        found = room.check_import(
            [Path(source) for source in sources], folder, label_map=dict(label_map) or None
        )
        return Checked(
            len(found.photos), found.format, dict(found.label_counts),
            [(entry.file, f"line {entry.line}: {entry.reason}" if entry.line else entry.reason)
             for entry in found.rejected],
            dict(found.unknown_labels), dict(found.guessed), found.licence, list(found.notices),
            [_thumbnail(photo) for photo in found.photos[:SHOWN_PHOTOS]],
        )  # fmt: skip


def _thumbnail(photo: Any) -> str:
    from core.datasets.photos import open_photo

    pixels, size = open_photo(photo.path, at_most=photos.SMALL)
    boxes = [
        {"label": LABELS[thing.label],
         "box": [share * side for share, side in zip(thing.box, (*size, *size), strict=True)]}
        for thing in photo.things
    ]  # fmt: skip
    return photos.boxes_html(
        photos.picture(pixels, photos.SMALL, size), boxes, words=False, alt=photo.path.name
    )


def _check(task: Task, sources: list[Path], role: str, name: str, licence: Any, save: Any) -> None:
    st.subheader("Check")
    where = tuple(str(path) for path in sources)
    stamps = tuple(path.stat().st_mtime if path.exists() else 0.0 for path in sources)
    first = _read(where, stamps, ())
    label_map = _label_map(first)
    found = _read(where, stamps, tuple(label_map.items())) if label_map else first
    st.html(
        cards.check_html(
            bool(found.usable), f"{words.count(found.usable, 'photo')} can be used", f"Format: {found.format}"
        )
        + cards.check_html(
            None if found.rejected else True,
            f"{words.count(len(found.rejected), 'file')} left out",
            "Everything else is kept." if found.rejected else "",
        )
        + "".join(cards.check_html(None, notice, "") for notice in found.notices)
    )
    if found.rejected:
        with st.container(height=min(300, 60 + 40 * len(found.rejected)), border=False):
            st.html(cards.table_html([("File", False), ("Reason", False)], found.rejected[:SHOWN_ROWS]))
        if len(found.rejected) > SHOWN_ROWS:
            st.html(cards.quiet_html(f"The first {SHOWN_ROWS} are shown; the command line lists all."))
    if found.usable:
        st.html(cards.balance_html(found.counts))
        st.html(photos.grid_html(found.shown))
    rights = licence.text_input(
        "Licence of the photos", value=found.licence[:200], key=f"photos-licence-{where[0]}", max_chars=300,
        placeholder="for example: our own photos",
        help="Kept with the dataset and with models trained on it.",
    )  # fmt: skip
    label = "Save as gold set" if role == "gold" else "Save as training data"
    if save.button(
        label, type="primary", icon=":material/save:", width="stretch", disabled=not found.usable,
        key="save-photos",
    ):  # fmt: skip
        _save(task, sources, role, name, rights, label_map)


def _label_map(found: Checked) -> dict[str, str | None]:
    """Which class of ours each class of the files is; only what differs from what was guessed."""
    chosen: dict[str, str | None] = {}
    if found.unknown:
        st.markdown("**Classes of the files that are not known here**")
    for theirs, count in found.unknown.items():
        ours = st.selectbox(
            f"{words.plain(theirs)} · {words.count(count, 'box', 'boxes')}", [*LABELS, LEAVE_OUT], index=None,
            placeholder="its boxes are left out", key=f"class-{theirs}",
        )  # fmt: skip
        if ours is not None:
            chosen[theirs] = None if ours == LEAVE_OUT else ours
    if found.guessed:
        said = ", ".join(f"{theirs} → {ours}" for theirs, ours in found.guessed.items())
        with st.expander(f"Taken to be the same: {words.plain(said)}", key="guessed"):
            for theirs, ours in found.guessed.items():
                options = [*LABELS, LEAVE_OUT]
                picked = st.selectbox(
                    words.plain(theirs), options, index=options.index(ours), key=f"class-{theirs}"
                )
                if picked != ours:
                    chosen[theirs] = None if picked == LEAVE_OUT else picked
    return chosen


def _save(
    task: Task, sources: list[Path], role: str, name: str, licence: str, label_map: dict[str, str | None]
) -> None:  # fmt: skip
    if not name.strip():
        raise InputError("The dataset has no name.", "Give it one.")
    bar = st.progress(0.0, text="Reading the photos …")

    def progress(done: int, total: int) -> None:
        bar.progress(min(1.0, done / max(1, total)), text=f"{done:,} of {words.count(total, 'photo')}")

    info, _ = task.room("dataset").build_imported(
        sources, name=name.strip(), role=role, licence=licence, label_map=label_map or None,
        progress=progress, ws=Workspace.current(),
    )  # fmt: skip
    if role == "gold":
        store.set_gold(task.name, info.id)
    uploads.forget("photo-import")
    st.session_state["made"] = info.id
    st.rerun()


def draw_outside(task: Task) -> None:
    """Draw the download of the scripts that fetch photos of utility poles from Roboflow."""
    with st.container(key="sides"):
        left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader("Where from")
        st.caption("The two parts of the project's address: universe.roboflow.com/WORKSPACE/PROJECT")
        space = st.text_input("Workspace", key="rf-workspace", bind="query-params", max_chars=80)
        project = st.text_input(
            "Project", value="utility-poles", key="rf-project", bind="query-params", max_chars=80
        )
        version = st.number_input("Version", 1, 999, 1, key="rf-version", bind="query-params")
        with nav.guard("The scripts"):
            for name, payload in _scripts(space.strip(), project.strip(), int(version)):
                where = "Windows (PowerShell)" if name.endswith(".ps1") else "Linux and macOS"
                st.download_button(
                    f"{name} · {where}", payload, file_name=name, mime="text/plain",
                    icon=":material/download:", width="stretch", key=f"script-{Path(name).suffix}",
                    on_click="ignore",
                )  # fmt: skip
    with right:
        st.subheader("What the script does")
        st.markdown(
            "1. Takes your own Roboflow key from the environment variable `ROBOFLOW_API_KEY`; it is never "
            "written to a file.\n2. Shows the licence and asks before it goes on.\n3. Downloads the photos; "
            "run again, it goes on where it stopped. Without a network it says so and changes nothing.\n"
            "4. Checks what arrived, converts it and registers it as a dataset in the list below."
        )
        st.html(cards.line_html("close", "▲ Licence", LICENCE))


@st.cache_data(max_entries=16, show_spinner=False)
def _scripts(space: str, project: str, version: int) -> list[tuple[str, bytes]]:
    from core.yolo.outside import write_download_scripts

    with scratch_folder(Workspace.current().scratch, "scripts") as folder:
        written = write_download_scripts(
            folder, workspace=space, project=re.sub(r"\s+", "", project), version=version
        )
        return [(path.name, path.read_bytes()) for path in written]
