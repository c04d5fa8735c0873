"""Verbs about data: generate, import, datasets."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from core.cli.output import Output, table
from core.datasets import store
from core.errors import InputError
from core.tasks import TASKS, get_task


def add_verbs(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verbs of this file."""
    verb = verbs.add_parser(
        "generate", parents=[common], help="make training data: sentences, pairs or scenes"
    )
    verb.add_argument("task", choices=list(TASKS))
    verb.add_argument("--count", type=int, help="number of examples")
    verb.add_argument("--seed", type=int, help="the same seed gives the same data")
    verb.add_argument("--name", default="", help="name of the dataset")
    verb.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="any other setting")
    verb.set_defaults(run=generate)

    verb = verbs.add_parser("import", parents=[common], help="import labelled data of your own")
    verb.add_argument("task", choices=list(TASKS))
    verb.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="texts: JSONL, CoNLL, Label Studio JSON, CSV; pairs: JSONL, CSV; photos: a folder or .zip "
        "(YOLO, COCO, VOC)",
    )
    verb.add_argument(
        "--gold", action="store_true", help="a gold set: real cases to measure on, never trained on"
    )
    verb.add_argument("--name", default="", help="name of the dataset")
    verb.add_argument(
        "--format", default="auto", help="auto, jsonl, conll, label_studio, csv, yolo, coco or voc"
    )
    verb.add_argument("--encoding", default="utf-8", help="encoding of the files, if it is not UTF-8")
    verb.add_argument("--label", action="append", default=[], metavar="THEIRS=OURS", help="rename a label")
    verb.set_defaults(run=import_)

    verb = verbs.add_parser("datasets", parents=[common], help="list the datasets")
    verb.add_argument("task", choices=list(TASKS), nargs="?", default="ner")
    verb.add_argument("--gold", metavar="ID", help="judge targets on this gold set ('none' for none)")
    verb.add_argument("--delete", metavar="ID", help="delete a dataset")
    verb.set_defaults(run=datasets)


def assignments(pairs: list[str], option: str) -> dict[str, Any]:
    """Split `name=value` arguments; a table or a list is given as JSON.

    Raises:
        InputError: If one has no `=`, or its JSON is broken.
    """
    result: dict[str, Any] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise InputError(f"{option} {pair!r} is not of the form NAME=VALUE.")
        result[name.strip().replace("-", "_")] = _table(value.strip(), pair, option)
    return result


def _table(value: str, pair: str, option: str) -> Any:
    if not value.startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise InputError(
            f"{option} {pair!r} is no JSON: {error}.", "Write a table as '{\"name\": value}'."
        ) from None


def generate(args: argparse.Namespace, out: Output) -> int:
    """Make a dataset version from the editable patterns."""
    task = get_task(args.task)
    values: dict[str, Any] = dict(assignments(args.set, "--set"))
    values.update({k: v for k, v in (("count", args.count), ("seed", args.seed)) if v is not None})
    settings = task.room("generate").build_settings(values)
    info = task.room("dataset").build_generated(
        settings, name=args.name or task.name, progress=out.progress("Generated")
    )
    out.result(
        {
            "dataset": info.id,
            "task": task.name,
            "counts": info.counts,
            "path": str(info.path),
            "source": "generated",
        },
        [
            f"{info.id}: {_counts(info.counts)}.",
            f"Train on it: python -m core train {task.name} --dataset {info.id}",
        ],
    )
    return 0


def import_(args: argparse.Namespace, out: Output) -> int:
    """Import files into a training dataset or a gold set."""
    task = get_task(args.task)
    info, report = task.room("dataset").build_imported(
        args.paths,
        name=args.name,
        role="gold" if args.gold else "train",
        format=args.format,
        label_map=assignments(args.label, "--label") or None,
        encoding=args.encoding,
    )
    if args.gold:
        store.set_gold(task.name, info.id)
    rejected = [
        {"file": r.file, "line": r.line, "reason": r.reason, "snippet": r.snippet} for r in report.rejected
    ]
    lines = [f"{info.id}: {_counts(info.counts)}.", f"{len(rejected)} rows rejected."]
    lines += [f"  {_place(r)}: {r['reason']}" for r in rejected[:50]]
    if len(rejected) > 50:
        lines.append(f"  … and {len(rejected) - 50} more (--json lists all).")
    out.result(
        {
            "dataset": info.id,
            "task": task.name,
            "role": info.role,
            "counts": info.counts,
            "rejected": rejected,
        },
        lines,
    )
    return 0


def _place(rejected: dict[str, Any]) -> str:
    """Where a rejected row stands: its line, or the file where whole files are rejected."""
    return f"line {rejected['line']}" if rejected["line"] else rejected["file"]


def datasets(args: argparse.Namespace, out: Output) -> int:
    """List datasets, choose the gold set or delete one."""
    task = get_task(args.task)
    if args.gold:
        store.set_gold(task.name, None if args.gold == "none" else args.gold)
    if args.delete:
        from core.runs.state import list_runs

        store.delete_dataset(
            task.name, args.delete, in_use=[r.dataset for r in list_runs(task=task.name) if r.active]
        )
    gold = store.get_gold(task.name)
    found = store.list_datasets(task.name)
    rows = [
        [i.id, i.role, i.rows, _counts(i.counts), "targets" if gold and gold.id == i.id else ""]
        for i in found
    ]
    out.result(
        {
            "task": task.name,
            "gold": gold.id if gold else None,
            "datasets": [
                {"dataset": i.id, "role": i.role, "counts": i.counts, "path": str(i.path)} for i in found
            ],
        },
        table(rows, ["dataset", "role", "rows", "splits", "used for"]) if rows else ["No datasets yet."],
    )
    return 0


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in counts.items())
