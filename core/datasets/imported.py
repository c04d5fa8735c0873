"""Imported rows become a dataset: its name, its card, and the first gold set as the one that counts.

Reading files is importers/, checking and splitting rows is the wings' business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.datasets.importers.rows import ImportResult
from core.datasets.importers.yolo import YoloImport
from core.datasets.store import DatasetInfo, create_dataset, get_gold, set_gold
from core.workspace import Workspace

# A path, or what an upload is: its name and its bytes.
Source = Path | str | tuple[str, bytes]
GOLD_SPLIT = "A gold set is not split: all of it is for measuring."
_SHOWN_REASONS = 20


def source_names(sources: Sequence[Source]) -> list[str]:
    """File names of what is imported."""
    return [source[0] if isinstance(source, tuple) else Path(source).name for source in sources]


def dataset_name(filename: str) -> str:
    """A dataset name made from a file name: letters, digits, `.`, `_` and `-`."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(filename).stem)
    return re.sub(r"\.{2,}", ".", plain).strip("-._")[:60] or "imported"


def unsplit(splits: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
    """Rows without the split that their file named: the part they are in says it."""
    return {
        split: [{key: value for key, value in row.items() if key != "split"} for row in rows]
        for split, rows in splits.items()
    }


def store_imported(
    task: str,
    splits: Mapping[str, Sequence[dict]],
    result: ImportResult | YoloImport,
    *,
    names: Sequence[str],
    name: str,
    role: str,
    licence: str,
    card: Mapping[str, Any],
    ws: Workspace,
) -> DatasetInfo:
    """Freeze imported rows; the first gold set becomes the one that targets are judged on.

    Args:
        task: Model, for example `ner`.
        splits: Rows of each split.
        result: Where they came from and what was rejected.
        names: Names of the files.
        name: Name of the dataset; made from the first file's name if empty.
        role: `train` or `gold`.
        licence: What may be done with the data, as the user writes it.
        card: What else the card says: how it was split, health, label names.
        ws: Workspace.

    Raises:
        DatasetError: If the name cannot be used.
    """
    info = create_dataset(
        task,
        name or dataset_name(names[0]),
        {split: list(rows) for split, rows in splits.items()},
        {
            "source": "imported",
            "imported_from": list(names),
            "format": result.format,
            "licence": licence.strip() or "not stated",
            "rejected": len(result.rejected),
            "rejected_reasons": [
                {"line": entry.line, "file": entry.file, "reason": entry.reason}
                for entry in result.rejected[:_SHOWN_REASONS]
            ],
            "notices": result.notices,
            **card,
        },
        role=role,
        ws=ws,
    )
    if role == "gold" and get_gold(task, ws=ws) is None:
        set_gold(task, info.id, ws=ws)
    return info
