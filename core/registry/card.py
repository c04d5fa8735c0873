"""The model card: card_template.md filled from a manifest, for a person who wants to know what a model is.

Nothing is measured here.
"""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

from core.tasks import get_task

_TEMPLATE = Path(__file__).with_name("card_template.md")
_KINDS = {
    "full": "all weights, fine-tuned",
    "adapter": "LoRA adapter and head; needs the base model beside it",
    "delta": "changed layers only, in half precision; needs the base model beside it",
}
_TRAINED_ON = {
    "generated": "Generated sentences only: a grammar made them, no person wrote or checked them one by one. "
    "Real documents hold wordings that the grammar does not know.",
    "imported": "Data that the user imported; who annotated it and how well is not known to the Studio.",
    "": "The dataset is no longer in the workspace, so its source cannot be told; its id and hash are above.",
}


def render_card(manifest: dict[str, Any]) -> str:
    """The card as Markdown text, made from nothing but the manifest."""
    task = get_task(manifest["task"])
    dataset, spec, base = manifest["dataset"], manifest["spec"], manifest["base_model"]
    rows = dataset.get("rows") or {}
    counts = ", ".join(f"{count} {split}" for split, count in rows.items())
    after = manifest["metrics"]["after"]
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=task.title,
        version=manifest["version"],
        purpose=task.purpose,
        created=manifest["created"],
        kind=_KINDS.get(manifest["kind"], manifest["kind"]),
        base=base["name"] + (f" (sha256 {base['sha256'][:16]}…)" if base["sha256"] else ""),
        labels=", ".join(manifest["labels"]) or "none",
        dataset=(dataset["id"] or "unknown") + (f" ({counts} rows)" if counts else ""),
        preset=spec.get("preset") or "none",
        seed=spec.get("seed", "unknown"),
        trained_on=_TRAINED_ON.get(dataset.get("source", ""), _TRAINED_ON[""]),
        figures=_figures(manifest["metrics"]),
        limits=_limits(after),
        data_licence=f"Training data: {dataset['licence']}" if dataset.get("licence") else "",
    ).rstrip() + "\n"  # fmt: skip


def _figures(metrics: dict[str, Any]) -> str:
    lines = ["| data | figure | before | after |", "|---|---|---|---|"]
    for part, title in (("test", "test split"), ("gold", "gold set")):
        after = metrics["after"].get(part) or {}
        before = metrics["before"].get(part) or {}
        for name in dict.fromkeys([*after, *before]):
            if not isinstance(after.get(name, before.get(name)), dict):
                lines.append(
                    f"| {title} | {name} | {_number(before.get(name))} | {_number(after.get(name))} |"
                )
        for label, values in (after.get("labels") or {}).items():
            if isinstance(values, dict) and "f1" in values:
                old = (before.get("labels") or {}).get(label) or {}
                lines.append(f"| {title} | {label} f1 | {_number(old.get('f1'))} | {_number(values['f1'])} |")
    return "\n".join(lines) if len(lines) > 2 else "Nothing was measured."


def _limits(after: dict[str, Any]) -> str:
    same = "the test split comes from the same source as the training data"
    if after.get("gold"):
        first = f"The gold set is the figure to trust; {same}."
    else:
        first = f"No gold set was measured: {same}, so the figures say little about real documents."
    return first + " The model suggests; a person decides. It knows English construction language only."


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
