"""What the losses and the parts of a similarity training do: the same small training, once for each choice.

Rows are trained one after the other and kept in a JSON file, so that an interrupted comparison goes on where
it stopped. The training itself is fit.py's; the table is comparison.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import kept_rows
from core.datasets.importers.pairs import read_pairs
from core.embeddings.comparison import UNTRAINED, cell, table_of
from core.embeddings.recipe import DEFAULT_BASE, EmbeddingsRecipe, build_recipe, estimate_seconds
from core.errors import DatasetError, InputError
from core.files import scratch_folder, sha256_file
from core.kept_rows import minutes
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.embeddings.predict import SimilarityModel

Say = Callable[[str], None]
MOST_TEST = 400  # generated pairs that each row is scored on
STRESS_COUNT = 20  # edits of each kind
# 1,000 pairs have 200 for validation, the fewest that the last word is fitted on.
LEAST_PAIRS = 1000
ROWS: dict[str, dict[str, Any]] = {
    "mse": {},
    "cosent": {"loss": "cosent"},
    "angle": {"loss": "angle"},
    "ranking": {"loss": "ranking"},
    "mse+cosent": {"loss": "mse+cosent"},
    "mse without joint layers": {"head_layers": 0},
    "mse without figures": {"use_figures": False},
    "mse after simcse": {"first_stage": "simcse"},
    "mse after tsdae": {"first_stage": "tsdae"},
    "mse by lora": {"method": "lora"},
}
_PRECISIONS = ("fp32", "bf16")
_TELL_SECONDS = 60.0


@dataclass(frozen=True)
class _Sets:
    """What every row learns from and is scored on.

    Args:
        train: Pairs to learn from.
        val: For the choice of the epoch and for the last word.
        test: Generated pairs of topics of their own.
        real: Graded pairs of a file, or none.
        corpus: Texts of the first stage.
        base: Base encoder.
    """

    train: Sequence[dict]
    val: Sequence[dict]
    test: Sequence[dict]
    real: Sequence[dict] = ()
    corpus: Sequence[str] = ()
    base: str = DEFAULT_BASE


def compare_losses(
    say: Say,
    *,
    count: str = "3000",
    epochs: str = "1",
    seed: str = "0",
    data: str = "",
    rows: str = "",
    precision: str = "fp32",
    base: str = DEFAULT_BASE,
    output: str = "",
) -> dict[str, Any]:
    """Train and score every row that is not in the output yet.

    Args:
        say: Prints a line of progress.
        count: Generated pairs, all splits together (70/20/10).
        epochs: Of the second stage.
        seed: Of the pairs and of each training.
        data: JSONL file of graded pairs `{"a", "b", "score"}` to score on as well.
        rows: Names from `ROWS`, separated by commas; all without it.
        precision: `fp32` or `bf16`; not measured here, since all rows must have the same.
        base: Base encoder.
        output: JSON file for finished rows; one in the workspace, named after the settings, by default.

    Returns:
        `rows`: for the untrained base and each row `test` and, with `data`, `real` (Spearman of `cosine`,
        `head` and `verdict`; None for what a row has not), `stress` and `stress_head` (share of edits that
        fall by more than 0.2, with and without the last word), `everyday` (Spearman) and `seconds`; `output`.

    Raises:
        InputError: If an option is out of range, or the output holds rows of other settings.
        DatasetError: If the file of pairs cannot be used.
    """
    wanted = _wanted(rows)
    if precision not in _PRECISIONS:
        raise InputError(f"precision is {precision!r}; expected fp32 or bf16.", "Correct it.")
    real = read_pairs(Path(data)) if data else []
    if data and not real:
        raise DatasetError(f"The file {Path(data).name!r} holds no pairs.", "Name one with graded pairs.")
    settings = {
        "count": kept_rows.whole("count", count, LEAST_PAIRS), "epochs": kept_rows.whole("epochs", epochs, 1),
        "seed": kept_rows.whole("seed", seed, 0), "precision": precision, "base": base,
        "data": f"{Path(data).name} {sha256_file(Path(data))[:12]}" if data else "",
    }  # fmt: skip
    recipes = {name: recipe_of(settings, ROWS[name]) for name in wanted}
    target = Path(output) if output else kept_rows.default_output("embeddings-losses", settings)
    done = kept_rows.finished(target, settings)
    missing = [name for name in wanted if name not in done]
    say(f"{len(wanted) - len(missing)} of {len(wanted)} rows are done; they are kept in {target}.")
    if missing:
        sets = _sets(settings, real, say)
        if UNTRAINED not in done:
            done = kept_rows.keep(target, settings, UNTRAINED, _untrained(sets))
        _train_missing(missing, recipes, sets, settings, target, say)
        done = kept_rows.finished(target, settings)
    found = {name: done[name] for name in (UNTRAINED, *wanted)}
    for line in table_of(found):
        say(line)
    return {"settings": settings, "rows": found, "output": str(target)}


def recipe_of(settings: dict[str, Any], changes: dict[str, Any]) -> EmbeddingsRecipe:
    """The recipe of a row: the fast preset without its first stage, and the row's changes."""
    return build_recipe(
        "fast",
        {
            "first_stage": "none", "loss": "mse", "method": "full", "verdict": True, "threads": 0,
            "epochs": settings["epochs"], "seed": settings["seed"], "precision": settings["precision"],
            **changes,
        },
    )  # fmt: skip


def _train_missing(
    missing: Sequence[str], recipes: dict[str, EmbeddingsRecipe], sets: _Sets, settings: dict[str, Any],
    target: Path, say: Say,
) -> None:  # fmt: skip
    from core.training.precision import set_threads

    cores = set_threads(0)
    formula = {name: estimate_seconds(recipes[name], len(sets.train), cores, sets.base) for name in missing}
    factor = 1.0
    for place, name in enumerate(missing):
        if name in kept_rows.finished(target, settings):  # by another process on the same file
            continue
        left = factor * sum(formula[other] for other in missing[place:])
        say(f"Row {name!r}: about {minutes(factor * formula[name])}, all {len(missing) - place} rows "
            f"{minutes(left)}.")  # fmt: skip
        row = _row(recipes[name], sets, say)
        kept_rows.keep(target, settings, name, row)
        factor = row["seconds"] / formula[name]
        shown = row["real"] or row["test"]
        say(f"Row {name!r}: {minutes(row['seconds'])}, Spearman of the cosine {cell(shown['cosine'])}, head "
            f"{cell(shown['head'])}, last word {cell(shown['verdict'])}.")  # fmt: skip


def _row(recipe: EmbeddingsRecipe, sets: _Sets, say: Say) -> dict[str, Any]:
    from core.embeddings.fit import fit
    from core.embeddings.predict import load_folder
    from core.embeddings.train import store_fitted
    from core.training.precision import device_here

    began = time.monotonic()
    with scratch_folder(Workspace.current().scratch, "losses") as folder:
        tells = [_teller(say)]
        fitted = fit(
            sets.train, sets.val, recipe, sets.base, folder / "checkpoints", corpus=sets.corpus,
            device=device_here(), callbacks=tells, first_callbacks=tells,
        )  # fmt: skip
        store_fitted(fitted, recipe, folder / "model")
        model = load_folder(folder / "model")
    return {"epoch": fitted.epoch, **_scored(model, sets), "seconds": round(time.monotonic() - began, 1)}


def _teller(say: Say) -> Any:
    from transformers import TrainerCallback

    class Teller(TrainerCallback):
        """A line now and then, as an update may take seconds."""

        next = 0.0

        def on_train_begin(self, args, state, control, **_: Any) -> None:
            self.next = time.monotonic() + _TELL_SECONDS

        def on_step_end(self, args, state, control, **_: Any) -> None:
            if time.monotonic() >= self.next:
                self.next = time.monotonic() + _TELL_SECONDS
                say(f"{state.global_step:,} of {state.max_steps:,} updates.")

    return Teller()


def _untrained(sets: _Sets) -> dict[str, Any]:
    from core.embeddings.predict import load_base

    began = time.monotonic()
    found = _scored(load_base(sets.base), sets)
    return {**found, "seconds": round(time.monotonic() - began, 1)}


def _scored(model: SimilarityModel, sets: _Sets) -> dict[str, Any]:
    """All figures of a model; what has the last word is taken away afterwards, to see the head alone."""
    from core.embeddings.stress import general_similarity, stress_report

    parts = {"test": sets.test, "real": sets.real}
    final = {part: _spearman(model, pairs) for part, pairs in parts.items() if pairs}
    stress = stress_report(model, count=STRESS_COUNT)["share"]
    settled, head, stress_head = model.network.verdict is not None, final, stress
    if settled:
        model.network.verdict = None
        head = {part: _spearman(model, pairs) for part, pairs in parts.items() if pairs}
        stress_head = stress_report(model, count=STRESS_COUNT)["share"]
    figures: dict[str, Any] = {
        part: {
            "cosine": final[part]["cosine"],
            "head": head[part]["score"] if model.trained else None,
            "verdict": final[part]["score"] if settled else None,
        }
        if part in final
        else None
        for part in parts
    }
    return {
        **figures, "stress": stress, "stress_head": stress_head, "everyday": general_similarity(model),
    }  # fmt: skip


def _spearman(model: SimilarityModel, pairs: Sequence[dict]) -> dict[str, float]:
    from core.embeddings.score import correlations

    found = model.scores([pair["a"] for pair in pairs], [pair["b"] for pair in pairs])
    grades = [pair["score"] for pair in pairs]
    return {name: round(correlations(found[name], grades)["spearman"], 4) for name in ("score", "cosine")}


def _sets(settings: dict[str, Any], real: Sequence[dict], say: Say) -> _Sets:
    from core.embeddings.chunks import shipped_chunks
    from core.embeddings.generate import build_settings, generate

    made = generate(build_settings({"count": settings["count"], "seed": settings["seed"]}))
    corpus = list(dict.fromkeys([*(chunk.text for chunk in shipped_chunks()), *made["corpus"]]))
    sets = _Sets(
        made["train"], made["val"], made["test"][:MOST_TEST], real,
        corpus[: recipe_of(settings, {}).first_texts], settings["base"],
    )  # fmt: skip
    say(f"{len(sets.train):,} pairs to learn from, {len(sets.val):,} to settle on, {len(sets.test):,} "
        f"generated and {len(real):,} real ones to score on.")  # fmt: skip
    return sets


def _wanted(rows: str) -> list[str]:
    names = [name.strip() for name in rows.split(",") if name.strip()]
    for name in names:
        if name not in ROWS:
            raise InputError(f"{name!r} is not a row.", f"Choose from: {', '.join(ROWS)}.")
    return [name for name in ROWS if name in names] if names else list(ROWS)
