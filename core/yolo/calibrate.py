"""Moves a detector's confidences so that the one threshold in use (0.25) stands where its mistakes balance
best.

A constant is added to the class logits: the order of the boxes, and with it the average precision, stays.
How a threshold is chosen is in thresholds.py, how the version is stored in origin.py.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from core.datasets import store
from core.datasets.frames import Frame, read_labels
from core.errors import InputError, ModelError
from core.files import sha256_file
from core.registry.manifest import Version
from core.workspace import Workspace
from core.yolo.origin import Progress, open_parent, register_derived
from core.yolo.score import Judged
from core.yolo.thresholds import Choice, Goal, choose_all, shift_of

if TYPE_CHECKING:
    from core.yolo.predict import Detector
    from core.yolo.weights import DetectorInfo

SCENES = 400
_SEED = 900_007  # scenes to calibrate on are nobody's training scenes, unless this very seed was chosen
_HEAD = "model.22.cv3."  # the class branch of the YOLOv8 head; each scale's last layer carries the bias


@contextmanager
def labelled_photos(
    data: str | Path = "", *, scenes: int = SCENES, size: int = 640, progress: Progress | None = None,
    ws: Workspace | None = None,
) -> Iterator[tuple[list[Frame], str]]:  # fmt: skip
    """Photos to calibrate on, and what they are called; rendered ones are deleted afterwards.

    Args:
        data: A folder with images/ and labels/, a dataset id (its validation split), or empty to render
            scenes that no training has seen, some of them without any object.
        scenes: How many to render.
        size: Their long side in pixels.
        progress: Called with (scenes rendered, scenes in all).
        ws: Workspace; the current one by default.

    Raises:
        InputError: If they are part of the gold set: figures on it would no longer be worth anything.
    """
    ws = ws or Workspace.current()
    if data:
        from core.yolo.evaluate import frames_of

        if not Path(data).is_dir() and store.get_dataset("yolo", str(data), ws=ws).role == "gold":
            raise _measured(f"The dataset {str(data)!r} is")
        frames = frames_of(data, "val", ws=ws)
        _keep_gold_apart(frames, ws)
        yield frames, Path(data).name if Path(data).is_dir() else f"{data} (validation split)"
        return
    if scenes < 1:
        raise InputError(f"{scenes} scenes were asked for.", "Give 1 or more.")
    from core.yolo.scene.families import GENERATOR_VERSION, SPLITS
    from core.yolo.scene.render import write_dataset

    folder = ws.scratch / f"calibration-{GENERATOR_VERSION}-{size}"
    folder.mkdir(parents=True, exist_ok=True)
    tell = (lambda done, total, speed: progress(done, total)) if progress else None
    write_dataset(folder, scenes, _SEED, size=size, progress=tell)
    files = sorted(
        (path for split in SPLITS for path in (folder / "images" / split).glob("*.jpg")), key=lambda p: p.name
    )
    frames = [
        Frame(path, read_labels(folder / "labels" / path.parent.name / f"{path.stem}.txt"), real=False)
        for path in files
        if int(path.stem.rpartition("-")[2]) < scenes  # a larger request may have been interrupted
    ]
    yield frames, f"generated scenes (generator {GENERATOR_VERSION}, seed {_SEED})"
    shutil.rmtree(folder, ignore_errors=True)


def _keep_gold_apart(frames: Sequence[Frame], ws: Workspace) -> None:
    gold = store.get_gold("yolo", ws=ws)
    if gold is None:
        return
    measured = {row.get("sha256") for row in store.iter_rows(gold, "test")}
    same = sum(sha256_file(frame.path) in measured for frame in frames)
    if same:
        raise _measured(f"{same} of the {len(frames)} photos are in")


def _measured(what: str) -> InputError:
    return InputError(
        f"{what} the gold set; a threshold that is chosen on it makes every figure on it too good.",
        "Give other labelled photos, or none to use generated scenes.",
    )


def shifted(state: Mapping[str, torch.Tensor], shifts: Sequence[float]) -> dict[str, torch.Tensor]:
    """A state dict whose class logits are moved by one constant a class.

    Raises:
        ModelError: If it holds no class branch for so many classes.
    """
    names = [name for name in state if name.startswith(_HEAD) and name.endswith(".2.bias")]
    if not names or any(len(state[name]) != len(shifts) for name in names):
        raise ModelError(
            f"The weights hold no class branch for {len(shifts)} classes.", "Choose a YOLOv8 detector."
        )
    moved = torch.tensor(list(shifts), dtype=torch.float32)
    return {name: value.float() + moved if name in names else value for name, value in state.items()}


def calibrate(
    ref: str,
    *,
    frames: Sequence[Frame] = (),
    data_name: str = "",
    goal: Goal | None = None,
    raw: float | None = None,
    to: float = 0.25,
    shared: bool = False,
    empty_share: float | None = None,
    name: str = "",
    scores: bool = True,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    ws: Workspace | None = None,
) -> Version:
    """Shift a detector's confidences and register the result.

    Args:
        ref: Reference as in `origin.open_parent`.
        frames: Labelled photos to choose on; never those that it is measured on.
        data_name: What the manifest calls them.
        goal: How each class's threshold is chosen; largest F1 by default.
        raw: Instead of choosing: this confidence of every class becomes `to`, without looking at photos.
        to: Confidence that the chosen threshold becomes.
        shared: One threshold for all classes together instead of one a class.
        empty_share: As in `photo_weights`.
        name: What the user calls the new version.
        scores: False to leave the measuring out.
        progress: Called with (photos done, photos in all).
        command: The command that makes it again.
        ws: Workspace; the current one by default.

    Raises:
        InputError: If a number is out of range, or no class can be moved.
        ModelError: If the weights cannot be used.
    """
    for value, what in ((to, "target confidence"), (raw, "raw confidence")):
        if value is not None and not 0 < value < 1:
            raise InputError(f"The {what} is {value:g}; expected a number above 0 and below 1.", "Try 0.25.")
    parent = open_parent(ref, ws=ws)
    labels = parent.info.labels
    origin: dict[str, Any] = {"method": "calibrate", "to": to}
    if raw is not None:
        shifts = [shift_of(raw, to)] * len(labels)
        origin |= {"raw": raw}
        text = f"Class logits moved so that a confidence of {raw:g} becomes {to:g}."
    else:
        from core.yolo.predict import wrap

        goal = goal or Goal()
        model = wrap(parent.network(), parent.info, ref=parent.name)
        found = look(model, frames, progress=progress)
        choices = choose_all(found, labels, goal, shared=shared, empty_share=empty_share)
        shifts = shifts_of(choices, to)
        if not any(c.threshold is not None for c in choices.values()):
            why = "; ".join(f"{label} {c.reason}" for label, c in choices.items())
            raise InputError(f"No class can be moved: {why}.", "Give more photos, or another goal.")
        origin |= {
            "goal": {"beta": goal.beta} if goal.precision is None else {"precision": goal.precision},
            "shared": shared, "empty_share": empty_share,
            "data": _told(data_name, frames),
            "choices": {label: asdict(choice) for label, choice in choices.items()},
        }  # fmt: skip
        text = _text(choices, goal, to, len(frames), data_name)
    origin |= {"text": text, "shifts": {n: round(s, 4) for n, s in zip(labels, shifts, strict=True)}}
    return register_derived(
        shifted(parent.state, shifts), [parent], origin, name=name, command=command, scores=scores,
        confidence=to, progress=progress, ws=ws,
    )  # fmt: skip


def look(
    model: Detector, frames: Sequence[Frame], *, least: float = 0.0, progress: Progress | None = None
) -> list[Judged]:
    """Every candidate of the photos, judged against their labels.

    Args:
        model: The detector.
        frames: Labelled photos.
        least: Objects whose long side is below this many pixels, at the size that the network sees, count
            neither way.
        progress: Called with (photos done, photos in all).

    Raises:
        InputError: If there are no photos.
    """
    from core.datasets.photos import open_photo
    from core.yolo.boxes import OVERLAP, select
    from core.yolo.evaluate import FLOOR, judged

    if not frames:
        raise InputError("There are no labelled photos to calibrate on.", "Give a folder or a dataset.")
    found = []
    for number, frame in enumerate(frames, 1):
        raw = model.raw(open_photo(frame.path)[0], tiling="off", floor=FLOOR)
        frame = _large_enough(frame, raw.size, least / model.info.image_size)
        found.append(judged(select(raw, confidence=FLOOR, overlap=OVERLAP), raw, frame)[0])
        if progress:
            progress(number, len(frames))
    return found


def _large_enough(frame: Frame, size: tuple[int, int], least: float) -> Frame:
    """The photo with its objects below `least` (share of its long side) as regions to ignore."""
    longest = max(size)
    small = tuple(
        thing
        for thing in frame.things
        if max((thing.box[2] - thing.box[0]) * size[0], (thing.box[3] - thing.box[1]) * size[1])
        < least * longest
    )
    if not small:
        return frame
    kept = tuple(thing for thing in frame.things if thing not in small)
    return replace(frame, things=kept, ignore=(*frame.ignore, *small))


def shifts_of(choices: Mapping[str, Choice], to: float) -> list[float]:
    """What is added to the class logits so that each chosen threshold becomes `to`; 0 where none was."""
    return [0.0 if c.threshold is None else shift_of(c.threshold, to) for c in choices.values()]


def settle(
    network: nn.Module, info: DetectorInfo, frames: Sequence[Frame], *, to: float, least: float = 0.0,
    device: str = "",
) -> dict[str, Choice]:  # fmt: skip
    """Move the confidences of a network just trained: the threshold with the largest F1 becomes `to`.

    A short training leaves all confidences low, those of rare classes above all; at the one threshold in use
    hardly anything would be found.

    Args:
        network: The network; its class branch is changed in place.
        info: Its description.
        frames: Labelled images that it did not learn from.
        to: Confidence that the chosen thresholds become.
        least: As in `look`.
        device: As in `predict.wrap`.

    Returns:
        The choice of each class; a class of which too little was seen is left as it is.
    """
    from core.yolo.predict import wrap

    choices = choose_all(
        look(wrap(deepcopy(network), info, device=device), frames, least=least), info.labels, Goal()
    )
    network.load_state_dict(shifted(network.state_dict(), shifts_of(choices, to)))
    return choices


def told_of(choices: Mapping[str, Choice], to: float) -> str:
    """What `settle` did, in words."""
    moved = ", ".join(f"{n} {c.threshold:.2f}" for n, c in choices.items() if c.threshold is not None)
    left = "".join(f" {label} was left as it is: it {c.reason}." for label, c in choices.items() if c.reason)
    done = f"Confidences moved: the best threshold becomes {to:g}; it was {moved}." if moved else ""
    return (done + left).strip()


def _told(name: str, frames: Sequence[Frame]) -> dict[str, Any]:
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(frame.path.read_bytes())
        digest.update(repr([(thing.label, thing.box) for thing in frame.things]).encode())
    return {
        "name": name, "photos": len(frames), "without_objects": sum(not frame.things for frame in frames),
        "sha256": digest.hexdigest(),
    }  # fmt: skip


def _text(choices: Mapping[str, Choice], goal: Goal, to: float, photos: int, data: str) -> str:
    moved = ", ".join(
        f"{label} {choice.threshold:.2f} ({choice.low:.2f} to {choice.high:.2f})"
        for label, choice in choices.items()
        if choice.threshold is not None
    )
    left = "".join(f" {label} was left as it is: it {c.reason}." for label, c in choices.items() if c.reason)
    return (
        f"Class logits moved so that the threshold with the {goal.text} on {photos} photos of {data} becomes "
        f"{to:g}; it was {moved}.{left}"
    )
