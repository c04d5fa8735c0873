"""Verbs of the detector: blend and calibrate, which make a version from versions without training."""

from __future__ import annotations

import argparse
from typing import Any

from core.cli import similarity
from core.cli.output import Output
from core.errors import InputError

_REFERENCE = "v3, production, candidate, previous, starter, or a .safetensors file"


def add_verbs(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verbs of this file."""
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--name", default="", help="what you call the new version")
    made.add_argument(
        "--no-scores", action="store_true",
        help="do not measure it on the test split and the gold set (measured otherwise, like a training)",
    )  # fmt: skip
    made.add_argument(
        "--scenes", type=int, default=None, metavar="N", help="how many scenes to render (default: 400)"
    )

    verb = verbs.add_parser("blend", parents=[common, made], help="average the weights of two versions")
    verb.add_argument("task", choices=["yolo", "embeddings"])
    verb.add_argument("first", metavar="A", help=_REFERENCE)
    verb.add_argument("second", metavar="B", help="the same; best trained on from A, or from A's ancestor")
    verb.add_argument("--share", type=float, default=0.5, metavar="X", help="share of B (default: 0.5)")
    verb.add_argument(
        "--statistics", default="", metavar="DATA",
        help="measure the normalisation statistics anew on these photos: a folder, a dataset id, or 'scenes' "
        "to render some (detectors only; default: average them like the weights)",
    )  # fmt: skip
    verb.set_defaults(run=blend)

    verb = verbs.add_parser(
        "calibrate", parents=[common, made],
        help="move a detector's confidences so that its best threshold becomes 0.25",
    )  # fmt: skip
    verb.add_argument("task", choices=["yolo"])
    verb.add_argument("--model", required=True, metavar="MODEL", help=_REFERENCE)
    verb.add_argument(
        "--data", default="", metavar="DATA",
        help="labelled folder (images/, labels/) or dataset id (its validation split) to choose on, never "
        "the gold set (default: render fresh scenes)",
    )  # fmt: skip
    goal = verb.add_mutually_exclusive_group()
    goal.add_argument(
        "--beta", type=float, default=1.0, metavar="B",
        help="choose the threshold with the largest F-beta; above 1 recall counts more (default: 1)",
    )  # fmt: skip
    goal.add_argument(
        "--precision", type=float, metavar="P",
        help="choose the lowest threshold at which at least this share of the boxes is right",
    )  # fmt: skip
    goal.add_argument(
        "--from", type=float, dest="raw", metavar="R",
        help="choose nothing: a confidence of R becomes the target, for all classes",
    )  # fmt: skip
    verb.add_argument(
        "--to", "--raise-to", type=float, default=0.25, dest="to", metavar="C",
        help="confidence that the threshold becomes (default: 0.25)",
    )  # fmt: skip
    verb.add_argument(
        "--shared", action="store_true", help="one threshold for all classes instead of one each"
    )
    verb.add_argument(
        "--empty-share", type=float, metavar="X",
        help="count photos without objects as this share of all photos (default: as they come)",
    )  # fmt: skip
    verb.set_defaults(run=calibrate)


def blend(args: argparse.Namespace, out: Output) -> int:
    """Average two versions and register the result."""
    if args.task == "embeddings":
        if args.statistics or args.scenes is not None:
            raise InputError("--statistics and --scenes are for detectors.", "Leave them out.")
        return similarity.blend(args, out, _command(args))
    from core.yolo import blend as room
    from core.yolo.calibrate import SCENES, labelled_photos

    def make(**statistics: Any) -> Any:
        return room.blend(
            args.first, args.second, share=args.share, name=args.name, scores=not args.no_scores,
            progress=out.progress("Photos"), command=_command(args), **statistics,
        )  # fmt: skip

    if args.scenes is not None and args.statistics != "scenes":
        raise InputError("--scenes goes with '--statistics scenes'.", "Leave it out.")
    if not args.statistics:
        return _tell(make(), out)
    data = "" if args.statistics == "scenes" else args.statistics
    with labelled_photos(data, scenes=args.scenes or SCENES, progress=out.progress("Rendered")) as photos:
        return _tell(make(statistics=photos[0], statistics_name=photos[1]), out)


def calibrate(args: argparse.Namespace, out: Output) -> int:
    """Move a detector's confidences and register the result."""
    from core.yolo import calibrate as room
    from core.yolo.thresholds import Goal

    def make(**how: Any) -> Any:
        return room.calibrate(
            args.model, to=args.to, name=args.name, scores=not args.no_scores,
            progress=out.progress("Photos"), command=_command(args), **how,
        )  # fmt: skip

    if args.scenes is not None and (args.data or args.raw is not None):
        raise InputError(
            "--scenes is for rendering; with --data or --from nothing is rendered.", "Leave it out."
        )
    if args.raw is not None:
        if args.data or args.shared or args.empty_share is not None:
            raise InputError(
                "--from looks at no photos.",
                "Leave --data, --shared and --empty-share out, or leave --from out.",
            )
        return _tell(make(raw=args.raw), out)
    goal = Goal(args.beta, args.precision)
    with room.labelled_photos(
        args.data, scenes=args.scenes or room.SCENES, progress=out.progress("Rendered")
    ) as (frames, name):
        return _tell(
            make(frames=frames, data_name=name, goal=goal, shared=args.shared, empty_share=args.empty_share),
            out,
        )


def _command(args: argparse.Namespace) -> list[str]:
    """The command that does the same again; only what is not the default."""
    skipped = {"verb", "task", "run", "json", "first", "second"}
    defaults = {"share": 0.5, "beta": 1.0, "to": 0.25}
    command = ["python", "-m", "core", args.verb, args.task]
    command += [value for value in (getattr(args, "first", ""), getattr(args, "second", "")) if value]
    for key, value in vars(args).items():
        if key in skipped or value in (None, "", False) or defaults.get(key) == value:
            continue
        option = "--from" if key == "raw" else f"--{key.replace('_', '-')}"
        command += [option] if value is True else [option, str(value)]
    return command


def _tell(version: Any, out: Output) -> int:
    metrics = version.metrics.get("after") or {}
    lines = [f"{version.id} was made.", version.manifest["origin"]["text"]]
    for part, title in (("test", "test split"), ("gold", "gold set")):
        for label, after in ((metrics.get(part) or {}).get("classes") or {}).items():
            before = ((version.metrics["before"].get(part) or {}).get("classes") or {}).get(label) or {}
            if after.get("support"):
                told = ", ".join(
                    f"{name} {_figure(before.get(name))} → {_figure(after.get(name))}"
                    for name in ("recall", "precision", "ap50_95")
                )
                lines.append(f"{title}, {label}: {told}.")
    lines.append(f"It is the candidate now: python -m core promote yolo {version.id}")
    out.result(
        {
            "version": version.id, "task": "yolo", "path": str(version.path),
            "origin": version.manifest["origin"], "metrics": version.metrics,
        },
        lines,
    )  # fmt: skip
    return 0


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
