"""Verbs about specification libraries: libraries and search. Libraries belong to the similarity model."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.cli.output import Output, table
from core.errors import InputError
from core.tasks import get_task

TASK = "embeddings"


def add_verbs(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add the verbs of this file."""
    verb = verbs.add_parser("libraries", parents=[common], help="list, import or delete specifications")
    group = verb.add_mutually_exclusive_group()
    group.add_argument(
        "--import", nargs="+", type=Path, metavar="FILE", dest="files",
        help="make a library of PDF, Markdown or text files",
    )  # fmt: skip
    group.add_argument("--delete", metavar="ID", help="delete a library with its vectors")
    verb.add_argument("--name", default="", help="name of the new library (default: that of the first file)")
    verb.set_defaults(run=libraries)

    verb = verbs.add_parser(
        "search", parents=[common], help="find the passages of a library that fit an infraction"
    )
    verb.add_argument("query", metavar="TEXT", help="for example an infraction")
    verb.add_argument(
        "--library", default="shipped", metavar="ID", help="a library's id or name (default: shipped)"
    )
    verb.add_argument(
        "--model", default="", help="v3, production, candidate, previous, starter or base "
        "(default: production where there is one, else the starter)",
    )  # fmt: skip
    verb.add_argument("-k", type=_count, default=5, metavar="N", help="how many passages (default: 5)")
    verb.set_defaults(run=search)


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def libraries(args: argparse.Namespace, out: Output) -> int:
    """List libraries, import one or delete one."""
    room = get_task(TASK).room("library")
    if args.name and not args.files:
        raise InputError(f"--name {args.name!r} names a new library.", "Add --import FILE.")
    if args.files:
        library = room.import_library(args.files, name=args.name)
        lines = [f"{library.id}: {library.chunks:,} passages of {', '.join(library.sources)}."]
        out.result(
            {"library": library.id, "passages": library.chunks, "sources": list(library.sources),
             "notices": list(library.notices), "path": str(library.path)},
            [*lines, *library.notices, f'Search it: python -m core search "…" --library {library.id}'],
        )  # fmt: skip
        return 0
    if args.delete:
        room.delete_library(args.delete)
    found = room.list_libraries()
    rows = [[one.id, one.chunks, ", ".join(one.sources), len(one.notices), one.created] for one in found]
    head = ["library", "passages", "sources", "notices", "created"]
    out.result(
        {
            "libraries": [
                {"library": one.id, "passages": one.chunks, "sources": list(one.sources),
                 "notices": list(one.notices), "created": one.created}
                for one in found
            ]
        },
        table(rows, head) if rows else ["No libraries yet; 'shipped' names the one that comes with it."],
    )  # fmt: skip
    return 0


def search(args: argparse.Namespace, out: Output) -> int:
    """Find the passages of a library that fit a text best."""
    from core.cli.models import default_model

    task = get_task(TASK)
    if not args.query.strip():
        raise InputError("The text to search for is empty.", "Give the infraction in quotation marks.")
    library = task.room("library").find_library(args.library)
    reference = default_model(task, args.model)
    hits = task.room("reembed").search(
        args.query, library.id, reference, k=args.k, progress=out.progress("Embedded")
    )
    rows = [[hit.score, _place(hit), hit.text] for hit in hits]
    out.result(
        {"task": task.name, "model": reference, "library": library.id, "query": args.query,
         "hits": [asdict(hit) for hit in hits]},
        table(rows, ["score", "where", "passage"]),
    )  # fmt: skip
    return 0


def _place(hit: Any) -> str:
    place = " > ".join(hit.section) or hit.source
    return f"{place} (page {hit.page})" if hit.page else place
