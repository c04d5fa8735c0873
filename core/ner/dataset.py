"""NER datasets from start to end: generated or imported rows become a checked, frozen dataset version.

Sentences are made in generate.py; storage, importers and checks are those of core/datasets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.datasets import ner_health
from core.datasets.conll import conll_text
from core.datasets.imported import GOLD_SPLIT, Source, dataset_name, source_names, store_imported, unsplit
from core.datasets.importers import ImportResult, import_ner
from core.datasets.importers.rows import SPLIT_NAMES
from core.datasets.spans import from_bio, to_bio, tokens
from core.datasets.split import EXPLANATION, keep_own_splits, split_by_group
from core.datasets.store import SPLITS, DatasetInfo, create_dataset, get_gold, iter_rows, read_rows
from core.errors import DatasetError
from core.tasks import TASKS
from core.workspace import Workspace

__all__ = [
    "LABELS", "build_generated", "build_imported", "check_import", "dataset_name", "export_conll", "from_bio",
    "to_bio", "tokens",
]  # fmt: skip

LABELS: tuple[str, ...] = TASKS["ner"].labels


def build_generated(
    settings: Any,
    *,
    name: str = "ner",
    progress: Callable[[int, int], None] | None = None,
    ws: Workspace | None = None,
) -> DatasetInfo:
    """Generate sentences and freeze them; the same settings and seed give the same dataset again.

    Args:
        settings: Of the generator, as `generate.build_settings` makes them.
        name: Name of the dataset.
        progress: Called with (sentences made, sentences in all).
        ws: Workspace; the current one by default.

    Raises:
        GrammarError: If a lexicon or pattern file is broken.
        DatasetError: If the name cannot be used.
    """
    # The grammar reads many files, which pages that only list datasets need not wait for.
    from core.ner.generate import generate

    ws = ws or Workspace.current()
    made = generate(settings, progress=progress)
    splits = {split: made[split] for split in SPLITS}
    described = made["card"]
    card = {
        "licence": "Generated text of the Studio's own grammar, AGPL-3.0",
        **described,
        "source": "generated",
        "made_from": described.get("source", ""),
        "health": _health(splits, "train", ws),
    }
    return create_dataset("ner", name, splits, card, ws=ws)


def check_import(
    paths: Sequence[Source],
    *,
    format: str = "auto",
    label_map: Mapping[str, str | None] | None = None,
    encoding: str | None = None,
) -> ImportResult:
    """Read files without storing anything: what would be imported, what not and why.

    Args:
        paths: Files; several files named train, val and test give their rows that split.
        format: As in `import_ner`.
        label_map: Label in the file -> our label, or None to leave its spans out.
        encoding: Encoding of the files where it is not UTF-8.

    Raises:
        DatasetError: If a file as a whole is not usable; it is named.
    """
    if not paths:
        raise DatasetError("No file was named.", "Choose at least one file to import.")
    splits = _file_splits(paths)
    merged = ImportResult(label_counts=dict.fromkeys(LABELS, 0))
    formats: list[str] = []
    for path, split in zip(paths, splits, strict=True):
        name, content = path if isinstance(path, tuple) else (Path(path).name, Path(path))
        found = import_ner(content, filename=name, format=format, label_map=label_map, encoding=encoding)
        for row in found.rows:
            if split is not None:
                row["split"] = split
        merged.rows.extend(found.rows)
        merged.rejected.extend(found.rejected)
        several = f"{name}: " if len(paths) > 1 else ""
        merged.notices.extend(several + notice for notice in found.notices)
        merged.label_counts = _added(merged.label_counts, found.label_counts)
        merged.unknown_labels = _added(merged.unknown_labels, found.unknown_labels)
        if found.format not in formats:
            formats.append(found.format)
    merged.format = ", ".join(formats)
    return merged


def build_imported(
    paths: Sequence[Source],
    *,
    name: str = "",
    role: str = "train",
    licence: str = "",
    format: str = "auto",
    label_map: Mapping[str, str | None] | None = None,
    encoding: str | None = None,
    seed: int = 0,
    ws: Workspace | None = None,
) -> tuple[DatasetInfo, ImportResult]:
    """Import files as training data (split 70/20/10 by group) or as a gold set. All or nothing is stored.

    The first gold set becomes the one that targets are judged on.

    Args:
        paths: Files, or (name, bytes) pairs.
        name: Name of the dataset; made from the first file's name if empty.
        role: `train` or `gold`.
        licence: What may be done with the texts, as the user writes it.
        format: As in `import_ner`.
        label_map: Label in the file -> our label, or None to leave its spans out.
        encoding: Encoding of the files where it is not UTF-8.
        seed: Of the split.
        ws: Workspace; the current one by default.

    Raises:
        DatasetError: If a file is not usable, no row is, or there are too few sentences to split.
    """
    ws = ws or Workspace.current()
    result = check_import(paths, format=format, label_map=label_map, encoding=encoding)
    if not result.rows:
        raise _nothing_usable(result)
    if role == "gold":
        splits, explanation = {"test": result.rows}, GOLD_SPLIT
    else:
        splits, explanation = keep_own_splits(result.rows, seed=seed) or (
            split_by_group(result.rows, seed=seed), EXPLANATION,
        )  # fmt: skip
    splits = unsplit(splits)
    card = {
        "split": explanation,
        "split_seed": seed,
        "label_map": dict(label_map or {}),
        "health": _health(splits, role, ws),
    }
    info = store_imported(
        "ner", splits, result, names=source_names(paths), name=name, role=role, licence=licence, card=card,
        ws=ws,
    )  # fmt: skip
    return info, result


def export_conll(info: DatasetInfo, split: str, *, with_text: bool = False) -> str:
    """A split as CoNLL BIO text; `with_text` adds `# text = …` comments that keep every offset.

    Raises:
        NotFoundError: If the dataset has no such split.
    """
    return "".join(conll_text(iter_rows(info, split), with_text=with_text))


def _health(splits: Mapping[str, Sequence[dict]], role: str, ws: Workspace) -> list[dict[str, Any]]:
    gold = get_gold("ner", ws=ws) if role == "train" else None
    rows = None if gold is None else read_rows(gold, "test")
    return [finding.as_dict() for finding in ner_health.check(splits, gold=rows)]


def _nothing_usable(result: ImportResult) -> DatasetError:
    first = result.rejected[0]
    advice = "Correct the file and import it again."
    if result.unknown_labels:
        advice = f"Map these labels to ours: {', '.join(list(result.unknown_labels)[:10])}."
    example = f"{first.file}, line {first.line}: {first.reason}"
    return DatasetError(f"None of the {len(result.rejected):,} rows can be used; {example}.", advice)


def _file_splits(paths: Sequence[Source]) -> list[str | None]:
    found = []
    for name in source_names(paths):
        words = re.split(r"[^a-z]+", Path(name).stem.casefold())
        found.append(next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None))
    # File names count as splits only where they tell the whole story.
    if len(paths) > 1 and None not in found and "train" in found and len(set(found)) > 1:
        return found
    return [None] * len(paths)


def _added(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in [*first, *(set(second) - set(first))]}
