"""Average precision against the library's own, recall and precision in force, regions to ignore."""

from __future__ import annotations

import numpy as np
import pytest

from core.yolo import quiet
from core.yolo.score import IOU_STEPS, confusion, ignored, iou, judge, summarize


def _toy(seed: int, images: int = 12):
    """Labels and noisy detections with distinct confidences."""
    rng = np.random.default_rng(seed)
    for _ in range(images):
        count = int(rng.integers(0, 6))
        corner = rng.uniform(0, 80, (count, 2))
        truth = np.concatenate([corner, corner + rng.uniform(5, 40, (count, 2))], axis=1)
        labels = rng.integers(0, 3, count)
        near = truth + rng.normal(0, 2.5, truth.shape)
        wild = rng.uniform(0, 60, (4, 2))
        boxes = np.concatenate(
            [near, near + rng.normal(0, 4, near.shape), np.concatenate([wild, wild + 20], 1)]
        )
        classes = np.concatenate([labels, labels, rng.integers(0, 3, 4)])
        yield boxes, rng.uniform(0.01, 1, len(boxes)), classes, truth, labels


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_average_precision_is_the_librarys(seed: int) -> None:
    quiet.library()
    import torch
    from ultralytics.models.yolo.detect import DetectionValidator
    from ultralytics.utils.metrics import ap_per_class

    matcher = DetectionValidator.__new__(DetectionValidator)
    matcher.iouv = torch.linspace(0.5, 0.95, 10)
    judged, right, scores, found, wanted = [], [], [], [], []
    for boxes, confidence, classes, truth, labels in _toy(seed):
        judged.append(judge(boxes, confidence, classes, truth, labels))
        order = np.argsort(-confidence)
        overlap = torch.from_numpy(iou(truth, boxes[order]))
        theirs = matcher.match_predictions(
            torch.from_numpy(classes[order]), torch.from_numpy(labels), overlap
        )
        right.append(theirs.numpy())
        scores.append(confidence[order])
        found.append(classes[order])
        wanted.append(labels)
        assert np.array_equal(judged[-1].right, theirs.numpy())
    _, _, _, _, _, ap, present, *_ = ap_per_class(
        *(np.concatenate(p) for p in (right, scores, found, wanted))
    )
    ours = summarize(judged, ["pole", "crossarm", "underground"], 0.25)
    assert list(present) == [0, 1, 2]
    assert ours["map50"] == pytest.approx(ap[:, 0].mean(), abs=1e-9)
    assert ours["map50_95"] == pytest.approx(ap.mean(), abs=1e-9)
    for number, name in enumerate(["pole", "crossarm", "underground"]):
        assert ours["classes"][name]["ap50_95"] == pytest.approx(ap[number].mean(), abs=1e-9)


def test_a_second_box_on_one_label_is_wrong() -> None:
    label = np.array([[0, 0, 10, 10.0]])
    result = judge(np.repeat(label, 2, 0), np.array([0.5, 0.9]), np.array([1, 1]), label, np.array([1]))
    assert result.confidence.tolist() == [0.9, 0.5]
    assert result.right[:, 0].tolist() == [True, False]


def test_recall_and_precision_count_only_what_is_in_force() -> None:
    boxes = np.array([[0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 10, 9.0]])
    judged = judge(boxes, np.array([0.2, 0.8, 0.1]), np.zeros(3, int), boxes[:1], np.zeros(1, int))
    low, high = (summarize([judged], ["pole"], limit)["classes"]["pole"] for limit in (0.15, 0.5))
    assert (low["recall"], low["precision"], low["predicted"]) == (1.0, 0.5, 2)
    assert (high["recall"], high["precision"]) == (0.0, 0.0)
    assert summarize([judged], ["pole"], 0.95)["classes"]["pole"]["precision"] is None


def test_a_class_without_labels_does_not_lower_the_mean() -> None:
    box = np.array([[0, 0, 10, 10.0]])
    judged = judge(box, np.array([0.9]), np.array([0]), box, np.array([0]))
    figures = summarize([judged], ["pole", "crossarm"], 0.25)
    assert figures["map50_95"] == pytest.approx(0.995, abs=0.01)
    assert figures["classes"]["crossarm"]["ap50"] is None


def test_detections_in_a_region_to_ignore_count_neither_way() -> None:
    region = np.array([[40, 40, 100, 100.0]])
    inside, outside = [50, 50, 60, 60.0], [0, 30, 10, 39.0]
    mostly, centre_out = [30, 60, 60, 70.0], [10, 60, 48, 70.0]
    boxes = np.array([inside, outside, mostly, centre_out])
    assert ignored(boxes, region).tolist() == [True, False, True, False]
    label = np.array([inside])
    result = judge(boxes, np.array([0.9, 0.8, 0.7, 0.6]), np.zeros(4, int), label, np.zeros(1, int), region)
    # A detection on a label inside the region still counts; the one on nothing there does not.
    assert result.kept.tolist() == [0, 1, 3]
    assert result.right[:, 0].tolist() == [True, False, False]


def test_confusion_says_what_was_taken_for_what() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 20, 30, 30], [70, 70, 80, 80.0]])
    truth = np.array([[0, 0, 10, 10], [20, 20, 30, 30], [50, 0, 60, 10.0]])
    table = confusion(
        [(boxes, np.array([0.9, 0.9, 0.9]), np.array([0, 1, 1]), truth, np.array([0, 0, 1]))],
        ["pole", "crossarm"],
        0.25,
    )
    assert table["pole"] == {"pole": 1, "crossarm": 1, "nothing": 0}
    assert table["crossarm"]["nothing"] == 1
    assert table["nothing"]["crossarm"] == 1


def test_steps_are_those_of_coco() -> None:
    assert IOU_STEPS.tolist() == pytest.approx([0.5 + 0.05 * n for n in range(10)])
