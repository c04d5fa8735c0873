"""The verb of the similarity models alone: regrade, which fits a version's last word on graded pairs."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.output import Output


def add_verbs(verbs: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the verbs of this file."""
    verb = verbs.add_parser(
        "regrade", parents=[common],
        help="fit the scores of a similarity model to graded pairs, without training it again",
    )  # fmt: skip
    verb.add_argument("task", choices=["embeddings"])
    verb.add_argument("--model", required=True, metavar="MODEL", help="v3, production, candidate or starter")
    verb.add_argument(
        "--data", required=True, metavar="DATA",
        help='dataset id (its validation split) or a JSONL or CSV file of pairs {"a", "b", "score"}',
    )  # fmt: skip
    verb.add_argument(
        "--keep", type=float, default=1.0, metavar="SHARE",
        help="share of the encoder's changes that is kept, 0.5 to 1; less gives everyday similarity back",
    )  # fmt: skip
    verb.add_argument("--name", default="", help="what you call the new version")
    verb.set_defaults(run=regrade)


def regrade(args: argparse.Namespace, out: Output) -> int:
    """Fit the last word of a version on graded pairs and register the result."""
    from core.datasets import store
    from core.datasets.importers.pairs import read_pairs
    from core.embeddings.regrade import regrade as fit

    measured = {}
    if Path(args.data).is_file():
        rows, name = read_pairs(Path(args.data)), Path(args.data).name
    else:
        dataset = store.get_dataset("embeddings", args.data)
        rows, name = list(store.read_rows(dataset, "val")), f"{dataset.id} (validation split)"
        measured["test"] = list(store.read_rows(dataset, "test"))
    gold = store.get_gold("embeddings")
    if gold is not None:
        measured["gold"] = list(store.read_rows(gold, "test"))
    command = ["python", "-m", "core", "regrade", "embeddings", "--model", args.model, "--data", name]
    command += ["--keep", f"{args.keep:g}"] if args.keep != 1 else []
    version = fit(
        args.model, rows, keep=args.keep, data_name=name, measured=measured, name=args.name, command=command,
        progress=out.progress("Pairs"),
    )  # fmt: skip
    origin = version.manifest["origin"]
    out.result(
        {"version": version.id, "task": "embeddings", "path": str(version.path), "origin": origin},
        [f"{version.id} was made. {origin['text']}",
         f"It is the candidate now: python -m core promote embeddings {version.id}"],
    )  # fmt: skip
    return 0
