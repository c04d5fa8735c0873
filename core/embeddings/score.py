"""Figures of scored pairs: correlation with the grades, per kind, worst pairs. Pure functions, numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def ranks(values: Sequence[float]) -> np.ndarray:
    """Ranks from 0; equal values share the mean of their ranks."""
    array = np.asarray(values, dtype=float)
    order = np.argsort(array, kind="stable")
    plain = np.empty(len(array))
    plain[order] = np.arange(len(array))
    _, group = np.unique(array, return_inverse=True)
    return (np.bincount(group, plain) / np.bincount(group))[group] if len(array) else plain


def pearson(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Pearson correlation, -1 to 1; None for fewer than two pairs or where one side is constant."""
    x, y = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if len(x) < 2 or not np.isfinite(x).all() or np.ptp(x) < 1e-12 or np.ptp(y) < 1e-12:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman correlation: Pearson's of the ranks."""
    return pearson(ranks(one), ranks(other))


def correlations(found: Sequence[float], given: Sequence[float]) -> dict[str, float]:
    """`spearman` and `pearson`; 0.0 where a correlation does not exist, as for a model that gives one
    score to all."""
    return {"spearman": spearman(found, given) or 0.0, "pearson": pearson(found, given) or 0.0}


def score_pairs(
    rows: Sequence[dict], found: Sequence[float], *, cosine: Sequence[float] | None = None, worst: int = 50
) -> dict[str, Any]:
    """Compare scores with grades.

    Args:
        rows: Rows `{"a", "b", "score", "kind"}`; `kind` may be missing.
        found: The model's scores, 0 to 1.
        cosine: Cosines of the vectors, for comparison.
        worst: How many pairs to list, largest difference first.

    Returns:
        `spearman`, `pearson`, `pairs`, `error` (mean absolute), `kinds` (`{KIND: {"spearman" or None,
        "mean", "given",
        "pairs"}}`), `points` (`[given, found, kind]`), `worst`, and with `cosine` also `spearman_cosine`.
    """
    given = np.asarray([row["score"] for row in rows], dtype=float)
    values = np.asarray(found, dtype=float)
    kinds: dict[str, dict[str, Any]] = {}
    names = [str(row.get("kind") or "pair") for row in rows]
    for name in sorted(set(names)):
        members = np.asarray([n for n, other in enumerate(names) if other == name])
        own = spearman(values[members], given[members])
        kinds[name] = {
            "spearman": None if own is None else round(own, 4),
            "mean": round(float(values[members].mean()), 4),
            "given": round(float(given[members].mean()), 4),
            "pairs": len(members),
        }
    order = np.argsort(-np.abs(values - given), kind="stable")[:worst]
    result: dict[str, Any] = {
        **{name: round(value, 4) for name, value in correlations(values, given).items()},
        "pairs": len(rows),
        "error": round(float(np.abs(values - given).mean()), 4) if len(rows) else 0.0,
        "kinds": kinds,
        "points": [
            [round(float(g), 3), round(float(v), 3), n] for g, v, n in zip(given, values, names, strict=True)
        ],
        "worst": [
            {
                "index": int(n),
                "a": rows[n]["a"],
                "b": rows[n]["b"],
                "given": float(given[n]),
                "score": round(float(values[n]), 4),
                "kind": names[n],
            }
            for n in order
        ],
    }
    if cosine is not None:
        result["spearman_cosine"] = round(correlations(cosine, given)["spearman"], 4)
    return result


def drops(before: Sequence[float], after: Sequence[float], drop: float = 0.2) -> dict[str, float]:
    """How edits changed scores: mean before and after, and the share that fell by more than `drop`."""
    left, right = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    return {
        "before": round(float(left.mean()), 4),
        "after": round(float(right.mean()), 4),
        "share": round(float((left - right > drop).mean()), 4),
        "edits": len(left),
    }
