"""The table of a comparison of similarity trainings. The trainings are ablation.py's; no torch here."""

from __future__ import annotations

from typing import Any

UNTRAINED = "before training"
# The last word is fitted after a training: what a row is without it needs no training of its own.
PLAIN = "mse"
WITHOUT = "mse without the last word"
_PARTS = (("test", "generated"), ("real", "real"))
_SCORES = (("cosine", "cosine"), ("head", "head"), ("verdict", "last word"))


def table_of(rows: dict[str, dict[str, Any]]) -> list[str]:
    """A Markdown table: a line for each row, and one for `mse` without the last word.

    Args:
        rows: Rows of `ablation.compare_losses`, with `UNTRAINED` among them; columns of the real pairs are
            left out where no row has them.
    """
    parts = [(key, title) for key, title in _PARTS if any(row.get(key) for row in rows.values())]
    heads = [f"{title}: {name}" for _, title in parts for _, name in _SCORES]
    heads += ["edits that fall", "everyday before → after", "time"]
    lines = ["", "Spearman on generated test pairs" + (" and on real ones" if len(parts) > 1 else "") + ":"]
    lines += ["", f"| row | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    before = rows[UNTRAINED]["everyday"]
    for name, row in with_derived(rows).items():
        values = [cell(row[key][score]) for key, _ in parts for score, _ in _SCORES]
        kept = "–" if name == UNTRAINED else f"{before:.3f} → {row['everyday']:.3f}"
        values += [f"{row['stress']:.0%}", kept, f"{row['seconds']:,.0f} s"]
        lines.append(f"| {name} | {' | '.join(values)} |")
    return lines


def with_derived(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The rows, with `mse` as its head judges alone after `mse` where a last word was fitted."""
    out: dict[str, dict[str, Any]] = {}
    for name, row in rows.items():
        out[name] = row
        if name == PLAIN and row["test"]["verdict"] is not None:
            alone = {key: row[key] and {**row[key], "verdict": None} for key, _ in _PARTS}
            out[WITHOUT] = {**row, **alone, "stress": row["stress_head"]}
    return out


def cell(value: float | None) -> str:
    """A correlation with three decimals, a dash for none."""
    return "–" if value is None else f"{value:.3f}"
