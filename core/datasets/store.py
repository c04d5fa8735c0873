"""Dataset versions on disk: made once, never changed, named `<name>@<first 8 digits of their hash>`.

How the rows of a model are written is in payload.py; where rows come from is not known here.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from core.datasets.payload import Row, digest, payload_of
from core.errors import DatasetError, InputError, IntegrityError, NotFoundError, StateError
from core.files import move_folder, scratch_folder, sha256_file, sync_folder, utc_now
from core.tasks import get_task
from core.workspace import Workspace, read_json, write_json_atomic

SPLITS = ("train", "val", "test")
SCHEMA = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True)
class DatasetInfo:
    """One dataset version, as its card describes it.

    Args:
        id: `<name>@<hash8>`.
        task: Model it is for.
        name: The user's name for it.
        role: `train` or `gold`.
        path: Its folder.
        hash: sha256 of the content, 64 hex digits.
        counts: Rows per split.
        card: Everything in card.json.
    """

    id: str
    task: str
    name: str
    role: str
    path: Path
    hash: str
    counts: dict[str, int]
    card: dict[str, Any]

    @property
    def rows(self) -> int:
        """Rows of all splits together."""
        return sum(self.counts.values())


def create_dataset(
    task: str,
    name: str,
    splits: Mapping[str, Sequence[Row]],
    card: Mapping[str, Any],
    *,
    role: str = "train",
    ws: Workspace | None = None,
) -> DatasetInfo:
    """Freeze rows as a dataset version. The same content under the same name gives the existing one.

    Args:
        task: Model, for example `ner`.
        name: Letters, digits, `.`, `_`, `-`, at most 80.
        splits: Rows per split: train, val and test; a gold set has test only.
        card: What the caller knows: source, licence, split (how it was split), health, notes.
        role: `train` or `gold`.
        ws: Workspace; the current one by default.

    Raises:
        DatasetError: If the name, a split or a row is not usable. Nothing is written then.
    """
    ws = ws or Workspace.current()
    get_task(task)
    payload = payload_of(task)
    _check_name(name)
    _check_splits(splits, role)
    names = [split for split in SPLITS if split in splits]
    lines = {split: _canonical(payload.canonical, split, splits[split]) for split in names}
    hashes = {split: digest(split, lines[split]) for split in names}
    content = hashlib.sha256("".join(hashes[split] for split in names).encode("ascii")).hexdigest()
    dataset_id = f"{name}@{content[:8]}"
    target = ws.dataset(task, dataset_id)
    if target.exists():
        return _existing(task, dataset_id, content, ws)

    with scratch_folder(ws.scratch, "dataset") as folder:
        written = {split: payload.write(folder, split, splits[split], lines[split]) for split in names}
        files = [file for split in names for file in written[split].files]
        write_json_atomic(
            folder / "card.json",
            {
                **card,
                "schema": SCHEMA, "id": dataset_id, "task": task, "name": name, "role": role,
                "hash": content, "split_hashes": hashes, "created": utc_now(),
                "counts": {split: written[split].rows for split in names},
                "labels": {split: written[split].labels for split in names},
                "files": {
                    file: {"sha256": sha256_file(folder / file), "bytes": (folder / file).stat().st_size}
                    for file in files
                },
            },
        )  # fmt: skip
        sync_folder(folder)
        try:
            move_folder(folder, target)
        except FileExistsError:
            # Another process has just finished the same dataset.
            return _existing(task, dataset_id, content, ws)
    return get_dataset(task, dataset_id, ws=ws)


def list_datasets(task: str, role: str | None = None, *, ws: Workspace | None = None) -> list[DatasetInfo]:
    """All readable dataset versions, newest first. Reads the cards only, never the rows."""
    found = [info for info, _ in _scan(task, ws or Workspace.current()) if info is not None]
    chosen = [info for info in found if role in (None, info.role)]
    return sorted(chosen, key=lambda info: (str(info.card.get("created", "")), info.id), reverse=True)


def damaged_datasets(task: str, *, ws: Workspace | None = None) -> list[tuple[str, str]]:
    """(id, reason) of every dataset folder whose card cannot be read."""
    return [problem for info, problem in _scan(task, ws or Workspace.current()) if info is None]


def get_dataset(task: str, dataset_id: str, *, ws: Workspace | None = None) -> DatasetInfo:
    """The dataset version with this id.

    Raises:
        NotFoundError: If there is none.
        DatasetError: If its card is damaged.
    """
    path = (ws or Workspace.current()).dataset(task, dataset_id)
    try:
        card = read_json(path / "card.json")
        return DatasetInfo(
            id=dataset_id, task=task, name=str(card["name"]), role=str(card["role"]), path=path,
            hash=str(card["hash"]), counts={str(k): int(v) for k, v in card["counts"].items()}, card=card,
        )  # fmt: skip
    except (FileNotFoundError, NotADirectoryError):
        raise _unknown(task, dataset_id) from None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise DatasetError(
            f"The card of dataset {dataset_id!r} cannot be read ({type(error).__name__}: {error}).",
            "Delete this dataset and import or generate it again.",
        ) from error


def iter_rows(info: DatasetInfo, split: str) -> Iterator[Row]:
    """The rows of a split, read line by line.

    Raises:
        NotFoundError: If the dataset has no such split or its file is gone.
        DatasetError: Naming the first line that is not JSON.
    """
    if split not in info.counts:
        raise NotFoundError(
            f"Dataset {info.id!r} has no split {split!r}.", f"It has: {', '.join(info.counts)}."
        )
    path = info.path / f"{split}.jsonl"
    try:
        with path.open("r", encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield json.loads(line)
                except json.JSONDecodeError as error:
                    raise DatasetError(
                        f"Line {number} of {path.name} in dataset {info.id!r} is damaged: {error.msg}.",
                        "Delete this dataset and import or generate it again.",
                    ) from None
    except FileNotFoundError:
        raise NotFoundError(f"Dataset {info.id!r} has lost its file {path.name}.", "Make it again.") from None
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"The file {path.name} of dataset {info.id!r} is damaged: {error.reason}.",
            "Delete this dataset and import or generate it again.",
        ) from None


def read_rows(info: DatasetInfo, split: str, limit: int | None = None) -> list[Row]:
    """The rows of a split as a list, or the first `limit` of them; errors as in `iter_rows`."""
    return list(islice(iter_rows(info, split), limit))


def verify_dataset(info: DatasetInfo) -> None:
    """Compare every file with the hash in the card.

    Raises:
        IntegrityError: Naming the first file that differs or is gone.
    """
    payload = payload_of(info.task)
    for file, expected in info.card.get("files", {}).items():
        path = info.path / file
        if not path.is_file() or sha256_file(path) != expected["sha256"]:
            state = "has changed" if path.is_file() else "is gone"
            raise IntegrityError(
                f"The file {file!r} of dataset {info.id!r} {state} since the dataset was made.",
                "Delete this dataset and import or generate it again.",
            )
    hashes = [
        digest(split, map(payload.canonical, iter_rows(info, split)))
        for split in SPLITS
        if split in info.counts
    ]
    content = hashlib.sha256("".join(hashes).encode("ascii")).hexdigest()
    if content != info.hash or info.id != f"{info.name}@{content[:8]}":
        raise IntegrityError(
            f"The content of dataset {info.id!r} does not fit its id (it would be {content[:8]}).",
            "Delete this dataset and import or generate it again.",
        )


def delete_dataset(
    task: str, dataset_id: str, *, in_use: Collection[str] = (), ws: Workspace | None = None
) -> None:
    """Remove a dataset version; if it was the gold set, there is none afterwards.

    Args:
        task: Model it is for.
        dataset_id: Its id.
        in_use: Ids that waiting or running trainings read.
        ws: Workspace; the current one by default.

    Raises:
        StateError: If it is in use.
        NotFoundError: If it does not exist.
    """
    ws = ws or Workspace.current()
    path = ws.dataset(task, dataset_id)
    if dataset_id in in_use:
        raise StateError(
            f"Dataset {dataset_id!r} is in use by a training.", "Wait for it to end or cancel it."
        )
    if not path.is_dir():
        raise NotFoundError(
            f"There is no {task} dataset {dataset_id!r}.", "Choose one from the list of datasets."
        )
    if _gold_id(task, ws) == dataset_id:
        set_gold(task, None, ws=ws)
    with scratch_folder(ws.scratch, "deleted") as folder:
        # One rename first, so that a reader never meets a folder with half of its files.
        path.rename(folder / "dataset")
        shutil.rmtree(folder / "dataset")


def set_gold(task: str, dataset_id: str | None, *, ws: Workspace | None = None) -> None:
    """Name the gold set that targets are judged on, or None for no gold set.

    Raises:
        NotFoundError: If there is no such dataset.
        InputError: If it was not imported as a gold set.
    """
    ws = ws or Workspace.current()
    if dataset_id is not None and get_dataset(task, dataset_id, ws=ws).role != "gold":
        raise InputError(
            f"{dataset_id!r} is training data, not a gold set.", "Import it again as a gold set."
        )
    write_json_atomic(_gold_file(task, ws), {"id": dataset_id})


def get_gold(task: str, *, ws: Workspace | None = None) -> DatasetInfo | None:
    """The gold set that targets are judged on; None if none is named or the named one is gone."""
    ws = ws or Workspace.current()
    named = _gold_id(task, ws)
    if named is None:
        return None
    try:
        return get_dataset(task, named, ws=ws)
    except NotFoundError:
        return None


def _unknown(task: str, dataset_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no {task} dataset {dataset_id!r}.", "Choose one from the list of datasets."
    )


def _gold_file(task: str, ws: Workspace) -> Path:
    return ws.datasets(task) / "gold.json"


def _gold_id(task: str, ws: Workspace) -> str | None:
    path = _gold_file(task, ws)
    if not path.exists():
        return None
    try:
        named = read_json(path)["id"]
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"The choice of the gold set in {path.name!r} cannot be read ({error}).",
            "Choose the gold set again.",
        ) from error
    return None if named is None else str(named)


def _scan(task: str, ws: Workspace) -> Iterator[tuple[DatasetInfo | None, tuple[str, str]]]:
    root = ws.datasets(task)
    if not root.is_dir():
        return
    for path in sorted(root.iterdir()):
        if not path.is_dir() or path.name.startswith("."):
            continue
        try:
            yield get_dataset(task, path.name, ws=ws), ("", "")
        except (DatasetError, NotFoundError, InputError) as error:
            yield None, (path.name, str(error))


def _existing(task: str, dataset_id: str, content: str, ws: Workspace) -> DatasetInfo:
    info = get_dataset(task, dataset_id, ws=ws)
    if info.hash != content:
        raise DatasetError(
            f"Another dataset already has the id {dataset_id!r}.", "Choose another name for the new dataset."
        )
    return info


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or ".." in name:
        raise DatasetError(
            f"{str(name)[:80]!r} cannot be a dataset name.",
            "Use letters, digits, '.', '_' and '-', at most 80, and start with a letter or digit.",
        )


def _check_splits(splits: Mapping[str, Sequence[Row]], role: str) -> None:
    expected = {"train": SPLITS, "gold": ("test",)}.get(role)
    if expected is None:
        raise DatasetError(f"{role!r} is not a role of a dataset.", "Choose train or gold.")
    if set(splits) != set(expected):
        came = ", ".join(splits) or "none"
        raise DatasetError(f"A {role} dataset has the splits {', '.join(expected)}; these came: {came}.")
    for split in expected:
        if not splits[split]:
            raise DatasetError(
                f"The split {split!r} has no rows.", "Add rows, or split the data another way."
            )


def _canonical(canonical: Any, split: str, rows: Sequence[Row]) -> list[str]:
    lines = []
    for number, row in enumerate(rows, 1):
        try:
            lines.append(canonical(row))
        except DatasetError as error:
            raise DatasetError(f"Row {number} of the split {split!r}: {error.message}", error.hint) from None
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                f"Row {number} of the split {split!r} has no usable form: {error!r}."
            ) from None
    return lines
