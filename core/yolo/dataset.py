"""Detector datasets from start to end: rendered or imported photos become a checked, frozen dataset version.

Scenes are drawn in core/yolo/scene; storage and importers are those of core/datasets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.datasets.frames import LABELS, Frame, frame_from_row, read_labels
from core.datasets.imported import GOLD_SPLIT, dataset_name, source_names, store_imported
from core.datasets.importers.yolo import ImportedPhoto, YoloImport, import_yolo
from core.datasets.store import (
    SPLITS,
    DatasetInfo,
    create_dataset,
    get_dataset,
    iter_rows,
)
from core.errors import DatasetError
from core.files import scratch_folder, sha256_file
from core.workspace import Workspace
from core.yolo.generate import GenerateSettings

__all__ = [
    "LABELS", "build_generated", "build_imported", "build_mixed", "check_import", "dataset_name",
    "frames_of_dataset",
]  # fmt: skip

Progress = Callable[[int, int], None]
_SHARES = {"train": 0.7, "val": 0.2, "test": 0.1}


def build_generated(
    settings: GenerateSettings,
    *,
    name: str = "scenes",
    progress: Progress | None = None,
    ws: Workspace | None = None,
) -> DatasetInfo:
    """Render scenes and freeze them; the same settings and seed give the same dataset again.

    Rendering that was interrupted goes on where it stopped when it is asked for again.

    Args:
        settings: Of the generator, as `generate.build_settings` makes them.
        name: Name of the dataset.
        progress: Called with (photos rendered, photos in all).
        ws: Workspace; the current one by default.

    Raises:
        DatasetError: If the name cannot be used.
    """
    from core.yolo.scene.families import GENERATOR_VERSION
    from core.yolo.scene.render import write_dataset

    ws = ws or Workspace.current()
    folder = ws.scratch / f"scenes-{GENERATOR_VERSION}-{settings.seed}-{settings.size}"
    folder.mkdir(parents=True, exist_ok=True)
    stats = write_dataset(
        folder, settings.count, settings.seed, size=settings.size, workers=settings.workers or None,
        progress=(lambda done, total, speed: progress(done, total)) if progress else None,
    )  # fmt: skip
    splits = {split: _rendered_rows(folder, split, settings) for split in SPLITS}
    card = {
        "source": "generated",
        "licence": "Generated photos of the Studio's own scenes, AGPL-3.0",
        "generator_version": GENERATOR_VERSION,
        "settings": settings.model_dump(exclude={"workers"}),
        "split": "70/20/10 by scene family: scenes of one place, utility and camera stay in one split.",
        "negatives": stats.negatives,
        "kinds": stats.kinds,
        "images_per_second": round(stats.images_per_second, 2),
    }
    info = create_dataset("yolo", name, splits, card, ws=ws)
    _clear(folder)
    return info


def _rendered_rows(folder: Path, split: str, settings: GenerateSettings) -> list[dict[str, Any]]:
    from core.datasets.photos import photo_size
    from core.yolo.scene.families import family_number

    rows = []
    for path in sorted((folder / "images" / split).glob("*.jpg")):
        index = int(path.stem.rpartition("-")[2])
        if index >= settings.count:
            continue  # left by a larger request with the same seed
        things = read_labels(folder / "labels" / split / f"{path.stem}.txt")
        rows.append(
            _row(
                path, path.name, things, photo_size(path), real=False, group=f"family {family_number(index)}"
            )
        )
    return rows


def _clear(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _row(
    path: Path, file: str, things: Iterable[Any], size: tuple[int, int], *, real: bool, group: str = "",
    ignore: Iterable[Any] = (),
) -> dict[str, Any]:  # fmt: skip
    row: dict[str, Any] = {
        "file": file, "sha256": sha256_file(path), "width": size[0], "height": size[1], "real": real,
        "things": [{"label": LABELS[t.label], "outline": [list(p) for p in t.outline]} for t in things],
        "source": str(path),
    }  # fmt: skip
    if group:
        row["group"] = group
    regions = [[list(p) for p in region.outline] for region in ignore]
    return {**row, "ignore": regions} if regions else row


def check_import(
    paths: Sequence[Path | tuple[str, bytes]],
    folder: Path,
    *,
    format: str = "auto",
    label_map: Mapping[str, str | None] | None = None,
    progress: Progress | None = None,
) -> YoloImport:
    """Read photos and labels without storing anything: what would be imported, what not and why.

    Args:
        paths: Folders, archives or annotation files, or (name, bytes) pairs of uploads.
        folder: Scratch folder into which archives are unpacked.
        format: As in `import_yolo`.
        label_map: Class name in the files -> ours, or None to leave its boxes out.
        progress: Called with (photos looked at, photos in all).

    Raises:
        DatasetError: If a source as a whole is not usable; it is named.
    """
    if not paths:
        raise DatasetError("No file was named.", "Choose at least one folder or archive to import.")
    merged = YoloImport()
    for number, path in enumerate(paths):
        place = folder / f"source{number}"
        merged.add(import_yolo(path, place, format=format, label_map=label_map, progress=progress))
    return merged


def build_imported(
    paths: Sequence[Path | tuple[str, bytes]],
    *,
    name: str = "",
    role: str = "train",
    licence: str = "",
    format: str = "auto",
    label_map: Mapping[str, str | None] | None = None,
    encoding: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    ws: Workspace | None = None,
) -> tuple[DatasetInfo, YoloImport]:
    """Import labelled photos as training data (split 70/20/10 by group) or as a gold set. All or nothing is
    stored.

    The first gold set becomes the one that targets are judged on.

    Args:
        paths: As in `check_import`.
        name: Name of the dataset; made from the first source's name if empty.
        role: `train` or `gold`.
        licence: What may be done with the photos, as the user writes it.
        format: As in `import_yolo`.
        label_map: Class name in the files -> ours, or None to leave its boxes out.
        encoding: Not used; label files are always UTF-8.
        seed: Of the split.
        progress: Called with (photos looked at, photos in all).
        ws: Workspace; the current one by default.

    Raises:
        DatasetError: If a source is not usable, no photo is, or there are too few to split.
    """
    ws = ws or Workspace.current()
    with scratch_folder(ws.scratch, "import") as folder:
        result = check_import(paths, folder, format=format, label_map=label_map, progress=progress)
        if not result.photos:
            raise _nothing_usable(result)
        rows = _numbered(result.photos)
        if role == "gold":
            splits: dict[str, list[dict]] = {"test": [row for row, _ in rows]}
            explanation = GOLD_SPLIT
        else:
            splits, explanation = split_photos(rows, seed=seed)
        card = {"split": explanation, "split_seed": seed, "label_map": dict(label_map or {})}
        info = store_imported(
            "yolo", splits, result, names=source_names(paths), name=name, role=role,
            licence=licence.strip() or result.licence, card=card, ws=ws,
        )  # fmt: skip
    return info, result


def build_mixed(
    generated: str,
    imported: str,
    *,
    share: float = 0.0,
    name: str = "mixed",
    seed: int = 0,
    ws: Workspace | None = None,
) -> DatasetInfo:
    """A dataset of generated scenes and real photos; splits stay as they are in both.

    Validation and test splits hold everything of both. How often a photo is read in training can also be set
    in the recipe (`real_share`), without a new dataset.

    Args:
        generated: Id of a dataset of generated scenes.
        imported: Id of a dataset of photos.
        share: Share of real photos in the training split, 0 to 1, reached by leaving out rows of the other
            kind at random; 0 takes all of both.
        name: Name of the new dataset.
        seed: Of the choice.
        ws: Workspace; the current one by default.

    Raises:
        DatasetError: If the share cannot be reached.
    """
    if not 0 <= share < 1:
        raise DatasetError(
            f"The share of real photos is {share}; expected 0 up to 1.", "Choose 0 to take everything."
        )
    ws = ws or Workspace.current()
    infos = [get_dataset("yolo", dataset, ws=ws) for dataset in (generated, imported)]
    splits: dict[str, list[dict]] = {}
    for split in SPLITS:
        scenes, photos = (
            _rows_with_source(info, split, prefix) for info, prefix in zip(infos, "gr", strict=True)
        )
        if split == "train" and share:
            scenes, photos = thinned(scenes, photos, share, seed)
        splits[split] = [*scenes, *photos]
    card = {
        "source": "mixed",
        "made_from": [info.id for info in infos],
        "licence": "; ".join(dict.fromkeys(str(info.card.get("licence", "")) for info in infos)),
        "generator_version": infos[0].card.get("generator_version", ""),
        "split": "As in the datasets it was mixed from.",
        "real_share": share,
        "split_seed": seed,
    }
    return create_dataset("yolo", name, splits, card, ws=ws)


def thinned(scenes: list, photos: list, share: float, seed: int) -> tuple[list, list]:
    """Leave out rows of one kind at random, so that photos are `share` of both together."""
    rng = np.random.default_rng(seed)
    wanted_photos = round(len(scenes) * share / (1 - share))
    if wanted_photos <= len(photos):
        chosen = sorted(rng.permutation(len(photos))[:wanted_photos].tolist())
        photos = [photos[number] for number in chosen]
    else:
        wanted_scenes = round(len(photos) * (1 - share) / share)
        chosen = sorted(rng.permutation(len(scenes))[:wanted_scenes].tolist())
        scenes = [scenes[number] for number in chosen]
    if not scenes or not photos:
        raise DatasetError(
            f"A share of {share:.0%} real photos leaves nothing of the other kind.", "Choose another."
        )
    return scenes, photos


def frames_of_dataset(info: DatasetInfo, split: str) -> list[Frame]:
    """The frames of one split of a stored dataset."""
    return [frame_from_row(row, info.path, split) for row in iter_rows(info, split)]


def _rows_with_source(info: DatasetInfo, split: str, prefix: str) -> list[dict[str, Any]]:
    rows = [] if split not in info.counts else iter_rows(info, split)
    return [
        {**row, "file": f"{prefix}-{row['file']}", "source": str(info.path / "images" / split / row["file"])}
        for row in rows
    ]


def _numbered(photos: Sequence[ImportedPhoto]) -> list[tuple[dict[str, Any], str]]:
    """Rows with names that cannot collide, and the split that each photo came with."""
    rows = []
    for number, photo in enumerate(photos):
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", photo.path.stem).strip("-_")[:60] or "photo"
        file = f"{number:06d}-{stem}{photo.path.suffix.lower()}"
        row = _row(photo.path, file, photo.things, photo.size, real=True, ignore=photo.ignore)
        rows.append((row, photo.split))
    return rows


def split_photos(
    rows: Sequence[tuple[dict[str, Any], str]], *, seed: int = 0
) -> tuple[dict[str, list[dict[str, Any]]], str]:
    """Deal photos 70/20/10, copies and series of one photo into the same split.

    Photos that came in a split of their own keep it where train, val and test are all there. A group is what
    has the same content, or the same name apart from a trailing augmentation mark (Roboflow's `.rf.<hash>`).

    Args:
        rows: (row, split that it came with or an empty string).
        seed: Of the deal.

    Raises:
        DatasetError: If there are fewer than three groups.
    """
    if {split for _, split in rows} == set(SPLITS):
        kept = {split: [row for row, own in rows if own == split] for split in SPLITS}
        return kept, "As the photos came."
    groups: dict[str, list[dict[str, Any]]] = {}
    for row, _ in rows:
        groups.setdefault(_group(row), []).append(row)
    if len(groups) < 3:
        raise DatasetError(
            f"There are {len(groups)} different photos; at least 3 are needed to split them.",
            "Import more photos, or import them as a gold set.",
        )

    def drawn(group: str) -> str:
        return hashlib.sha256(f"{seed} {group}".encode()).hexdigest()

    names = sorted(groups, key=drawn)
    bounds = [max(1, round(len(names) * _SHARES["test"])), max(1, round(len(names) * _SHARES["val"]))]
    parts = {
        "test": names[: bounds[0]],
        "val": names[bounds[0] : sum(bounds)],
        "train": names[sum(bounds) :],
    }
    splits = {split: [row for name in parts[split] for row in groups[name]] for split in SPLITS}
    return splits, "70/20/10 by group: copies of a photo stay in one split."


def _group(row: dict[str, Any]) -> str:
    name = row["file"].partition("-")[2]
    stem = re.sub(r"[-_.](?:jpe?g|png)?[-_.]?rf[-_.][0-9a-f]{16,}", "", Path(name).stem.casefold())
    return stem if stem != Path(name).stem.casefold() else row["sha256"]


def _nothing_usable(result: YoloImport) -> DatasetError:
    if result.unknown_labels:
        names = ", ".join(list(result.unknown_labels)[:10])
        return DatasetError(
            f"None of the photos can be used: their classes ({names}) are not ours.",
            f"Say which is which, for example --label {next(iter(result.unknown_labels))}=crossarm.",
        )
    first = result.rejected[0] if result.rejected else None
    example = f"; {first.file}: {first.reason}" if first else ""
    return DatasetError(
        f"None of the {len(result.rejected):,} files can be used{example}.", "Correct them and import again."
    )
