"""What `evaluate` prints: which figures of a score belong to a model, and how a person reads them.

The scores themselves are made in each model's evaluate room.
"""

from __future__ import annotations

from typing import Any

from core.cli.output import table

_COLUMNS = {
    "ner": ("f1", "precision", "recall", "support"),
    "yolo": ("ap50", "ap50_95", "recall", "precision", "support"),
}
# Hundreds of points, for charts: no figures that a program or a person reads here.
_BULKY = ("curves", "points")


def brief(result: dict[str, Any], worst: int) -> dict[str, Any]:
    """A score without what only charts need.

    Args:
        result: What a model's `evaluate_path` returned.
        worst: How many of the worst examples to keep; 0 leaves them out.
    """
    kept = {key: value for key, value in result.items() if key not in (*_BULKY, "worst")}
    if worst:
        kept["worst"] = result.get("worst", [])[:worst]
    return kept


def lines(task: str, result: dict[str, Any]) -> list[str]:
    """A score as tables for a person; `result` is what `brief` returned."""
    if "kinds" in result:
        return _pairs(result)
    columns = _COLUMNS.get(task, _COLUMNS["ner"])
    whole = {**result, "ap50": result.get("map50"), "ap50_95": result.get("map50_95")}
    parts = {"all": whole, **result.get("labels", {}), **result.get("classes", {})}
    rows = [[name, *(figures.get(column) for column in columns)] for name, figures in parts.items()]
    return table(rows, ["label", *columns])


def _pairs(result: dict[str, Any]) -> list[str]:
    head = ["pairs", "spearman", "pearson", "mean error"]
    out = table([[result["pairs"], result["spearman"], result["pearson"], result["error"]]], head)
    rows = [
        [kind, one["pairs"], one["given"], one["mean"], one["spearman"]]
        for kind, one in result["kinds"].items()
    ]
    out += ["", *table(rows, ["kind", "pairs", "mean given", "mean predicted", "spearman"])]
    if result.get("worst"):
        rows = [[w["given"], w["score"], w["kind"], w["a"], w["b"]] for w in result["worst"]]
        out += ["", *table(rows, ["given", "predicted", "kind", "a", "b"])]
    if "stress" in result:
        out += ["", *_stress(result["stress"])]
    return out


def _stress(stress: dict[str, Any]) -> list[str]:
    rows = [
        [kind, one["edits"], one["before"], one["after"], one["share"]]
        for kind, one in stress["edits"].items()
    ]
    out = table(rows, ["single edit of", "edits", "mean before", "mean after", "fell by > 0.2"])
    out += [
        f"All edits: {stress['share']:.1%} fell by more than 0.2.",
        f"Near copies: mean {stress['copies']['mean']:.3f}, lowest {stress['copies']['least']:.3f}.",
        "",
    ]
    rows = [[one["a"], one["b"], one["expected"], one["score"]] for one in stress["known"]]
    return out + table(rows, ["a", "b", "expected", "predicted"])
