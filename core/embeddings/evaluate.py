"""A model against graded pairs: correlation, per kind, worst pairs. The figures themselves are in
score.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.datasets.importers.pairs import read_pairs
from core.embeddings.score import score_pairs
from core.errors import DatasetError, InputError, NotFoundError

if TYPE_CHECKING:
    from core.embeddings.predict import SimilarityModel
    from core.workspace import Workspace


def evaluate(
    model: SimilarityModel,
    rows: Sequence[dict],
    *,
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
    worst: int = 50,
) -> dict:
    """Score a model.

    Args:
        model: A loaded model.
        rows: Rows `{"a", "b", "score"}`, with `kind` where there is one.
        batch_size: Pairs in one pass.
        progress: Called with (pairs done, pairs in all).
        worst: How many of the worst pairs to list.

    Returns:
        `spearman`, `pearson` (-1 to 1), `kinds`, `points`, `worst` and more; see `score.score_pairs`.
    """
    found = model.scores(
        [row["a"] for row in rows], [row["b"] for row in rows], batch_size=batch_size, progress=progress
    )
    return score_pairs(rows, found["score"], cosine=found["cosine"], worst=worst)


def evaluate_path(
    model_ref: str,
    data: str | Path,
    *,
    ws: Workspace | None = None,
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
    worst: int = 50,
    stress: bool = False,
) -> dict:
    """Load a model by name and score it; see `evaluate` and `predict.load_model`.

    Args:
        model_ref: Version, alias, `starter`, `base` or model folder.
        data: A JSONL file, or the id of a dataset, whose test split is taken.
        ws: The workspace; the current one without it.
        batch_size: Pairs in one pass.
        progress: Called with (pairs done, pairs in all).
        worst: How many of the worst pairs to list.
        stress: Add `stress`: single edits, near copies and known pairs, see `stress.stress_report`.
    """
    from core.embeddings.predict import load_model

    rows = labelled_rows(data, ws=ws)
    model = load_model(model_ref, ws=ws)
    result = evaluate(model, rows, batch_size=batch_size, progress=progress, worst=worst)
    if stress:
        from core.embeddings.stress import stress_report

        result["stress"] = stress_report(model)
    return result


def labelled_rows(data: str | Path, *, ws: Workspace | None = None) -> list[dict]:
    """Pairs of a JSONL file, or of the test split of the dataset with that id.

    Raises:
        DatasetError: If there is neither, or a line cannot be used.
    """
    path = Path(data).expanduser()
    if path.is_file():
        rows = read_pairs(path)
        if not rows:
            raise DatasetError(
                f"The file {path.name!r} holds no pairs.", "Choose a file with at least one line."
            )
        return rows
    from core.datasets import store

    try:
        info = store.get_dataset("embeddings", str(data), ws=ws)
    except (InputError, NotFoundError):
        raise DatasetError(
            f"{str(data)!r} is neither a file nor a dataset of pairs.",
            "Give the path of a JSONL file or a dataset id.",
        ) from None
    return list(store.read_rows(info, "test"))
