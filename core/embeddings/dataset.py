"""Pair datasets from start to end: generated or imported pairs become a checked, frozen dataset version.

Pairs are made in generate.py; storage and importers are those of core/datasets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.datasets.imported import GOLD_SPLIT, Source, source_names, store_imported, unsplit
from core.datasets.importers.pairs import import_pairs
from core.datasets.importers.rows import ImportResult
from core.datasets.split import keep_own_splits, masked, split_by_group
from core.datasets.store import SPLITS, DatasetInfo, create_dataset
from core.errors import DatasetError
from core.workspace import Workspace

LABELS: tuple[str, ...] = ()
_EXPLANATION = (
    "70/20/10 by group: pairs that share a text apart from numbers, punctuation and capitals form one group."
)


def build_generated(
    settings: Any,
    *,
    name: str = "embeddings",
    progress: Callable[[int, int], None] | None = None,
    ws: Workspace | None = None,
) -> DatasetInfo:
    """Generate pairs and freeze them; the same settings and seed give the same dataset again.

    Raises:
        GrammarError: If a file of data/embeddings is broken.
        DatasetError: If the name cannot be used.
        InputError: If nobody can tell what the version learnt from whose topics are asked for.
        NotFoundError: If there is no such version.
    """
    from core.embeddings.generate import generate
    from core.embeddings.unseen import known_topics

    topics = known_topics(settings.topics_of, ws=ws) if settings.topics_of else None
    made = generate(settings, progress=progress, topics=topics)
    splits = {split: made[split] for split in SPLITS}
    card = {
        "licence": "Generated text of the Studio's own files, AGPL-3.0",
        **made["card"],
        "source": "generated",
        "made_from": made["card"].get("source", ""),
        "health": health(splits),
    }
    return create_dataset("embeddings", name, splits, card, ws=ws or Workspace.current())


def check_import(
    paths: Sequence[Source], *, format: str = "auto", encoding: str | None = None, **_: Any
) -> ImportResult:
    """Read files without storing anything: what would be imported, what not and why.

    Raises:
        DatasetError: If a file as a whole is not usable; it is named.
    """
    if not paths:
        raise DatasetError("No file was named.", "Choose at least one file to import.")
    merged = ImportResult()
    for path in paths:
        name, content = path if isinstance(path, tuple) else (Path(path).name, Path(path))
        found = import_pairs(content, filename=name, format=format, encoding=encoding)
        merged.rows.extend(found.rows)
        merged.rejected.extend(found.rejected)
        merged.notices.extend(found.notices)
        merged.format = found.format
    merged.label_counts = dict(Counter(str(row.get("kind") or "pair") for row in merged.rows))
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
    """Import files of pairs as training data (split 70/20/10 by group) or as a gold set. All or nothing is
    stored.

    Args:
        paths: Files, or (name, bytes) pairs.
        name: Name of the dataset; made from the first file's name if empty.
        role: `train` or `gold`.
        licence: What may be done with the texts.
        format: `auto`, `jsonl` or `csv`.
        label_map: Pairs have no labels; anything here is refused.
        encoding: Encoding where it is not UTF-8.
        seed: For the split.
        ws: Workspace; the current one by default.

    Raises:
        DatasetError: If nothing can be used, or the pairs do not split.
    """
    ws = ws or Workspace.current()
    if label_map:
        raise DatasetError("Pairs have no labels to rename.", "Leave the label names out.")
    result = check_import(paths, format=format, encoding=encoding)
    names = source_names(paths)
    if not result.rows:
        first = result.rejected[0] if result.rejected else None
        example = f"; line {first.line}: {first.reason}" if first else ""
        raise DatasetError(
            f"No row of {names[0]!r} is a graded pair{example}.", "Correct the file and import it again."
        )
    if role == "gold":
        splits, explanation = {"test": result.rows}, GOLD_SPLIT
    else:
        own = keep_own_splits(result.rows, seed=seed) if all("split" in row for row in result.rows) else None
        splits, explanation = own or (
            split_by_group(result.rows, seed=seed, key=_components(result.rows)),
            _EXPLANATION,
        )
    splits = unsplit(splits)
    card = {"split": explanation, "split_seed": seed, "health": health(splits)}
    info = store_imported(
        "embeddings", splits, result, names=names, name=name, role=role, licence=licence, card=card, ws=ws
    )
    return info, result


def _components(rows: Sequence[dict]) -> Callable[[dict], str]:
    """Group of each row: rows that share a text, directly or over others, belong together."""
    parent: dict[str, str] = {}

    def find(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for row in rows:
        names = [masked(row["a"]), masked(row["b"])] + ([f"group {row['group']}"] if row.get("group") else [])
        for other in names[1:]:
            parent[find(other)] = find(names[0])
    return lambda row: find(masked(row["a"]))


def health(splits: Mapping[str, Sequence[dict]]) -> list[dict[str, Any]]:
    """Findings on pairs: amount, texts in two splits, grades that do not vary, contradicting grades."""
    findings: list[dict[str, Any]] = []

    def add(code: str, level: str, title: str, detail: str) -> None:
        findings.append({"code": code, "level": level, "title": title, "detail": detail})

    rows = [row for part in splits.values() for row in part]
    if len(splits.get("train", rows)) < 300:
        add(
            "few",
            "warning",
            "Few pairs",
            f"{len(splits.get('train', rows)):,} pairs; below 300 little is learnt.",
        )
    where: dict[str, set[str]] = {}
    for split, part in splits.items():
        for row in part:
            for side in ("a", "b"):
                where.setdefault(masked(row[side]), set()).add(split)
    shared = sum(len(found) > 1 for text, found in where.items() if len(text.split()) > 4)
    if shared:
        add(
            "leak", "warning", "Texts in two splits", f"{shared:,} longer texts stand in more than one split."
        )
    grades = [row["score"] for row in rows]
    if rows and max(grades) - min(grades) < 0.3:
        add(
            "flat",
            "warning",
            "Grades hardly vary",
            "Pairs of low and of high similarity are needed to learn from.",
        )
    given: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        given.setdefault(tuple(sorted((row["a"], row["b"]))), []).append(row["score"])
    torn = sum(max(values) - min(values) > 0.2 for values in given.values())
    if torn:
        add(
            "torn",
            "warning",
            "Contradicting grades",
            f"{torn:,} pairs occur with grades more than 0.2 apart.",
        )
    if not findings:
        add("fine", "ok", "No problems found", f"{len(rows):,} pairs.")
    return findings
