"""A model against rows with known entities: strict scores, errors, worst texts.

The figures themselves are in score.py, reading of other file formats in core/datasets/importers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.datasets.spans import to_bio
from core.errors import DatasetError, InputError, NotFoundError
from core.ner.score import score

if TYPE_CHECKING:
    from core.ner.predict import NerModel
    from core.workspace import Workspace


def evaluate(
    model: NerModel,
    rows: Sequence[dict],
    *,
    batch_size: int = 32,
    bf16: bool = False,
    threshold: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
    worst: int = 50,
) -> dict:
    """Score a model.

    Args:
        model: A loaded model.
        rows: Rows `{"text", "entities": [{"start", "end", "label"}]}`.
        batch_size: Most sequences in one pass.
        bf16: Compute in bf16.
        threshold: Predictions with a lower confidence do not count, 0 to 1.
        progress: Called with (texts done, texts in all).
        worst: How many of the worst texts to list.

    Returns:
        `f1`, `precision`, `recall` (strict entity-level micro, 0 to 1), `labels`, `errors`, `worst` and more;
        see `score.score`. Each entry of `worst` lists the predictions with their confidence.
    """
    texts = [row["text"] for row in rows]
    answers = model.predict(texts, batch_size=batch_size, bf16=bf16, progress=progress)
    found = [
        [entity for entity in answer["entities"] if entity["confidence"] >= threshold] for answer in answers
    ]
    result = score(
        [row["entities"] for row in rows], found, texts=texts, labels=model.info.labels, worst=worst
    )
    for entry in result["worst"]:
        entry["predicted"] = found[entry["index"]]
    return result


def read_rows(path: Path) -> list[dict]:
    """Read a JSONL file of rows `{"text", "entities"}`.

    Raises:
        DatasetError: Naming the first line that cannot be used.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise DatasetError(f"The file {str(path)!r} does not exist.", "Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"The file {str(path)!r} cannot be read: {error}.", "Expected JSONL in UTF-8."
        ) from None
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            row = {"text": row["text"], "entities": list(row["entities"])}
            to_bio(row["text"], row["entities"])
        except (json.JSONDecodeError, KeyError, TypeError, DatasetError) as error:
            reason = str(error) if isinstance(error, DatasetError) else f"{type(error).__name__}: {error}"
            raise DatasetError(
                f"Line {number} of {path.name!r} is no row with text and entities ({reason}).",
                'Expected {"text": "...", "entities": [{"start": 0, "end": 4, "label": "EQUIPMENT"}]}.',
            ) from None
        rows.append(row)
    if not rows:
        raise DatasetError(f"The file {path.name!r} holds no rows.", "Choose a file with at least one line.")
    return rows


def evaluate_path(
    model_ref: str,
    data: str | Path,
    *,
    ws: Workspace | None = None,
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Load a model by name and score it; see `evaluate` and `predict.load_model`.

    Args:
        model_ref: Version, alias, `starter`, `base` or model folder.
        data: A JSONL file, or the id of a dataset, whose test split is taken.
        ws: The workspace; the current one without it.
        batch_size: Most sequences in one pass.
        progress: Called with (texts done, texts in all).
    """
    from core.ner.predict import load_model

    rows = labelled_rows(data, ws=ws)
    return evaluate(load_model(model_ref, ws=ws), rows, batch_size=batch_size, progress=progress)


def labelled_rows(data: str | Path, *, ws: Workspace | None = None) -> list[dict]:
    """Rows of a JSONL file, or of the test split of the dataset with that id.

    Raises:
        DatasetError: If there is neither, or a line cannot be used.
    """
    path = Path(data).expanduser()
    if path.is_file():
        return read_rows(path)
    from core.datasets import store

    try:
        info = store.get_dataset("ner", str(data), ws=ws)
    except (InputError, NotFoundError):
        raise DatasetError(
            f"{str(data)!r} is neither a file nor a NER dataset.",
            "Give the path of a JSONL file or a dataset id.",
        ) from None
    return list(store.read_rows(info, "test"))
