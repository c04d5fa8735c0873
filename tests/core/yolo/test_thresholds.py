"""The best threshold of a class: what is chosen, how uncertain it is, and when nothing is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.yolo.score import IOU_STEPS, Judged
from core.yolo.thresholds import (
    LEAST_LABELS,
    Goal,
    Marks,
    best_threshold,
    choose,
    choose_all,
    logit,
    marks_of,
    photo_weights,
    shift_of,
    sigmoid,
)


def _marks(confidence, right, photo=None, labels=None) -> Marks:
    photo = range(len(confidence)) if photo is None else photo
    labels = np.ones(len(confidence), int) if labels is None else np.array(labels)
    return Marks(np.array(confidence, float), np.array(right, bool), np.array(photo), labels)


def _image(confidence, classes, right, labels) -> Judged:
    steps = np.repeat(np.array(right, bool)[:, None], len(IOU_STEPS), axis=1).reshape(-1, len(IOU_STEPS))
    matched = np.where(right, 0, -1)
    return Judged(np.array(confidence, float), np.array(classes, int), steps, matched, np.array(labels, int))


def test_the_largest_f1_lies_between_the_last_right_box_and_the_first_wrong_one() -> None:
    marks = _marks([0.9, 0.8, 0.7, 0.3, 0.2], [1, 1, 1, 0, 0], labels=[1, 1, 1, 0, 0])
    threshold = best_threshold(marks, np.ones(5), Goal())
    assert threshold == pytest.approx(sigmoid((logit(0.7) + logit(0.3)) / 2)) and 0.3 < threshold < 0.7


def test_beta_moves_the_threshold_to_recall_or_to_precision() -> None:
    right = [1, 1, 0, 1, 0, 0, 1, 0, 0, 0]
    marks = _marks(np.linspace(0.95, 0.05, 10), right, labels=right)
    low, middle, high = (best_threshold(marks, np.ones(10), Goal(beta)) for beta in (3.0, 1.0, 0.3))
    assert low <= middle <= high and low < high


def test_a_wanted_precision_takes_the_lowest_threshold_that_has_it() -> None:
    right = [1, 0, 1, 1, 1, 0, 0]
    marks = _marks([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], right, labels=right)
    threshold = best_threshold(marks, np.ones(7), Goal(precision=0.8))
    assert 0.4 < threshold < 0.5  # 4 of 5 are right
    assert best_threshold(marks, np.ones(7), Goal(precision=0.999)) == pytest.approx(
        sigmoid((logit(0.9) + logit(0.8)) / 2)
    )


def test_boxes_of_one_confidence_are_never_torn_apart() -> None:
    marks = _marks([0.9, 0.5, 0.5, 0.5], [1, 1, 0, 0], labels=[1, 1, 0, 0])
    assert best_threshold(marks, np.ones(4), Goal(precision=0.6)) > 0.5


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans()), min_size=1, max_size=40),
    st.floats(0.05, 0.95),
)
def test_no_threshold_has_a_better_f1(boxes, other) -> None:
    # Confidences closer than what the logits cost below cannot be told apart.
    boxes = sorted(((round(c, 6), r) for c, r in boxes), reverse=True)
    confidence, right = np.array([c for c, _ in boxes]), np.array([r for _, r in boxes])
    marks = Marks(confidence, right, np.arange(len(boxes)), np.ones(len(boxes), int))
    threshold = best_threshold(marks, np.ones(len(boxes)), Goal())

    def f1(at: float) -> float:
        kept = confidence >= at
        return 2 * (right & kept).sum() / (kept.sum() + len(boxes))

    if threshold is None:
        assert not right.any()
    else:
        # Moving through logits and back costs the last digits.
        assert f1(threshold - 1e-9) >= f1(other) - 1e-9


def test_photos_drawn_again_tell_how_sure_the_threshold_is() -> None:
    rng = np.random.default_rng(0)
    count = 400
    right = rng.random(count) < 0.5
    confidence = np.where(right, rng.beta(6, 3, count), rng.beta(3, 6, count))
    order = np.argsort(-confidence)
    marks = Marks(confidence[order], right[order], order, right.astype(int))
    choice = choose(marks, Goal(), np.ones(count))
    assert choice.low < choice.threshold < choice.high and choice.support == right.sum()
    assert 0.3 < choice.threshold < 0.65
    assert choose(marks, Goal(), np.ones(count)) == choice  # the draw has a seed


def test_too_few_labels_or_an_unreachable_goal_choose_nothing() -> None:
    few = choose(_marks([0.9], [1]), Goal(), np.ones(1))
    assert few.threshold is None and str(LEAST_LABELS) in few.reason
    count = LEAST_LABELS + 10
    wrong_first = _marks(np.linspace(0.9, 0.1, count), [0] * 10 + [1] * (count - 10))
    never = choose(wrong_first, Goal(precision=0.99), np.ones(count))
    assert never.threshold is None and "never reaches" in never.reason


def test_photos_without_objects_count_as_much_as_asked() -> None:
    images = [_image([0.9], [0], [True], [0])] * 30 + [_image([0.6], [0], [False], [])] * 10
    weights = photo_weights(images, 0.5)
    assert weights[30:].sum() / weights.sum() == pytest.approx(0.5)
    assert photo_weights(images, None).tolist() == [1.0] * 40
    with pytest.raises(InputError, match="without"):
        photo_weights(images[:30], 0.5)


def test_each_class_gets_its_own_threshold_or_all_the_same() -> None:
    images = [_image([0.9, 0.5, 0.2], [0, 1, 1], [True, True, False], [0, 1])] * 30
    images += [_image([0.7], [0], [False], [])] * 10
    choices = choose_all(images, ["pole", "crossarm", "underground"], Goal())
    assert choices["pole"].threshold > 0.7 > 0.5 > choices["crossarm"].threshold > 0.2
    assert choices["underground"].threshold is None
    shared = choose_all(images, ["pole", "crossarm", "underground"], Goal(), shared=True)
    assert len({choice.threshold for choice in shared.values()}) == 1
    assert marks_of(images, 1).confidence.tolist() == [0.5] * 30 + [0.2] * 30


def test_the_shift_brings_the_threshold_to_its_place() -> None:
    assert sigmoid(logit(0.4) + shift_of(0.4, 0.25)) == pytest.approx(0.25)
    for wrong in ({"beta": 0.0}, {"precision": 1.0}, {"precision": 0.0}):
        with pytest.raises(InputError):
            Goal(**wrong)
