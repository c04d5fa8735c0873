"""Stop signals: what the epochs so far say about going on. Data in, sentences out.

No files and no clocks here; context.py writes the signals into the log and obeys them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Reaction = Literal["stop", "inform", "off"]
Level = Literal["info", "stop"]
KINDS = ("target", "patience", "plateau", "overfit")

# A validation loss that falls by less than this share in a whole plateau does not count as falling.
PLATEAU_TOLERANCE = 0.001


@dataclass(frozen=True)
class EpochPoint:
    """What one finished epoch measured.

    Args:
        epoch: Number of the epoch, from 1.
        train_loss: Mean training loss of the epoch, or None.
        val_loss: Validation loss after it, or None.
        score: The model's main metric on validation data (higher is better), or None.
    """

    epoch: float
    train_loss: float | None = None
    val_loss: float | None = None
    score: float | None = None

    @classmethod
    def of(cls, event: dict[str, Any], metric: str) -> EpochPoint:
        """The point of an `epoch` event of the log; `metric` is the main metric's name."""
        metrics = event["metrics"]
        return cls(
            float(event["epoch"]), metrics.get("train_loss"), metrics.get("val_loss"), metrics.get(metric)
        )


@dataclass(frozen=True)
class SignalRules:
    """When a signal is raised and whether it ends the training: `stop`, `inform` or `off`.

    Args:
        metric: What the score is called in the sentences.
        target: The target is reached by a score above it.
        patience: Epochs without a better score.
        plateau_epochs: Epochs without a lower validation loss.
        overfit_ratio: Validation loss divided by training loss, above which a rising validation loss is
            overfitting.
    """

    metric: str = "score"
    target: float | None = None
    on_target: Reaction = "inform"
    patience: int = 3
    on_patience: Reaction = "stop"
    plateau_epochs: int = 5
    on_plateau: Reaction = "inform"
    overfit_ratio: float = 2.0
    on_overfit: Reaction = "inform"

    @classmethod
    def from_recipe(cls, recipe: Any, metric: str = "score") -> SignalRules:
        """Take the rules from a recipe (an object or a dict with the fields of `BaseRecipe`)."""
        names = [name for name in cls.__dataclass_fields__ if name != "metric"]
        if isinstance(recipe, Mapping):
            values = {name: recipe[name] for name in names if name in recipe}
        else:
            values = {name: getattr(recipe, name) for name in names if hasattr(recipe, name)}
        return cls(metric=metric, **values)


@dataclass(frozen=True)
class Signal:
    """One thing worth saying after an epoch.

    Args:
        kind: `target`, `patience`, `plateau` or `overfit`.
        level: `stop` if the recipe ends the training on it, else `info`.
        epoch: The epoch after which it was raised.
        text: One plain sentence.
        values: The figures behind the sentence.
    """

    kind: str
    level: Level
    epoch: float
    text: str
    values: dict[str, float | None] = field(default_factory=dict)

    def event(self) -> dict[str, Any]:
        """Its fields in the metrics log, the step left out."""
        return {
            "signal": self.kind, "level": self.level, "epoch": self.epoch, "text": self.text,
            "values": self.values,
        }  # fmt: skip


def signals(epochs: Iterable[EpochPoint], rules: SignalRules) -> list[Signal]:
    """Return every signal that these epochs raise, in order.

    A signal is raised at the epoch at which its condition begins to hold, and again only after the condition
    was gone in between; the target is raised once.

    Args:
        epochs: All epochs so far, oldest first. Absent and non-finite figures count as not measured.
        rules: Thresholds and reactions.
    """
    points = [_finite(point) for point in epochs]
    found: list[Signal] = []
    found += _target(points, rules)
    found += _patience(points, rules)
    found += _plateau(points, rules)
    found += _overfit(points, rules)
    order = {kind: place for place, kind in enumerate(KINDS)}
    return sorted(found, key=lambda signal: (signal.epoch, order[signal.kind]))


def _target(points: Sequence[EpochPoint], rules: SignalRules) -> list[Signal]:
    if rules.on_target == "off" or rules.target is None:
        return []
    for point in points:
        if point.score is not None and point.score > rules.target:
            text = (
                f"Target reached: {rules.metric} {point.score:.3f} is above {rules.target:g} "
                f"after epoch {point.epoch:g}."
            )
            values = {"score": point.score, "target": rules.target}
            return [Signal("target", _level(rules.on_target), point.epoch, text, values)]
    return []


def _patience(points: Sequence[EpochPoint], rules: SignalRules) -> list[Signal]:
    # Without a single score there is nothing that patience could wait for.
    if rules.on_patience == "off" or all(point.score is None for point in points):
        return []
    found = []
    best, best_epoch, waited = -math.inf, None, 0
    for point in points:
        if point.score is not None and point.score > best:
            best, best_epoch, waited = point.score, point.epoch, 0
            continue
        waited += 1
        if waited == rules.patience and best_epoch is not None:
            text = (
                f"No better {rules.metric} for {_epochs(rules.patience)}: "
                f"the best was {best:.3f} after epoch {best_epoch:g}."
            )
            values = {"best": best, "best_epoch": best_epoch, "epochs": rules.patience}
            found.append(Signal("patience", _level(rules.on_patience), point.epoch, text, values))
    return found


def _plateau(points: Sequence[EpochPoint], rules: SignalRules) -> list[Signal]:
    if rules.on_plateau == "off":
        return []
    found = []
    best, best_epoch, waited = math.inf, None, 0
    for point in points:
        if point.val_loss is None:
            continue
        if best_epoch is None or point.val_loss < best - abs(best) * PLATEAU_TOLERANCE:
            best, best_epoch, waited = point.val_loss, point.epoch, 0
            continue
        waited += 1
        if waited == rules.plateau_epochs:
            text = (
                f"Validation loss has not fallen for {_epochs(rules.plateau_epochs)}: "
                f"it is {point.val_loss:.4g}, the lowest was {best:.4g} after epoch {best_epoch:g}."
            )
            values = {"val_loss": point.val_loss, "best": best, "best_epoch": best_epoch}
            found.append(Signal("plateau", _level(rules.on_plateau), point.epoch, text, values))
    return found


def _overfit(points: Sequence[EpochPoint], rules: SignalRules) -> list[Signal]:
    if rules.on_overfit == "off":
        return []
    found = []
    holding = False
    previous: float | None = None
    for point in points:
        if point.val_loss is None:
            continue
        rising = previous is not None and point.val_loss > previous
        previous = point.val_loss
        train = point.train_loss
        far = train is not None and train >= 0 and point.val_loss > rules.overfit_ratio * train
        if rising and far and not holding:
            text = (
                f"Overfitting: validation loss rose to {point.val_loss:.4g} "
                f"while training loss is {train:.4g}, after epoch {point.epoch:g}."
            )
            values = {"val_loss": point.val_loss, "train_loss": train, "ratio_limit": rules.overfit_ratio}
            found.append(Signal("overfit", _level(rules.on_overfit), point.epoch, text, values))
        # A short dip of the validation loss does not end an overfitting that has been told.
        holding = far and (holding or rising)
    return found


def _finite(point: EpochPoint) -> EpochPoint:
    def keep(value: float | None) -> float | None:
        return float(value) if value is not None and math.isfinite(value) else None

    return EpochPoint(point.epoch, keep(point.train_loss), keep(point.val_loss), keep(point.score))


def _level(reaction: Reaction) -> Level:
    return "stop" if reaction == "stop" else "info"


def _epochs(count: int) -> str:
    return f"{count} epoch" if count == 1 else f"{count} epochs"
