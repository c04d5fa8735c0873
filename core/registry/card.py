"""The model card: card_template.md filled from a manifest, for a person who wants to know what a model is.

Nothing is measured here.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from string import Template
from typing import Any

from core.tasks import Task, get_task

_TEMPLATE = Path(__file__).with_name("card_template.md")
_KINDS = {
    "full": "all weights, fine-tuned",
    "adapter": "LoRA adapter and head; needs the base model beside it",
    "delta": "changed layers only, in half precision; needs the base model beside it",
}
_CLASS_FIGURES = ("ap50_95", "recall", "precision")
_GENERATED = {
    "ner": "Generated sentences only: a grammar made them, no person wrote or checked them one by one. "
    "Real documents hold wordings that the grammar does not know.",
    "embeddings": "Generated pairs only: a grammar made them, no person wrote or checked them one by one. "
    "Real documents hold wordings that the grammar does not know.",
    "yolo": "Generated scenes only: a renderer drew them and knows every box exactly; no photo was used. "
    "Real streets hold things that the renderer does not draw.",
}
_MIXED = "Generated scenes and photos that the user imported, mixed."
_IMPORTED = "Data that the user imported; who annotated it and how well is not known to the Studio."
_UNKNOWN = (
    "The dataset is not in the workspace, so its source cannot be told; its id and hash are above where they "
    "are known."
)
_MINILM = (
    "The base model's licence applies to the weights that come from it (the packaged MiniLM: Apache-2.0)."
)
_BASE_LICENCE = {
    "yolo": "The network is the ultralytics library's (AGPL-3.0); weights that a training began with keep "
    "their own licence."
}
_PARTS = (
    ("test", "test split"),
    ("gold", "gold set"),
    ("stress", "stress test"),
    ("general", "everyday sentences"),
)
_NAMES = {
    "share": "single edits that drop the score by > 0.2",
    "copies": "mean score of near copies",
}
_LAST_LIMIT = {
    "ner": "It knows English construction language only.",
    "embeddings": "It knows English construction language only.",
    "yolo": "How well it finds underground equipment on real photos has hardly been measured.",
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
        trained_on=_trained_on(task.name, dataset.get("source", "")) + _origin(manifest.get("origin")),
        figures=_figures(manifest["metrics"]),
        use=_use(task, manifest["version"]),
        limits=_limits(task.name, after),
        base_licence=_BASE_LICENCE.get(task.name, _MINILM),
        data_licence=f"Training data: {dataset['licence']}" if dataset.get("licence") else "",
    ).rstrip() + "\n"  # fmt: skip


def _trained_on(task: str, source: str) -> str:
    known = {"generated": _GENERATED.get(task, _UNKNOWN), "mixed": _MIXED, "imported": _IMPORTED}
    return known.get(source, _UNKNOWN)


def _origin(origin: dict[str, Any] | None) -> str:
    """From which versions a version was made, or its training went on, with their ancestors, newest first."""
    if not origin:
        return ""
    lines = []

    def tell(entry: dict[str, Any], depth: int) -> None:
        lines.append(f"{'  ' * depth}- {entry.get('text', '')}")
        for parent in entry.get("parents", ()):
            share = f", share {parent['share']:.0%}" if len(entry["parents"]) > 1 else ""
            made_of = f", trained on {parent['dataset']}" if parent.get("dataset") else ""
            hashed = str(parent.get("sha256", ""))[:16]
            lines.append(f"{'  ' * (depth + 1)}- {parent['name']} (sha256 {hashed}…{share}{made_of})")
            if parent.get("origin"):
                tell(parent["origin"], depth + 2)

    tell(origin, 0)
    begun = origin.get("method") == "train on"
    how = (
        "It began with another version"
        if begun
        else "It was not trained itself, but made from other versions"
    )
    return f"\n\n{how}:\n\n" + "\n".join(lines)


def _use(task: Task, version: str) -> str:
    """How a version is loaded and what its files are: usage.md of the model's own folder."""
    spec = importlib.util.find_spec(task.package)
    file = Path(spec.origin).with_name("usage.md") if spec is not None and spec.origin else None
    if file is None or not file.is_file():
        return f"`python -m core predict {task.name} --model {version}`"
    return Template(file.read_text(encoding="utf-8")).substitute(version=version).rstrip()


def _figures(metrics: dict[str, Any]) -> str:
    lines = ["| data | figure | before | after |", "|---|---|---|---|"]
    for part, title in _PARTS:
        after = metrics["after"].get(part) or {}
        before = metrics["before"].get(part) or {}
        for name in dict.fromkeys([*after, *before]):
            if not isinstance(after.get(name, before.get(name)), dict):
                shown = _NAMES.get(name, name)
                lines.append(
                    f"| {title} | {shown} | {_number(before.get(name))} | {_number(after.get(name))} |"
                )
        for label, values in (after.get("labels") or {}).items():
            if isinstance(values, dict) and "f1" in values:
                old = (before.get("labels") or {}).get(label) or {}
                lines.append(f"| {title} | {label} f1 | {_number(old.get('f1'))} | {_number(values['f1'])} |")
        for kind, values in (after.get("kinds") or {}).items():
            old = (before.get("kinds") or {}).get(kind) or {}
            lines.append(
                f"| {title} | mean score of {kind} (given {_number(values.get('given'))}) | "
                f"{_number(old.get('mean'))} | {_number(values.get('mean'))} |"
            )
        for label, values in (after.get("classes") or {}).items():
            old = (before.get("classes") or {}).get(label) or {}
            for name in _CLASS_FIGURES if values.get("support") else ():
                lines.append(
                    f"| {title} | {label} {name} | {_number(old.get(name))} | {_number(values.get(name))} |"
                )
    return "\n".join(lines) if len(lines) > 2 else "Nothing was measured."


def _limits(task: str, after: dict[str, Any]) -> str:
    same = "the test split comes from the same source as the training data"
    if after.get("gold"):
        first = f"The gold set is the figure to trust; {same}."
    else:
        first = f"No gold set was measured: {same}, so the figures say little about real " + (
            "photos." if task == "yolo" else "documents."
        )
    return f"{first} The model suggests; a person decides. {_LAST_LIMIT.get(task, '')}".rstrip()


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
