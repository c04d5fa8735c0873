"""What class weights and focal loss do: the same small training from scratch, once for each loss.

Rows are trained one after the other and kept in a JSON file, so that an interrupted comparison goes on where
it stopped. The training itself is train.py's.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core import kept_rows
from core.datasets.frames import Frame, read_folder, read_labels
from core.datasets.photos import photo_size
from core.errors import InputError
from core.files import sha256_file
from core.kept_rows import minutes
from core.yolo.recipe import YoloRecipe, build_recipe, estimate_seconds

Say = Callable[[str], None]
SEED = 61  # of the scenes
MOST_VALIDATION = 160  # photos that each epoch is validated on
ROWS: dict[str, dict[str, float]] = {
    "weights off, focal off": {"pole_weight": 1.0, "crossarm_weight": 1.0, "underground_weight": 1.0},
    "crossarm 2": {"pole_weight": 1.0, "crossarm_weight": 2.0, "underground_weight": 1.0},
    "1 / 3 / 1.5": {"pole_weight": 1.0, "crossarm_weight": 3.0, "underground_weight": 1.5},
    "1 / 3 / 1.5, focal 2": {
        "pole_weight": 1.0, "crossarm_weight": 3.0, "underground_weight": 1.5, "focal_gamma": 2.0,
    },
}  # fmt: skip
FIGURES = ("recall", "precision", "ap50", "ap50_95", "best_f1")


def ablation(
    say: Say,
    *,
    images: str = "1500",
    size: str = "320",
    epochs: str = "30",
    batch: str = "16",
    architecture: str = "yolov8n",
    rate: str = "0.002",
    seeds: str = "1",
    start: str = "",
    data: str = "",
    output: str = "",
) -> dict[str, Any]:
    """Train and score every row that is not in the output yet.

    Args:
        say: Prints a line of progress.
        images: Training scenes; validation and test scenes come on top (70/20/10).
        size: Long side in pixels.
        epochs: Of each training.
        batch: Images at once.
        architecture: Network.
        rate: Highest learning rate.
        seeds: How often each row is trained, with seeds 0, 1 ...
        start: Weights file (.safetensors) that every training goes on from, for a short comparison of
            networks that find something already; random weights by default.
        data: Folder of labelled photos (images/, labels/) to score on as well.
        output: JSON file for finished rows; one in the workspace, named after the settings, by default.

    Returns:
        `rows`: for each row its figures by set and class, averaged over the seeds, and `seconds`; `output`.

    Raises:
        InputError: If an option is out of range, or the output holds rows of other settings.
    """
    settings = {
        "images": kept_rows.whole("images", images, 10), "size": kept_rows.whole("size", size, 32),
        "epochs": kept_rows.whole("epochs", epochs, 1), "batch": kept_rows.whole("batch", batch, 1),
        "architecture": architecture, "rate": kept_rows.number("rate", rate), "scene_seed": SEED,
        "start": _start(start), "photos": Path(data).resolve().name if data else "",
    }  # fmt: skip
    count = kept_rows.whole("seeds", seeds, 1)
    recipes = {name: _recipe(settings, changes, 0) for name, changes in ROWS.items()}
    photos = read_folder(Path(data)) if data else []
    settings["photo_count"] = len(photos)
    target = Path(output) if output else kept_rows.default_output("yolo-ablation", settings)
    done = kept_rows.finished(target, settings)
    wanted = [(name, seed) for seed in range(count) for name in ROWS]
    missing = [(name, seed) for name, seed in wanted if _key(name, seed) not in done]
    say(f"{len(wanted) - len(missing)} of {len(wanted)} rows are done; they are kept in {target}.")
    if missing:
        folder = target.with_name(f"{target.stem}-scenes")
        splits = _scenes(folder, settings, say)
        guess = estimate_seconds(recipes[missing[0][0]], len(splits["train"]), None, "scratch")
        for place, (name, seed) in enumerate(missing):
            say(f"Row {name!r}, seed {seed}: about {minutes(guess)}, all {len(missing) - place} rows "
                f"{minutes(guess * (len(missing) - place))}.")  # fmt: skip
            done[_key(name, seed)] = row = _row(
                _recipe(settings, ROWS[name], seed), splits, photos, target, say, start or "scratch"
            )
            kept_rows.keep(target, settings, _key(name, seed), row)
            guess = row["seconds"]
            _tell(name, row, say)
        shutil.rmtree(folder, ignore_errors=True)
    rows = {name: _mean([done[_key(name, seed)] for seed in range(count)]) for name in ROWS}
    for part in ("generated", *(["photos"] if photos else [])):
        for line in table_of(rows, part):
            say(line)
    return {"settings": settings, "seeds": count, "rows": rows, "output": str(target)}


def _start(file: str) -> str:
    if not file:
        return "random weights"
    if not Path(file).is_file():
        raise InputError(f"start={file!r} is no file.", "Give a .safetensors file, or leave it out.")
    return sha256_file(Path(file))[:12]


def _recipe(settings: dict[str, Any], changes: dict[str, float], seed: int) -> YoloRecipe:
    return build_recipe(
        "fast",
        {"image_size": settings["size"], "epochs": settings["epochs"], "batch_size": settings["batch"],
         "architecture": settings["architecture"], "learning_rate": settings["rate"],
         "fresh_learning_rate": 0, "fresh_size": 0, "first_size": 0, "least_box": 0,
         "images_per_epoch": 0,
         "minutes": 0.0, "average": 0.998, "seed": seed, **changes},
    )  # fmt: skip


def _row(
    recipe: YoloRecipe,
    splits: dict[str, list[Frame]],
    photos: Sequence[Frame],
    target: Path,
    say: Say,
    start: str = "scratch",
) -> dict[str, Any]:
    from core.yolo.evaluate import evaluate
    from core.yolo.predict import wrap
    from core.yolo.train import spread, train_local

    began = time.monotonic()
    model = target.with_name(f"{target.stem}-model")
    fitted = train_local(
        splits["train"], spread(splits["val"], MOST_VALIDATION), recipe, start, model, tell=say
    )
    detector = wrap(fitted.network, fitted.info, ref="ablation")
    row: dict[str, Any] = {"best_epoch": fitted.figures["epoch"]}
    for part, frames in (("generated", splits["test"]), ("photos", photos)):
        if frames:
            row[part] = slim(evaluate(detector, frames, worst=0))
    shutil.rmtree(model, ignore_errors=True)
    return {**row, "seconds": round(time.monotonic() - began, 1)}


def slim(result: dict[str, Any]) -> dict[str, Any]:
    """The figures of an evaluation that are compared.

    `best_f1` is the largest F1 of a class over all thresholds: weights and focal loss move the confidences,
    so recall and precision at one threshold do not tell a better detector from a bolder one.
    """
    classes = {}
    for name, figures in result["classes"].items():
        if figures["support"]:
            curve = result["curves"].get(name, {})
            pairs = zip(curve.get("recall", []), curve.get("precision", []), strict=True)
            best = max((2 * r * p / (r + p) for r, p in pairs if r + p), default=0.0)
            classes[name] = {**{key: figures[key] for key in FIGURES[:-1]}, "best_f1": best}
            classes[name]["support"] = figures["support"]
    return {"map50": result["map50"], "map50_95": result["map50_95"], "classes": classes}


def table_of(rows: dict[str, dict[str, Any]], part: str) -> list[str]:
    """A Markdown table of one set: a line for each row and class."""
    lines = [
        "",
        f"Scored on {'the generated test split' if part == 'generated' else 'the labelled photos'}:",
        "",
    ]
    lines += [
        "| loss | class | recall | precision | best F1 | AP50 | AP50-95 | mAP50-95 |",
        "|---|---|" + "---:|" * 6,
    ]
    for name, row in rows.items():
        for label, figures in row[part]["classes"].items():
            values = [figures[key] for key in ("recall", "precision", "best_f1", "ap50", "ap50_95")]
            cells = [_cell(value) for value in (*values, row[part]["map50_95"])]
            lines.append(f"| {name} | {label} ({figures['support']:g}) | {' | '.join(cells)} |")
    return lines


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _mean(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over the seeds, figure by figure; what is missing in one is missing in the mean."""
    first = rows[0]
    if isinstance(first, dict):
        return {key: _mean([row[key] for row in rows]) for key in first if all(key in row for row in rows)}
    if any(value is None for value in rows):
        return None
    return sum(rows) / len(rows)


def _scenes(folder: Path, settings: dict[str, Any], say: Say) -> dict[str, list[Frame]]:
    from core.yolo.scene.render import write_dataset

    total = max(30, round(settings["images"] / 0.7))
    said = {"next": 0.0}

    def progress(done: int, all_: int, speed: float) -> None:
        if time.monotonic() >= said["next"] or done == all_:
            said["next"] = time.monotonic() + 30
            left = (all_ - done) / speed if speed else 0.0
            say(f"Rendered {done:,} of {all_:,} scenes, {minutes(left)} left.")

    write_dataset(folder, total, SEED, size=settings["size"], progress=progress)
    return {
        split: [
            Frame(path, read_labels(folder / "labels" / split / f"{path.stem}.txt"), real=False,
                  size=photo_size(path))
            for path in sorted((folder / "images" / split).glob("*.jpg"))
        ]
        for split in ("train", "val", "test")
    }  # fmt: skip


def _tell(name: str, row: dict[str, Any], say: Say) -> None:
    arms = row["generated"]["classes"].get("crossarm", {})
    say(f"Row {name!r}: {minutes(row['seconds'])}, mAP50-95 {row['generated']['map50_95']:.3f}, crossarm "
        f"recall {_cell(arms.get('recall'))}, precision {_cell(arms.get('precision'))}.")  # fmt: skip


def _key(name: str, seed: int) -> str:
    return f"{name} | seed {seed}"
