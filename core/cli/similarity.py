"""Verbs of the similarity models: regrade, which fits a version's last word on graded pairs, and the average
of two versions (the verb blend is detector.py's)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.cli.output import Output


def add_verbs(verbs: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """Add the verbs of this file."""
    verb = verbs.add_parser(
        "regrade", parents=[common],
        help="fit the scores of a similarity model to graded pairs, without training it again",
    )  # fmt: skip
    verb.add_argument("task", choices=["embeddings"])
    verb.add_argument("--model", required=True, metavar="MODEL", help="v3, production, candidate or starter")
    source = verb.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--data", metavar="DATA",
        help='dataset id (its validation split) or a JSONL or CSV file of pairs {"a", "b", "score"}',
    )  # fmt: skip
    source.add_argument(
        "--fresh", type=int, metavar="N",
        help="generate N pairs of topics that neither the version nor those it was made from learnt from",
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
    from core.embeddings.derived import trained_version
    from core.embeddings.regrade import regrade as fit
    from core.embeddings.unseen import unseen_pairs
    from core.workspace import Workspace

    measured: dict[str, Any] = {}
    if args.fresh is not None:
        version = trained_version(args.model, Workspace.current())
        rows = unseen_pairs(version, args.fresh, progress=out.progress("Drawn"))
        name = f"fresh pairs of topics unknown to {version.id}"
        measured |= _test_of(version)
    elif Path(args.data).is_file():
        rows, name = read_pairs(Path(args.data)), Path(args.data).name
    else:
        dataset = store.get_dataset("embeddings", args.data)
        rows, name = list(store.read_rows(dataset, "val")), f"{dataset.id} (validation split)"
        measured["test"] = list(store.read_rows(dataset, "test"))
    measured |= _gold()
    given = ["--data", name] if args.fresh is None else ["--fresh", str(args.fresh)]
    command = ["python", "-m", "core", "regrade", "embeddings", "--model", args.model, *given]
    command += ["--keep", f"{args.keep:g}"] if args.keep != 1 else []
    version = fit(
        args.model, rows, keep=args.keep, data_name=name, measured=measured, name=args.name, command=command,
        progress=out.progress("Pairs"),
    )  # fmt: skip
    return _tell(version, out)


def blend(args: argparse.Namespace, out: Output, command: list[str]) -> int:
    """Average two similarity models and register the result; `command` is what makes it again."""
    from core.embeddings.blend import blend as average
    from core.embeddings.derived import trained_version
    from core.workspace import Workspace

    measured = {**_gold(), **_test_of(trained_version(args.first, Workspace.current()))}
    version = average(
        args.first, args.second, share=args.share, measured={} if args.no_scores else measured,
        name=args.name, command=command,
    )  # fmt: skip
    return _tell(version, out)


def _gold() -> dict[str, Any]:
    from core.datasets import store

    gold = store.get_gold("embeddings")
    return {} if gold is None else {"gold": list(store.read_rows(gold, "test"))}


def _test_of(version: Any) -> dict[str, Any]:
    """The test split of the dataset that a version was trained on; empty where it is not in the workspace."""
    from core.datasets import store
    from core.errors import InputError, NotFoundError

    try:
        dataset = store.get_dataset("embeddings", (version.manifest.get("spec") or {}).get("dataset") or "")
        return {"test": list(store.read_rows(dataset, "test"))}
    except (InputError, NotFoundError):
        return {}


def _tell(version: Any, out: Output) -> int:
    origin = version.manifest["origin"]
    out.result(
        {"version": version.id, "task": "embeddings", "path": str(version.path), "origin": origin},
        [f"{version.id} was made. {origin['text']}",
         f"It is the candidate now: python -m core promote embeddings {version.id}"],
    )  # fmt: skip
    return 0
