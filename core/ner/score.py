"""Strict entity-level scores: a prediction counts only when start, end and label are all right.

Pure figures from spans; equal to seqeval (strict mode) and nervaluate (strict) on the same spans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

Entity = tuple[int, int, str]
ERROR_KINDS = ("boundary", "type", "missing", "spurious")


def as_set(entities: Iterable[dict]) -> set[Entity]:
    """`{(start, end, label)}` of entity dicts."""
    return {(int(entity["start"]), int(entity["end"]), str(entity["label"])) for entity in entities}


def prf(true_positive: int, predicted: int, support: int) -> tuple[float, float, float]:
    """Precision, recall and F1 from counts; each 0.0 where its denominator is 0 (as seqeval does)."""
    precision = true_positive / predicted if predicted else 0.0
    recall = true_positive / support if support else 0.0
    total = predicted + support
    return precision, recall, (2 * true_positive / total if total else 0.0)


def _figures(true_positive: int, predicted: int, support: int) -> dict:
    precision, recall, f1 = prf(true_positive, predicted, support)
    return {"f1": f1, "precision": precision, "recall": recall, "support": support, "predicted": predicted}


def overlaps(one: Entity, other: Entity) -> bool:
    """True when two spans share at least one character."""
    return one[0] < other[1] and other[0] < one[1]


def compare(gold: set[Entity], predicted: set[Entity]) -> list[dict]:
    """The errors of one text, in text order.

    A gold entity that is not found exactly is a `boundary` error when a prediction of the same label overlaps
    it, else a `type` error when a prediction overlaps it, else `missing`. A prediction that overlaps no gold
    entity is `spurious`.

    Returns:
        `[{"kind", "label", "start", "end", "predicted_label", "predicted_start", "predicted_end"}]`; of a
        missing entity the predicted fields are None, of a spurious one the others (label, start, end) are the
        prediction's.
    """
    errors = []
    for entity in sorted(gold - predicted):
        touching = sorted(other for other in predicted if overlaps(entity, other))
        same = [other for other in touching if other[2] == entity[2]]
        kind = "boundary" if same else "type" if touching else "missing"
        nearest = same[0] if same else touching[0] if touching else (None, None, None)
        errors.append(_error(kind, entity, nearest))
    for entity in sorted(predicted - gold):
        if not any(overlaps(entity, other) for other in gold):
            errors.append(_error("spurious", entity, entity))
    return sorted(errors, key=lambda error: (error["start"], error["end"], error["kind"]))


def _error(kind: str, entity: Entity, nearest: tuple) -> dict:
    return {
        "kind": kind, "label": entity[2], "start": entity[0], "end": entity[1],
        "predicted_label": nearest[2], "predicted_start": nearest[0], "predicted_end": nearest[1],
    }  # fmt: skip


def score(
    gold: Sequence[Iterable[dict]],
    predicted: Sequence[Iterable[dict]],
    *,
    texts: Sequence[str] | None = None,
    labels: Sequence[str] = (),
    worst: int = 50,
) -> dict:
    """Micro-averaged strict scores over many texts.

    Args:
        gold: Entity dicts (`start`, `end`, `label`) of each text.
        predicted: The same for the predictions, in the same order.
        texts: The texts, needed only to list the worst ones.
        labels: Labels that must appear in the result even when they do not occur.
        worst: How many texts with errors to list.

    Returns:
        `f1`, `precision`, `recall` (0 to 1), `support`, `predicted` (counts), `texts` (count),
        `labels` {NAME: {f1, precision, recall, support, predicted}}, `errors` {kind: count},
        `label_errors` {NAME: {kind: count}}, `confusion` {gold label: {predicted label: count}} for type
        errors, `worst` [{"index", "text", "errors", "gold", "predicted"}], most errors first.

    Raises:
        ValueError: If the numbers of texts differ.
    """
    if len(gold) != len(predicted):
        raise ValueError(f"{len(gold)} texts with gold entities but {len(predicted)} with predictions.")
    right: Counter[str] = Counter()
    given: Counter[str] = Counter()
    support: Counter[str] = Counter()
    kinds: Counter[tuple[str, str]] = Counter()
    confusion: dict[str, Counter[str]] = {}
    ranked = []
    for index, (gold_entities, found_entities) in enumerate(zip(gold, predicted, strict=True)):
        wanted, found = as_set(gold_entities), as_set(found_entities)
        support.update(entity[2] for entity in wanted)
        given.update(entity[2] for entity in found)
        right.update(entity[2] for entity in wanted & found)
        errors = compare(wanted, found)
        for error in errors:
            kinds[error["label"], error["kind"]] += 1
            if error["kind"] == "type":
                confusion.setdefault(error["label"], Counter())[error["predicted_label"]] += 1
        if errors:
            ranked.append((-len(errors), len(wanted & found), index, errors, wanted, found))
    ranked.sort(key=lambda item: item[:3])
    names = [*labels, *sorted((set(support) | set(given)) - set(labels))]
    return {
        **_figures(sum(right.values()), sum(given.values()), sum(support.values())),
        "texts": len(gold),
        "labels": {name: _figures(right[name], given[name], support[name]) for name in names},
        "errors": {kind: sum(kinds[name, kind] for name in names) for kind in ERROR_KINDS},
        "label_errors": {name: {kind: kinds[name, kind] for kind in ERROR_KINDS} for name in names},
        "confusion": {name: dict(counts) for name, counts in sorted(confusion.items())},
        "worst": [
            {
                "index": index,
                "text": texts[index] if texts is not None else "",
                "errors": errors,
                "gold": _dicts(wanted),
                "predicted": _dicts(found),
            }
            for _, _, index, errors, wanted, found in ranked[:worst]
        ],
    }


def _dicts(entities: set[Entity]) -> list[dict]:
    return [{"start": start, "end": end, "label": label} for start, end, label in sorted(entities)]
