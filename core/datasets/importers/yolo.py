"""One door for labelled photos: finds out the format, checks every photo, and names each file that is left
out.

The formats are in yolo_formats.py, unpacking in archives.py.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.datasets.frames import LABELS, PICTURES, Thing, make_thing
from core.datasets.importers.archives import unpack
from core.datasets.importers.yolo_formats import FORMATS, RawPhoto, detect, read_format
from core.datasets.photos import open_photo, photo_size, without_metadata
from core.errors import DatasetError, InputError, NotFoundError

_TEXTS = (".txt", ".json", ".xml", ".yaml", ".yml", ".names")
_ALIASES = {
    "pole": ("poles", "utilitypole", "utilitypoles", "electricpole", "powerpole", "woodpole", "concretepole",
             "pylon",
             "telegraphpole", "lightpole", "electricitypole"),
    "crossarm": ("crossarms", "crossbar", "crossbars", "xarm", "xarms", "arm", "arms", "doublearm",
                 "woodcrossarm"),
    "underground": ("padmount", "padmounttransformer", "padmountedtransformer", "pedestal", "handhole",
                    "vault",
                    "undergroundequipment"),
}  # fmt: skip
_KNOWN = {alias: label for label, names in _ALIASES.items() for alias in (label, *names)}

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ImportedPhoto:
    """A photo that can be used.

    Args:
        path: The image file.
        things: Its objects.
        ignore: Regions in which a detection counts neither way.
        size: Width and height of the upright photo in pixels.
        split: The split that it came in, or an empty string.
    """

    path: Path
    things: tuple[Thing, ...]
    ignore: tuple[Thing, ...]
    size: tuple[int, int]
    split: str = ""


@dataclass(frozen=True)
class RejectedPhoto:
    """A file or label that was left out.

    Args:
        file: Its name.
        reason: What is wrong, in words.
        line: Line of a label file, or 0.
        snippet: Start of the line, to find it again.
    """

    file: str
    reason: str
    line: int = 0
    snippet: str = ""


@dataclass
class YoloImport:
    """What came out of one or several sources.

    Args:
        photos: Usable photos.
        rejected: Files that were left out, each with its reason.
        format: `yolo`, `coco`, `voc`, or several.
        label_counts: Objects per class of ours.
        unknown_labels: Class names that fit none of ours -> how often; their boxes are left out.
        guessed: Class names that were taken for one of ours without asking (`cross_arm` -> `crossarm`).
        licence: Licence text found beside the data, shortened.
        notices: What was corrected or ignored on the way, one sentence each.
        doubled: Boxes that came twice for the same photo.
    """

    photos: list[ImportedPhoto] = field(default_factory=list)
    rejected: list[RejectedPhoto] = field(default_factory=list)
    format: str = ""
    label_counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LABELS, 0))
    unknown_labels: dict[str, int] = field(default_factory=dict)
    guessed: dict[str, str] = field(default_factory=dict)
    licence: str = ""
    notices: list[str] = field(default_factory=list)
    doubled: int = 0

    @property
    def rows(self) -> list[ImportedPhoto]:
        """The usable photos; the name that every importer's result has."""
        return self.photos

    def add(self, other: YoloImport) -> None:
        """Take in the result of another source."""
        self.photos += other.photos
        self.rejected += other.rejected
        self.notices += other.notices
        self.doubled += other.doubled
        self.guessed.update(other.guessed)
        self.licence = self.licence or other.licence
        self.format = ", ".join(dict.fromkeys(part for part in (self.format, other.format) if part))
        for table, more in (
            (self.label_counts, other.label_counts),
            (self.unknown_labels, other.unknown_labels),
        ):
            for name, count in more.items():
                table[name] = table.get(name, 0) + count


def import_yolo(
    source: Path | str | tuple[str, bytes],
    folder: Path,
    *,
    format: str = "auto",
    label_map: Mapping[str, str | None] | None = None,
    progress: Progress | None = None,
) -> YoloImport:
    """Read labelled photos. Nothing is stored but what an archive holds, in `folder`.

    Args:
        source: A folder, a .zip archive, a COCO .json, or (name, bytes) of an uploaded archive.
        folder: Scratch folder for an archive's files and cleaned copies; must stay while the photos are used.
        format: One of `FORMATS`.
        label_map: Class name in the files -> ours, or None to leave its boxes out.
        progress: Called with (photos looked at, photos in all).

    Raises:
        DatasetError: If the source as a whole is not usable.
        NotFoundError: If it does not exist.
    """
    if format not in FORMATS:
        raise DatasetError(f"{format!r} is not a format.", f"Choose one of: {', '.join(FORMATS)}.")
    _check_map(label_map)
    result = YoloImport()
    root = _root(source, folder, result)
    format = detect(root) if format == "auto" else format
    result.format = format
    raws, refused, notices = read_format(format, root)
    result.notices += notices
    result.rejected += [RejectedPhoto(file, reason, line, snippet) for file, reason, line, snippet in refused]
    result.licence = _licence(root if root.is_dir() else root.parent)
    mapping = _mapping(raws, label_map or {})
    seen: Counter[str] = Counter()
    for number, raw in enumerate(raws, 1):
        photo = _checked(raw, mapping, seen, result, folder / "clean")
        if photo is not None:
            result.photos.append(photo)
            for thing in photo.things:
                result.label_counts[LABELS[thing.label]] += 1
        if progress:
            progress(number, len(raws))
    result.guessed = {
        name: ours
        for name, ours in mapping.items()
        if ours and name != ours and name not in (label_map or {})
    }
    unknown = {name: seen[name] for name in seen if mapping.get(name, "") == ""}
    result.unknown_labels = dict(sorted(unknown.items(), key=lambda item: -item[1]))
    if result.doubled:
        many = "1 box that was" if result.doubled == 1 else f"{result.doubled:,} boxes that were"
        result.notices.append(f"{many} there twice {'is' if result.doubled == 1 else 'are'} kept once.")
    if unknown:
        listed = ", ".join(f"{name!r} ({count})" for name, count in list(result.unknown_labels.items())[:8])
        result.notices.append(f"Boxes of classes that are not ours were left out: {listed}.")
    return result


def guess(name: str) -> str | None:
    """Our class for a class name of someone else, if it is clear; `cross_arm` and `Cross Arms` are."""
    plain = "".join(letter for letter in name.casefold() if letter.isalnum())
    if plain in _KNOWN:
        return _KNOWN[plain]
    close = difflib.get_close_matches(plain, _KNOWN, n=1, cutoff=0.9)
    return _KNOWN[close[0]] if close else None


def _check_map(label_map: Mapping[str, str | None] | None) -> None:
    for theirs, ours in (label_map or {}).items():
        if ours and ours not in LABELS:
            raise DatasetError(
                f"{theirs!r} cannot be mapped to {ours!r}.", f"Classes are: {', '.join(LABELS)} (or nothing)."
            )


def _mapping(raws: Sequence[RawPhoto], label_map: Mapping[str, str | None]) -> dict[str, str | None]:
    """Class name in the files -> ours, None to leave out on purpose, "" where nobody knows."""
    names = {name for raw in raws for name, _ in raw.things}
    return {name: label_map[name] or None if name in label_map else guess(name) or "" for name in names}


def _root(source: Path | str | tuple[str, bytes], folder: Path, result: YoloImport) -> Path:
    name, content = source if isinstance(source, tuple) else (Path(source).name, Path(source))
    if isinstance(content, Path):
        if not content.exists():
            raise NotFoundError(f"There is no file or folder {str(content)!r}.", "Check the path.")
        if content.is_dir() or content.suffix.lower() == ".json":
            return content
    if not name.lower().endswith(".zip"):
        raise DatasetError(f"{name!r} is no folder and no .zip archive.", "Pack photos and labels as .zip.")
    refused = unpack(content, folder, name=name, suffixes={*PICTURES, *_TEXTS})
    result.rejected += [RejectedPhoto(file, reason) for file, reason in refused]
    return folder


def _checked(
    raw: RawPhoto, mapping: Mapping[str, str | None], seen: Counter[str], result: YoloImport, clean: Path
) -> ImportedPhoto | None:
    try:
        size = photo_size(raw.path, name=raw.name)
        open_photo(raw.path, name=raw.name, at_most=64)  # decodes it, so that a cut-off file is found here
        path = without_metadata(raw.path, clean)
        things = []
        for name, points in raw.things:
            seen[name] += 1
            ours = mapping.get(name)
            if ours:
                scaled = points if raw.shares else [(x / size[0], y / size[1]) for x, y in points]
                things.append(make_thing(LABELS.index(ours), scaled))
        # The same box twice would count as an object that is always missed.
        once = tuple(dict.fromkeys(things))
        result.doubled += len(things) - len(once)
        ignore = tuple(make_thing(-1, points) for points in raw.ignore)
    except FileNotFoundError:
        result.rejected.append(RejectedPhoto(raw.name, "the photo is missing"))
        return None
    except InputError as error:
        result.rejected.append(RejectedPhoto(raw.name, error.message))
        return None
    return ImportedPhoto(path, once, ignore, size, raw.split)


def _licence(folder: Path) -> str:
    for path in sorted(folder.glob("*.txt")) + sorted(folder.glob("LICENSE*")):
        if path.name.lower().startswith(("license", "licence", "readme.dataset", "readme.roboflow")):
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            lines = [line.strip() for line in text.splitlines() if "licen" in line.casefold()]
            return " ".join(lines)[:300] or text.strip()[:300]
    return ""
