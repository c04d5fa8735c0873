"""Measurements that take minutes: cost of our bridge, adapters against full fine-tuning, prediction speed.

What is measured is trained and scored by the same functions as a run.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.bench import Benchmark
from core.encoders.bases import DEFAULT_BASE
from core.errors import InputError

Say = Callable[[str], None]


def benchmarks() -> dict[str, Benchmark]:
    """The NER benchmarks by name."""
    return {
        "bridge": Benchmark(
            "Share of training time that log, signals and stop wishes cost over the bare Trainer "
            "(options: rows, base).",
            bridge_overhead,
        ),
        "lora": Benchmark(
            "LoRA against full fine-tuning: same data and epochs, then same time (options: dataset, rows, "
            "gold, base, preset).",
            lora_against_full,
        ),
        "long-text": Benchmark(
            "Seconds for a text of 100,000 characters (options: model, characters).", long_text
        ),
    }


def _rows(dataset: str, count: int) -> dict[str, list[dict]]:
    """Splits of a dataset version, or generated ones."""
    if dataset:
        from core.datasets import store

        info = store.get_dataset("ner", dataset)
        return {name: list(store.read_rows(info, name)) for name in ("train", "val", "test")}
    from core.ner.generate import build_settings, generate

    made = generate(build_settings({"count": count, "seed": 1}))
    return {name: made[name] for name in ("train", "val", "test")}


def _number(name: str, text: Any, low: int) -> int:
    if not str(text).isdigit() or int(text) < low:
        raise InputError(f"{name} is {text!r}: expected a whole number of at least {low}.")
    return int(text)


def bridge_overhead(say: Say, rows: Any = 600, base: str = DEFAULT_BASE) -> dict[str, Any]:
    """Time spent in the bridge (events, status, stop wishes) as a share of the training time.

    The clock runs inside each callback of the bridge, so that the noise of the machine between two whole
    trainings does not hide a figure of a few percent. A bare training of the same steps is timed beside it.

    Args:
        say: Prints a line.
        rows: Generated examples.
        base: Base encoder.

    Returns:
        `overhead` (share of the time without the bridge, 0 to 1), `bridge_seconds`, `training_seconds`,
        `bare_seconds`, `steps`, `events`.
    """
    from core.bridges.hf import HfBridge
    from core.ner.fit import fit
    from core.ner.recipe import build_recipe
    from core.ner.train import LABELS
    from core.runs.context import RunContext
    from core.runs.spec import RunSpec
    from core.training.precision import device_here

    splits = _rows("", _number("rows", rows, 50))
    recipe = build_recipe("fast", {"epochs": 2, "on_patience": "off", "on_target": "off"})
    spent = [0.0]

    class Clocked(HfBridge):
        def __getattribute__(self, name: str) -> Any:
            value = super().__getattribute__(name)
            if not name.startswith("on_") or not callable(value):
                return value

            def timed(*args: Any, **kwargs: Any) -> Any:
                begin = time.perf_counter()
                try:
                    return value(*args, **kwargs)
                finally:
                    spent[0] += time.perf_counter() - begin

            return timed

    def once(folder: Path, bridged: bool) -> tuple[float, int, int]:
        folder.mkdir(parents=True)
        spec = RunSpec(task="ner", recipe=recipe.model_dump(), dataset="bench@00000000", base_model=base)
        spec.save(folder)
        with RunContext(folder, spec) as context:
            began = time.perf_counter()
            fitted = fit(
                splits["train"], splits["val"][:50], recipe, base, context.checkpoints, labels=LABELS,
                device=device_here(), callbacks=[Clocked(context)] if bridged else [],
            )  # fmt: skip
            seconds = time.perf_counter() - began
        log = folder / "metrics.jsonl"
        return seconds, fitted.steps, len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0

    with tempfile.TemporaryDirectory() as scratch:
        once(Path(scratch) / "warm", True)  # kernels, caches and imports
        spent[0] = 0.0
        bare, _, _ = once(Path(scratch) / "bare", False)
        say(f"Bare Trainer: {bare:.1f} s")
        whole, steps, events = once(Path(scratch) / "bridged", True)
        say(f"With bridge: {whole:.1f} s, of which {spent[0]:.3f} s in the bridge")
    return {
        "overhead": round(spent[0] / (whole - spent[0]), 5),
        "bridge_seconds": round(spent[0], 4), "training_seconds": round(whole, 2),
        "bare_seconds": round(bare, 2), "steps": steps, "events": events,
    }  # fmt: skip


def lora_against_full(
    say: Say,
    dataset: str = "",
    rows: Any = 6000,
    gold: str = "",
    base: str = DEFAULT_BASE,
    preset: str = "fast",
) -> dict[str, Any]:
    """Train full, LoRA with the same epochs, and LoRA with as many epochs as the full training's time allows.

    Args:
        say: Prints a line.
        dataset: Dataset id; without it `rows` sentences are generated.
        rows: Sentences to generate.
        gold: JSONL file or dataset id of real sentences, scored beside the test split.
        base: Base encoder.
        preset: Preset of all three trainings.

    Returns:
        Name of the training → `f1_test`, `f1_gold`, `labels`, `seconds`, `epochs`, `rate`, `bytes`.
    """
    from core.ner.evaluate import evaluate, labelled_rows
    from core.ner.recipe import build_recipe
    from core.ner.train import train_local
    from core.training.precision import device_here

    splits = _rows(dataset, _number("rows", rows, 50))
    real = labelled_rows(gold) if gold else []
    found: dict[str, Any] = {}

    def once(name: str, changes: dict[str, Any]) -> float:
        recipe = build_recipe(preset, {"on_patience": "off", "on_target": "off", **changes})
        with tempfile.TemporaryDirectory() as scratch:
            began = time.perf_counter()
            model = train_local(
                splits["train"],
                splits["val"],
                recipe,
                base,
                Path(scratch) / "model",
                device=device_here(),
                tell=say,
            )
            seconds = time.perf_counter() - began
            size = sum(file.stat().st_size for file in model.path.iterdir()) if model.path else 0
        test = evaluate(model, splits["test"], worst=0)
        on_gold = evaluate(model, real, worst=0) if real else None
        shown = on_gold or test
        found[name] = {
            "f1_test": round(test["f1"], 4), "f1_gold": round(on_gold["f1"], 4) if on_gold else None,
            "labels": {label: round(figures["f1"], 4) for label, figures in shown["labels"].items()},
            "seconds": round(seconds, 1), "epochs": recipe.epochs, "rate": recipe.rate, "bytes": size,
        }  # fmt: skip
        say(f"{name}: {found[name]}")
        return seconds

    full = once("full", {"method": "full"})
    short = once("lora, same epochs", {"method": "lora"})
    epochs = build_recipe(preset).epochs
    once("lora, same time", {"method": "lora", "epochs": max(epochs, math.floor(epochs * full / short))})
    return found


def long_text(say: Say, model: str = "starter", characters: Any = 100_000) -> dict[str, Any]:
    """Time to read one long text of generated sentences.

    Args:
        say: Prints a line.
        model: Model reference.
        characters: Length of the text.

    Returns:
        `characters`, `seconds`, `entities`.
    """
    from core.ner.predict import load_model

    wanted = _number("characters", characters, 1)
    sentences = " ".join(row["text"] for row in _rows("", 300)["train"])
    text = (sentences + " ") * (wanted // len(sentences) + 1)
    loaded = load_model(model)
    loaded.predict([sentences[:500]])
    began = time.perf_counter()
    (answer,) = loaded.predict([text[:wanted]])
    seconds = time.perf_counter() - began
    say(f"{wanted:,} characters in {seconds:.2f} s")
    return {"characters": wanted, "seconds": round(seconds, 3), "entities": len(answer["entities"])}
