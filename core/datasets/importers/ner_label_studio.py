"""Label Studio exports: JSON with `annotations[].result[]`, and JSON-MIN with the regions in one field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.datasets.importers.rows import Collector

_LABEL_KEYS = ("labels", "hypertextlabels", "paragraphlabels")


def looks_like_export(items: list[Any]) -> bool:
    """True if a JSON array is an export of Label Studio rather than plain rows."""
    for item in items[:50]:
        if not isinstance(item, Mapping):
            continue
        annotations = item.get("annotations", item.get("completions"))
        if isinstance(item.get("data"), Mapping) or _is_results(annotations):
            return True
        if _min_field(item) is not None:
            return True
    return False


def read_tasks(items: list[Any], collector: Collector) -> None:
    """Every task of an export, numbered from 1."""
    for number, item in enumerate(items, 1):
        if not isinstance(item, Mapping):
            collector.reject(number, "the task is no JSON object", repr(item))
        elif "annotations" in item or "completions" in item:
            _full(number, item, collector)
        elif isinstance(item.get("data"), Mapping):
            collector.reject(number, "the task has no annotations", repr(item.get("data")))
        else:
            _minimal(number, item, collector)


def _full(number: int, task: Mapping[str, Any], collector: Collector) -> None:
    data = task.get("data")
    text = _text(data if isinstance(data, Mapping) else task)
    annotations = task.get("annotations", task.get("completions"))
    done = [
        annotation
        for annotation in (annotations if isinstance(annotations, list) else [])
        if isinstance(annotation, Mapping) and not annotation.get("was_cancelled")
    ]
    if not done:
        collector.reject(number, "the task has no finished annotation", text or repr(task))
        return
    if len(done) > 1:
        collector.notice("tasks with several annotations: the first one was taken")
    result = done[0].get("result")
    regions = []
    for region in result if isinstance(result, list) else []:
        value = region.get("value") if isinstance(region, Mapping) else None
        key = next((key for key in _LABEL_KEYS if isinstance(value, Mapping) and key in value), None)
        if key is None:
            collector.notice("parts of an annotation that are no labelled spans were ignored")
        else:
            regions.append(_region(value, key))
    collector.add(number, text, regions, _extra(task))


def _minimal(number: int, item: Mapping[str, Any], collector: Collector) -> None:
    name = _min_field(item)
    if name is None:
        collector.reject(number, "the task has no labelled spans", _text(item) or repr(item))
        return
    regions = [_region(region, "labels") if isinstance(region, Mapping) else region for region in item[name]]
    collector.add(number, _text(item), regions, _extra(item))


def _region(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    # Paragraph and HTML regions carry paths and their own offsets; only global ones count from the start.
    offsets = value.get("globalOffsets") if isinstance(value.get("globalOffsets"), Mapping) else value
    region = {"start": offsets.get("start"), "end": offsets.get("end"), "label": value.get(key)}
    return {**region, "text": value["text"]} if isinstance(value.get("text"), str) else region


def _min_field(item: Mapping[str, Any]) -> str | None:
    for name, value in item.items():
        if isinstance(value, list) and value and all(isinstance(v, Mapping) and "labels" in v for v in value):
            return name
    # A task in which nothing was found keeps its annotator and lead time, but an empty or no field.
    if "annotator" in item or "annotation_id" in item:
        return next((name for name, value in item.items() if value == []), None)
    return None


def _is_results(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(v, Mapping) and "result" in v for v in value)


def _text(data: Mapping[str, Any]) -> str | None:
    if isinstance(data.get("text"), str):
        return data["text"]
    skipped = ("created_at", "updated_at", "annotation_id", "id", "source", "meta")
    texts = [value for name, value in data.items() if isinstance(value, str) and name not in skipped]
    return texts[0] if len(texts) == 1 else None


def _extra(task: Mapping[str, Any]) -> dict[str, Any]:
    data = task.get("data") if isinstance(task.get("data"), Mapping) else {}
    return {"id": task.get("id"), "source": data.get("source"), "split": data.get("split", task.get("split"))}
