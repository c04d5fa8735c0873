"""Which confidence is the best threshold of a class: chosen on scored boxes, with its uncertainty.

What is done with the threshold is in calibrate.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.yolo.score import Judged

RESAMPLES = 200
LEAST_LABELS = 20  # of a class, for its threshold to be worth anything


@dataclass(frozen=True)
class Goal:
    """What a threshold is chosen for.

    Args:
        beta: Of the F score that is made largest; above 1 recall counts more, below 1 precision.
        precision: Instead of that: the lowest threshold at which at least this share of the boxes is right.
    """

    beta: float = 1.0
    precision: float | None = None

    def __post_init__(self) -> None:
        if not 0.1 <= self.beta <= 10:
            raise InputError(f"Beta is {self.beta:g}; expected 0.1 to 10.", "1 weighs both alike.")
        if self.precision is not None and not 0 < self.precision < 1:
            raise InputError(
                f"The wanted precision is {self.precision:g}; expected a share above 0 and below 1.",
                "Try 0.8.",
            )

    @property
    def text(self) -> str:
        """The goal in words."""
        if self.precision is not None:
            return f"precision of at least {self.precision:.0%}"
        return "largest F1" if self.beta == 1 else f"largest F{self.beta:g}"


@dataclass(frozen=True)
class Marks:
    """Scored boxes of one class, most confident first.

    Args:
        confidence: (n,) 0 to 1.
        right: (n,) bool, at IoU 0.5.
        photo: (n,) index of the photo of each.
        labels: (photos,) labels of the class in each photo.
    """

    confidence: np.ndarray
    right: np.ndarray
    photo: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Choice:
    """The threshold of one class.

    Args:
        threshold: Confidence before the shift, or None where none was chosen.
        low: 5th percentile over resampled photos.
        high: 95th percentile.
        support: Labels of the class.
        reason: Why none was chosen, or an empty string.
    """

    threshold: float | None
    low: float | None = None
    high: float | None = None
    support: int = 0
    reason: str = ""


def marks_of(images: Sequence[Judged], number: int | None) -> Marks:
    """The scored boxes of one class, or of all classes together for None."""
    photo = np.concatenate([np.full(len(image.confidence), place) for place, image in enumerate(images)])
    confidence = np.concatenate([image.confidence for image in images])
    right = np.concatenate([image.right[:, 0] for image in images]).astype(bool)
    classes = np.concatenate([image.classes for image in images])
    labels = np.array(
        [len(image.labels) if number is None else (image.labels == number).sum() for image in images]
    )
    chosen = np.arange(len(classes)) if number is None else np.flatnonzero(classes == number)
    chosen = chosen[np.argsort(-confidence[chosen], kind="stable")]
    return Marks(confidence[chosen], right[chosen], photo[chosen].astype(np.int64), labels)


def best_threshold(marks: Marks, weights: np.ndarray, goal: Goal) -> float | None:
    """The threshold that serves the goal best on weighted photos, or None if none does.

    It lies midway, in logits, between the last box that is kept and the first that is not.

    Args:
        marks: Scored boxes of one class.
        weights: (photos,) how much each photo counts, 0 or more.
        goal: What is wanted.
    """
    weight = weights[marks.photo]
    labels = float((marks.labels * weights).sum())
    right = np.cumsum(weight * marks.right)
    given = np.cumsum(weight)
    # A threshold can only stand where the confidence changes.
    ends = np.flatnonzero(np.append(np.diff(marks.confidence) < 0, True) & (given > 0)) if len(given) else []
    if labels <= 0 or not len(ends) or right[-1] <= 0:
        return None
    hit, all_ = right[ends], given[ends]
    if goal.precision is None:
        square = goal.beta**2
        place = int(np.argmax((1 + square) * hit / (all_ + square * labels)))
    else:
        enough = np.flatnonzero((hit / all_ >= goal.precision) & (hit > 0))
        if not len(enough):
            return None
        place = int(enough[-1])
    index = int(ends[place])
    above = logit(float(marks.confidence[index]))
    if index + 1 == len(marks.confidence):
        return sigmoid(above)
    return sigmoid((above + logit(float(marks.confidence[index + 1]))) / 2)


def choose(
    marks: Marks, goal: Goal, weights: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Choice:
    """The threshold of a class: the median over resampled photos (bagging).

    The best threshold of one sample hangs on a few boxes; photos are drawn with replacement because boxes of
    one photo are not independent.

    Args:
        marks: Scored boxes of one class.
        goal: What is wanted.
        weights: (photos,) how much each photo counts.
        resamples: How many times photos are drawn.
        seed: Of the draw.
    """
    support = int(marks.labels.sum())
    if support < LEAST_LABELS:
        return Choice(
            None, support=support, reason=f"has {support} labels, too few (at least {LEAST_LABELS})"
        )
    rng = np.random.default_rng(seed)
    count = len(marks.labels)
    found = []
    for _ in range(resamples):
        drawn = np.bincount(rng.integers(0, count, count), minlength=count)
        threshold = best_threshold(marks, drawn * weights, goal)
        if threshold is not None:
            found.append(logit(threshold))
    if len(found) <= resamples / 2:
        reason = f"never reaches a {goal.text}" if goal.precision else "is hardly ever found"
        return Choice(None, support=support, reason=reason)
    low, middle, high = (sigmoid(float(value)) for value in np.percentile(found, [5, 50, 95]))
    return Choice(middle, low, high, support)


def photo_weights(images: Sequence[Judged], empty_share: float | None) -> np.ndarray:
    """(photos,) weights that make photos without any label `empty_share` of the whole; None leaves all at 1.

    Precision depends on how many photos show nothing: this says how many the user expects.

    Raises:
        InputError: If the share is out of range, or there are no such photos.
    """
    empty = np.array([not len(image.labels) for image in images])
    weights = np.ones(len(images))
    if empty_share is None:
        return weights
    if not 0 < empty_share < 1 or not empty.any() or empty.all():
        raise InputError(
            f"The share of photos without objects is {empty_share:g}, and {empty.sum()} of {len(empty)} "
            "photos are without; expected a share above 0 and below 1, and photos of both kinds.",
            "Leave it out, or give other photos.",
        )
    weights[empty] = empty_share / (1 - empty_share) * (~empty).sum() / empty.sum()
    return weights


def shift_of(threshold: float, to: float) -> float:
    """What is added to a logit so that the confidence `threshold` becomes `to`; both between 0 and 1."""
    return logit(to) - logit(threshold)


def choose_all(
    images: Sequence[Judged], labels: Sequence[str], goal: Goal, *, shared: bool = False,
    empty_share: float | None = None,
) -> dict[str, Choice]:  # fmt: skip
    """The threshold of each class, or the same one for all."""
    weights = photo_weights(images, empty_share)
    if shared:
        return dict.fromkeys(labels, choose(marks_of(images, None), goal, weights))
    return {
        label: choose(marks_of(images, number), goal, weights, seed=number)
        for number, label in enumerate(labels)
    }


def logit(share: float) -> float:
    """log(p / (1 - p)), kept finite."""
    share = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(share / (1 - share))


def sigmoid(value: float) -> float:
    """The inverse of `logit`."""
    return 1 / (1 + math.exp(-value))
