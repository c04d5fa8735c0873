"""Verbs about models: evaluate, predict, models, promote, rollback, starter and bench."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.cli import figures
from core.cli.data import assignments
from core.cli.output import Output, table
from core.errors import InputError
from core.tasks import TASKS, Task, get_task


def add_verbs(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verbs of this file."""
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument("task", choices=list(TASKS))
    model.add_argument(
        "--model", default="", help="v3, production, candidate, previous, starter or base "
        "(default: production where there is one, else the starter)",
    )  # fmt: skip

    conf = argparse.ArgumentParser(add_help=False)
    conf.add_argument(
        "--conf",
        type=_share,
        default=None,
        metavar="X",
        help="detector only: confidence in force (default: 0.25)",
    )

    verb = verbs.add_parser("evaluate", parents=[common, model, conf], help="score a model on labelled data")
    verb.add_argument(
        "--data",
        required=True,
        metavar="PATH",
        help="labelled file or folder (images/, labels/), or a dataset id (its test split)",
    )
    verb.add_argument("--worst", type=int, default=0, metavar="N", help="list the N worst examples")
    verb.add_argument(
        "--stress",
        action="store_true",
        help="similarity only: also single edits, near copies and known pairs",
    )
    verb.set_defaults(run=evaluate)

    verb = verbs.add_parser("predict", parents=[common, model, conf], help="use a model")
    verb.add_argument(
        "--input", required=True, type=Path, metavar="PATH",
        help="JSONL with text or with a and b, a text a line, or photos",
    )  # fmt: skip
    verb.add_argument("--output", required=True, type=Path, metavar="FILE", help="JSONL, one line an input")
    verb.set_defaults(run=predict)

    verb = verbs.add_parser("models", parents=[common], help="list model versions")
    verb.add_argument("task", choices=list(TASKS), nargs="?", default="ner")
    verb.set_defaults(run=models)

    verb = verbs.add_parser("promote", parents=[common], help="make a version the production model")
    verb.add_argument("task", choices=list(TASKS))
    verb.add_argument("version")
    verb.add_argument("--note", default="", help="why")
    verb.set_defaults(run=promote)

    verb = verbs.add_parser("rollback", parents=[common], help="put the previous production model back")
    verb.add_argument("task", choices=list(TASKS))
    verb.set_defaults(run=rollback)

    verb = verbs.add_parser(
        "starter", parents=[common], help="write a version as the starter model that ships"
    )
    verb.add_argument("task", choices=list(TASKS))
    verb.add_argument("version")
    verb.add_argument("--to", type=Path, help="folder to replace (default: data/starter/TASK)")
    verb.set_defaults(run=starter)

    verb = verbs.add_parser("bench", parents=[common], help="measure this machine; takes minutes")
    verb.add_argument("name", nargs="?", default="", help="which benchmark (without: list them)")
    verb.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a benchmark's own option"
    )
    verb.set_defaults(run=bench)


def default_model(task: Task, wish: str) -> str:
    """The model that a verb uses: the named one, else production where there is one, else the starter."""
    from core.registry import store

    return wish or ("production" if store.aliases(task.name).get("production") else "starter")


def evaluate(args: argparse.Namespace, out: Output) -> int:
    """Score a model on labelled data."""
    task = get_task(args.task)
    reference = default_model(task, args.model)
    options: dict[str, Any] = _confidence(task, args)
    if task.name == "embeddings":
        options |= {"stress": args.stress, "worst": args.worst}
    elif args.stress:
        raise InputError(f"--stress is a test of the similarity model, not of {task.name}.", "Leave it out.")
    result = figures.brief(
        task.room("evaluate").evaluate_path(
            reference, args.data, progress=out.progress("Scored"), **options
        ),
        args.worst,
    )  # fmt: skip
    lines = [f"{task.title} {reference} on {args.data}", *figures.lines(task.name, result)]
    out.result({"task": task.name, "model": reference, "data": str(args.data), **result}, lines)
    return 0


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise ValueError(text)
    return value


def _confidence(task: Any, args: argparse.Namespace) -> dict[str, float]:
    if args.conf is None:
        return {}
    if task.name != "yolo":
        raise InputError(f"--conf is a setting of the detector, not of {task.name}.", "Leave it out.")
    return {"confidence": args.conf}


def predict(args: argparse.Namespace, out: Output) -> int:
    """Predict every input and write one JSON line for each."""
    task = get_task(args.task)
    reference = default_model(task, args.model)
    count = task.room("predict").predict_path(
        reference, args.input, args.output, progress=out.progress("Predicted"), **_confidence(task, args)
    )
    out.result(
        {"task": task.name, "model": reference, "inputs": count, "output": str(args.output)},
        [f"{count:,} inputs predicted with {reference}, written to {args.output}."],
    )
    return 0


def models(args: argparse.Namespace, out: Output) -> int:
    """List versions with their figures and aliases."""
    from core.registry import store

    task = get_task(args.task)
    names: dict[str, list[str]] = {}
    for alias, version in store.aliases(task.name).items():
        names.setdefault(version, []).append(alias)
    found = store.list_versions(task.name)
    entries = [
        {
            "version": v.id,
            "aliases": names.get(v.id, []),
            "base_model": v.base_model,
            "kind": v.kind,
            "created": v.created,
            "metrics": v.metrics,
        }
        for v in found
    ]
    rows = [
        [e["version"], ", ".join(e["aliases"]), e["base_model"], e["kind"],
         _after(e, "gold", task.main_metric), _after(e, "test", task.main_metric), e["created"]]
        for e in entries
    ]  # fmt: skip
    head = [
        "version",
        "aliases",
        "base",
        "kind",
        f"{task.main_metric} real",
        f"{task.main_metric} generated",
        "created",
    ]
    out.result({"task": task.name, "models": entries}, table(rows, head) if rows else ["No versions yet."])
    return 0


def _after(entry: dict[str, Any], split: str, metric: str) -> float | None:
    figures = (entry["metrics"].get("after") or {}).get(split) or {}
    return figures.get(metric)


def promote(args: argparse.Namespace, out: Output) -> int:
    """Make a version the production model."""
    from core.registry import store

    version = store.promote(
        get_task(args.task).name, args.version, note=args.note, progress=out.progress("Re-embedded")
    )
    out.result(
        {"task": args.task, "production": version.id},
        [f"{version.id} is now the production model of {args.task}."],
    )
    return 0


def rollback(args: argparse.Namespace, out: Output) -> int:
    """Put the previous production model back."""
    from core.registry import store

    version = store.rollback(get_task(args.task).name, progress=out.progress("Re-embedded"))
    out.result(
        {"task": args.task, "production": version.id},
        [f"{version.id} is the production model of {args.task} again."],
    )
    return 0


def starter(args: argparse.Namespace, out: Output) -> int:
    """Write a version as the starter model that ships with the Studio."""
    from core.registry.starter import export_starter
    from core.registry.store import get_version
    from core.workspace import STARTER_DIR

    task = get_task(args.task)
    target = args.to or STARTER_DIR / task.name
    written = export_starter(get_version(task.name, args.version), target)
    out.result(
        {"task": task.name, "path": str(written.path)}, [f"Starter of {task.name} written to {written.path}."]
    )
    return 0


def bench(args: argparse.Namespace, out: Output) -> int:
    """Run one benchmark, or list them."""
    from core.bench import benchmarks

    known = benchmarks()
    if not args.name:
        out.result(
            {"benchmarks": {name: b.help for name, b in known.items()}},
            table([[name, b.help] for name, b in known.items()], ["benchmark", "what it measures"]),
        )
        return 0
    if args.name not in known:
        raise InputError(f"{args.name!r} is not a benchmark.", f"Choose one of: {', '.join(known)}.")
    result = known[args.name].run(out.say, **assignments(args.set, "--set"))
    out.result({"benchmark": args.name, **result}, [f"{key}: {value}" for key, value in result.items()])
    return 0
