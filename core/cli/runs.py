"""Verbs about trainings: train and runs."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from core.advice import setback
from core.cli.data import assignments
from core.cli.output import Output, duration, table
from core.datasets import store
from core.errors import InputError, NotFoundError
from core.recipe import fields
from core.registry import store as registry
from core.runs.state import RunState, RunStatus, list_runs, read_status
from core.tasks import TASKS, Task, get_task
from core.workspace import Workspace

ACTIONS = ("stop", "cancel", "resume", "retry", "delete")


def add_verbs(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verbs of this file."""
    verb = verbs.add_parser("train", parents=[common], help="start a training")
    verb.add_argument("task", choices=list(TASKS))
    verb.add_argument("--preset", default="", help="starting point of the settings")
    verb.add_argument("--dataset", default="", metavar="ID", help="dataset to train on (default: the newest)")
    verb.add_argument("--gold", default="", metavar="ID", help="gold set to report on ('none' for none)")
    verb.add_argument("--base-model", default="", metavar="NAME", help="base weights instead of the preset's")
    verb.add_argument("--name", default="", help="name of the run")
    verb.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change one setting")
    verb.add_argument("--wait", action="store_true", help="return when the training has ended")
    verb.add_argument("--settings", action="store_true", help="list presets and settings, and start nothing")
    verb.set_defaults(run=train)

    verb = verbs.add_parser("runs", parents=[common], help="list trainings, look at one, stop or resume it")
    verb.add_argument("--run", metavar="ID", dest="run_id", help="one run")
    verb.add_argument("--task", choices=list(TASKS))
    verb.add_argument("--watch", action="store_true", help="follow the run until it ends")
    group = verb.add_mutually_exclusive_group()
    for action in ACTIONS:
        group.add_argument(
            f"--{action}", action="store_const", dest="action", const=action, help=f"{action} the run"
        )
    verb.set_defaults(run=runs)


def train(args: argparse.Namespace, out: Output) -> int:
    """Start a training; with --wait follow it to its end."""
    from core.runs import launcher

    task = get_task(args.task)
    recipes = task.room("recipe")
    if args.settings:
        return _settings(task, recipes, out)
    preset = args.preset or recipes.DEFAULT_PRESET
    status = launcher.launch(
        task.name,
        recipe=assignments(args.set, "--set"),
        preset=preset,
        dataset=args.dataset or _newest(task),
        gold=_gold(task, args.gold),
        base_model=args.base_model,
        name=args.name,
    )
    if args.wait:
        out.say(f"Run {status.run_id} started. Ctrl+C leaves it running.")
        status = _watch(status.run_id, out)
    return _answer(status, out)


def _newest(task: Task) -> str:
    found = store.list_datasets(task.name, role="train")
    if not found:
        raise NotFoundError(
            f"There is no {task.title} dataset to train on.", f"Make one: python -m core generate {task.name}"
        )
    return max(found, key=lambda info: info.card.get("created", "")).id


def _gold(task: Task, wish: str) -> str | None:
    if wish == "none":
        return None
    if wish:
        return wish
    gold = store.get_gold(task.name)
    return gold.id if gold else None


def _settings(task: Task, recipes: Any, out: Output) -> int:
    found = fields(type(recipes.build_recipe(recipes.DEFAULT_PRESET, {})))
    presets = {
        name: {"title": p.title, "help": p.help, "base_model": p.base_model, "values": p.values}
        for name, p in recipes.PRESETS.items()
    }
    lines = [f"preset {name}: {p['help']}" for name, p in presets.items()] + [""]
    lines += table(
        [[f.name, str(f.default), _range(f), f.help] for f in found], ["field", "default", "range", "what"]
    )
    out.result({"task": task.name, "presets": presets, "settings": [vars(f) for f in found]}, lines)
    return 0


def _range(field: Any) -> str:
    if field.choices:
        return " | ".join(field.choices)
    if field.minimum is None and field.maximum is None:
        return "yes/no" if field.kind == "bool" else ""
    low = "" if field.minimum is None else f"{field.minimum:g}"
    high = "" if field.maximum is None else f"{field.maximum:g}"
    return f"{low} … {high} {field.unit}".rstrip()


def runs(args: argparse.Namespace, out: Output) -> int:
    """List runs, or show, follow or change one."""
    from core.runs import launcher

    ws = Workspace.current()
    if not args.run_id:
        if args.action or args.watch:
            raise InputError("Which run? Nothing was named.", "Add --run ID.")
        found = list_runs(ws, args.task)
        rows = [
            [r.run_id, r.state, _progress(r), r.best.get(_main(r)), r.version or "", r.message] for r in found
        ]
        out.result(
            {"runs": [r.to_dict() for r in found]},
            table(rows, ["run", "state", "progress", "best", "version", "message"])
            if rows
            else ["No runs yet."],
        )
        return 0
    if args.action == "delete":
        launcher.delete(args.run_id)
        out.result({"run": args.run_id, "state": "deleted"}, [f"Run {args.run_id} is deleted."])
        return 0
    status = getattr(launcher, args.action)(args.run_id) if args.action else None
    status = status if isinstance(status, RunStatus) else _existing(ws, args.run_id)
    if args.watch:
        status = _watch(status.run_id, out)
    return _answer(status, out, failed=args.watch)


def _existing(ws: Workspace, run_id: str) -> RunStatus:
    path = ws.run(run_id)
    if not path.is_dir():
        raise NotFoundError(f"There is no run {run_id!r}.", "python -m core runs lists them.")
    return read_status(path)


def _watch(run_id: str, out: Output) -> RunStatus:
    """Print a line whenever something changed, until the run has ended."""
    path, last = Workspace.current().run(run_id), ""
    while True:
        status = read_status(path)
        line = f"{status.state}: {_progress(status)} {status.message}".strip()
        if line != last:
            print(line, file=sys.stderr, flush=True)
            last = line
        if not status.active:
            return status
        time.sleep(0.5)


def _answer(status: RunStatus, out: Output, failed: bool = True) -> int:
    lines = [f"{status.run_id}: {status.state}. {status.message} {status.hint}".strip()]
    if status.best:
        best = ", ".join(
            f"{k} {v:.3f}" for k, v in status.best.items() if isinstance(v, float) and k != "epoch"
        )
        lines.append(f"best: {best}")
    lost = ""
    if status.version:
        lines.append(f"version: {status.version}")
        if lost := _setback(status):
            lines.append(lost)
    out.result({**status.to_dict(), "setback": lost}, lines)
    return 1 if failed and status.state in (RunState.FAILED, RunState.LOST) else 0


def _setback(status: RunStatus) -> str:
    """That the version is worse than the model before it, and what to do; empty where it is not."""
    task = get_task(status.task)
    try:
        return setback(task, registry.get_version(task.name, status.version or ""))
    except NotFoundError:  # deleted since
        return ""


def _main(status: RunStatus) -> str:
    return get_task(status.task).main_metric


def _progress(status: RunStatus) -> str:
    if status.state == RunState.QUEUED:
        return f"place {status.queue_position}" if status.queue_position else "waiting"
    text = f"{status.progress:.0%}"
    if status.epochs:
        text += f", epoch {status.epoch:.1f} of {status.epochs:g}"
    if status.state == RunState.RUNNING and status.eta_seconds is not None:
        text += f", {duration(status.eta_seconds)} left"
    return text
