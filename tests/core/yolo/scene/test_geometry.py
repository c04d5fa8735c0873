"""What is drawn lies inside its label: shafts, arms near and far, along and across the line of sight."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from core.yolo.scene.camera import NEAR, Camera, clip_polygon, clip_segment
from core.yolo.scene.canvas import HIDE
from core.yolo.scene.dice import Dice
from core.yolo.scene.labels import clip_convex, photo_labels, polygon_area, visible_objects
from core.yolo.scene.light import Light
from core.yolo.scene.mesh import box, tube
from core.yolo.scene.poles import Pole
from core.yolo.scene.scene import draw, make_scene
from core.yolo.scene.stage import CROSSARM, POLE, Stage
from core.yolo.scene.styles import draw_pole_style, draw_utility

IDENTITY = np.array([[1.0, 0, 0], [0, 1.0, 0]])


def make_stage(pitch: float = 0.15, eye: float = 1.6, focal: float = 700.0, roll: float = 0.0) -> Stage:
    camera = Camera(640, 640, focal, (0.0, eye, 0.0), pitch, roll=roll)
    light = Light("clear", np.array([0.3, 0.8, -0.5]), 0.5, 0.6)
    stage = Stage(camera, light, Dice(1))
    stage.canvas.image[:] = 128
    return stage


def plain_pole(seed: int = 3, **changes):
    """A straight pole style with one bare arm; every extra off."""
    dice = Dice(seed)
    style = draw_pole_style(dice, draw_utility(dice), arms_wanted=True)
    arm = replace(
        style.arms[0], kind="single", offset=0.0, tilt=0.0, yaw=0.0, rise=0.0, insulator="none", brace="none",
        height=8.6, length=2.4, round=False,
    )  # fmt: skip
    off = ("top_pin", "cutouts", "light", "neutral", "rack", "tags", "twin", "square")
    none = ("side_posts", "transformers", "telecom", "risers")
    bare = {**dict.fromkeys(off, False), **dict.fromkeys(none, 0), "height": 9.0, "arms": (arm,)}
    return replace(style, **{**bare, **changes}), arm


def with_arms(*arms, seed: int = 3):
    return plain_pole(seed, arms=tuple(arms))[0]


def inside(points: np.ndarray, polygon: np.ndarray, slack: float) -> bool:
    """Whether all points are in a convex polygon, or at most `slack` pixels outside."""
    centre = polygon.mean(0)
    for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        edge = b - a
        normal = np.array([-edge[1], edge[0]]) / (np.hypot(*edge) + 1e-9)
        normal *= math.copysign(1.0, float((centre - a) @ normal))
        if float(((points - a) @ normal).min()) < -slack:
            return False
    return True


def labels_of(stage: Stage):
    canvas = stage.canvas
    return photo_labels(canvas.image, canvas.ids, stage.objects, IDENTITY, canvas.width, canvas.height)


@pytest.mark.parametrize("heading", [0.0, 0.5, 1.0, 1.35, 1.5])
@pytest.mark.parametrize(("distance", "pitch"), [(4.0, 0.9), (10.0, 0.5), (35.0, 0.1)])
def test_arm_ends_lie_in_the_label_also_when_foreshortened(
    heading: float, distance: float, pitch: float
) -> None:
    style, _ = plain_pole()
    stage = make_stage(pitch)
    pole = Pole(Dice(5), style, np.array([0.2, 0.0, distance]), heading)
    pole.draw(stage)
    arm = next(label for label in labels_of(stage) if label.class_id == CROSSARM)
    ends, _ = stage.camera.project(pole.arms[0].ends)
    assert inside(ends, arm.polygon, 1.5)
    x0, y0, x1, y1 = arm.box
    assert (ends >= [x0 - 1.5, y0 - 1.5]).all() and (ends <= [x1 + 1.5, y1 + 1.5]).all()
    # and the box is the beam: no longer than its ends plus its section
    section = stage.camera.scale(min(float(d) for d in stage.camera.project(pole.arms[0].ends)[1])) * 0.2 + 4
    assert x1 - x0 <= np.ptp(ends[:, 0]) + section
    assert y1 - y0 <= np.ptp(ends[:, 1]) + section


def test_shaft_label_runs_from_foot_to_top_and_leaves_out_the_arm() -> None:
    style, _ = plain_pole()
    stage = make_stage(0.3)
    pole = Pole(Dice(5), style, np.array([0.0, 0.0, 14.0]), 0.0)
    pole.draw(stage)
    labels = labels_of(stage)
    shaft = next(label for label in labels if label.class_id == POLE)
    arm = next(label for label in labels if label.class_id == CROSSARM)
    ends, _ = stage.camera.project(np.array([pole.foot, pole.point(pole.height)]))
    assert abs(shaft.box[3] - ends[0, 1]) < 4 and abs(shaft.box[1] - ends[1, 1]) < 4
    width = stage.camera.scale(14.0) * 2 * style.foot_radius
    lean = abs(ends[0, 0] - ends[1, 0])
    assert shaft.box[2] - shaft.box[0] < width + lean + 5
    assert arm.box[2] - arm.box[0] > 3 * (shaft.box[2] - shaft.box[0])


def test_insulators_braces_and_wires_do_not_widen_a_label() -> None:
    style, arm = plain_pole()
    boxes = []
    for kind, brace, posts in (("none", "none", 0), ("suspension", "wide", 3)):
        dressed = replace(
            style, arms=(replace(arm, insulator=kind, brace=brace),), side_posts=posts, top_pin=posts > 0
        )
        stage = make_stage(0.3)
        Pole(Dice(5), dressed, np.array([0.0, 0.0, 14.0]), 0.3).draw(stage)
        boxes.append({label.class_id: label.box for label in labels_of(stage)})
    assert boxes[0] == boxes[1]


def test_what_changes_the_picture_is_inside_the_label() -> None:
    for heading in (0.0, 0.8, 1.4):
        stage = make_stage(0.3)
        style, _ = plain_pole()
        pole = Pole(Dice(5), style, np.array([0.0, 0.0, 9.0]), heading)
        before = stage.canvas.image.copy()
        arm_id = stage.register(CROSSARM, pole.arms[0].ends)
        for beam in pole.arms[0].beams:
            pole.arms[0].draw_beam(stage, beam, arm_id)
        rows, columns = np.nonzero((stage.canvas.image != before).any(2))
        x0, y0, x1, y1 = labels_of(stage)[0].box
        assert columns.min() >= x0 - 1.01 and columns.max() + 1 <= x1 + 1.01
        assert rows.min() >= y0 - 1.01 and rows.max() + 1 <= y1 + 1.01
        assert columns.min() <= x0 + 1.01 and columns.max() + 1 >= x1 - 1.01


def test_a_double_arm_is_one_label_and_two_heights_are_two() -> None:
    style, arm = plain_pole()
    double = replace(arm, kind="double")
    stage = make_stage(0.3)
    pole = Pole(Dice(5), replace(style, arms=(double,)), np.array([0.0, 0.0, 9.0]), 0.6)
    pole.draw(stage)
    found = [label for label in labels_of(stage) if label.class_id == CROSSARM]
    assert len(found) == 1
    ends, _ = stage.camera.project(pole.arms[0].ends)
    assert len(ends) == 4 and inside(ends, found[0].polygon, 1.5)

    stage = make_stage(0.3)
    Pole(Dice(5), replace(style, arms=(arm, replace(arm, height=7.2))), np.array([0.0, 0.0, 14.0]), 0.2).draw(
        stage
    )
    assert sum(label.class_id == CROSSARM for label in labels_of(stage)) == 2


def test_alley_vee_and_buck_arms_keep_their_ends_in_the_label() -> None:
    _, arm = plain_pole()
    for changed in (
        replace(arm, kind="alley"),
        replace(arm, rise=0.4),
        replace(arm, buck=True, yaw=0.2, tilt=0.1),
    ):
        in_front = 0
        for face in (-1, 1):
            stage = make_stage(0.3)
            pole = Pole(Dice(5), with_arms(replace(changed, face=face)), np.array([0.0, 0.0, 11.0]), 0.4)
            pole.draw(stage)
            if not pole.arms[0].in_front(pole.arms[0].beams[0], stage.camera.position):
                continue  # the shaft hides a part of an arm on its far side
            in_front += 1
            label = next(label for label in labels_of(stage) if label.class_id == CROSSARM)
            assert inside(stage.camera.project(pole.arms[0].ends)[0], label.polygon, 1.5)
        assert in_front >= 1


def test_what_is_hidden_shortens_the_box() -> None:
    style, _ = plain_pole()
    stage = make_stage(0.3)
    pole = Pole(Dice(5), style, np.array([0.0, 0.0, 14.0]), 0.0)
    pole.draw(stage)
    whole = next(label for label in labels_of(stage) if label.class_id == POLE)
    axes = (np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0, 0, 1.0]))
    box(stage, np.array([0.0, 1.0, 8.0]), axes, (4.0, 1.0, 0.1), np.array([120.0, 110, 100]), object_id=HIDE)
    cut = next(label for label in labels_of(stage) if label.class_id == POLE)
    wall_top = stage.camera.project(np.array([[0.0, 2.0, 7.9]]))[0][0, 1]
    assert cut.box[1] == whole.box[1]
    assert cut.box[3] < whole.box[3] - 10
    assert abs(cut.box[3] - wall_top) < 4


def test_hidden_altogether_means_no_label() -> None:
    style, _ = plain_pole()
    stage = make_stage(0.3)
    Pole(Dice(5), style, np.array([0.0, 0.0, 14.0]), 0.0).draw(stage)
    stage.canvas.ids[:] = HIDE
    assert labels_of(stage) == []


def test_outline_holds_every_pixel_of_its_object() -> None:
    rng = np.random.default_rng(2)
    ids = np.zeros((60, 80), np.int16)
    ids[20:50, 10:14] = 1
    ids[rng.integers(0, 60, 40), rng.integers(30, 80, 40)] = 2
    outlines = visible_objects(ids)
    assert set(outlines) == {1, 2}
    assert polygon_area(outlines[1].outline) == pytest.approx(30 * 4) and outlines[1].shown == pytest.approx(
        1.0
    )
    for number, seen in outlines.items():
        rows, columns = np.nonzero(ids == number)
        centres = np.stack([columns + 0.5, rows + 0.5], 1)
        assert inside(centres, seen.outline, 1e-3)


def test_what_fog_swallows_gets_no_label() -> None:
    style, _ = plain_pole()
    found = []
    for visibility in (2000.0, 3.0):
        stage = make_stage(0.3)
        stage.light.visibility = visibility
        stage.light.haze = np.full(3, 128.0, np.float32)
        Pole(Dice(5), style, np.array([0.0, 0.0, 14.0]), 0.2).draw(stage)
        found.append(sorted(label.class_id for label in labels_of(stage)))
    assert found == [[POLE, CROSSARM], []]


def test_clipping_keeps_the_part_inside() -> None:
    square = np.array([[-5.0, -5], [15, -5], [15, 15], [-5, 15]])
    clipped = clip_convex(square, 10, 8)
    assert polygon_area(clipped) == pytest.approx(80)
    assert clip_convex(square + 100, 10, 8).shape == (0, 2)
    triangle = np.array([[2.0, 2], [4, 2], [3, 4]])
    assert clip_convex(triangle, 10, 8).tolist() == triangle.tolist()


def test_camera_projects_where_geometry_says() -> None:
    camera = Camera(200, 100, 100.0, (0.0, 2.0, 0.0), 0.0)
    pixels, depth = camera.project(np.array([[1.0, 2.0, 10.0], [0.0, 3.0, 10.0]]))
    assert pixels.tolist() == [[110.0, 50.0], [100.0, 40.0]] and depth.tolist() == [10.0, 10.0]
    assert camera.horizon(np.array([0.0, 200.0])).tolist() == [50.0, 50.0]
    tilted = Camera(200, 100, 100.0, (0.0, 2.0, 0.0), 0.4, yaw=0.3, roll=0.2)
    for u, v, far in ((20.0, 80.0, 5.0), (150.0, 10.0, 40.0)):
        back, found = tilted.project(tilted.at(u, v, far))
        assert back[0] == pytest.approx([u, v]) and found[0] == pytest.approx(far)
    ground = np.array([[x, 2.0, 1e7] for x in (-4e6, 3e6)])
    seen, _ = tilted.project(ground)
    assert tilted.horizon(seen[:, 0]) == pytest.approx(seen[:, 1], abs=0.01)


def test_clipping_at_the_lens() -> None:
    a, b = clip_segment(np.array([0.0, 0, -1]), np.array([0.0, 0, 3]))
    assert a[2] == pytest.approx(NEAR) and b[2] == 3
    assert clip_segment(np.array([0.0, 0, -1]), np.array([0.0, 0, 0.1])) is None
    square = np.array([[0.0, 0, -1], [1, 0, 5], [1, 1, 5], [0, 1, -1]])
    assert clip_polygon(square)[:, 2].min() == pytest.approx(NEAR)
    assert clip_polygon(square - [0, 0, 9]) is None


def test_a_thin_far_tube_still_marks_its_whole_length() -> None:
    stage = make_stage(0.0)
    shaft = stage.register(POLE, np.array([[0.0, 0, 300], [0, 12.0, 300]]))
    tube(stage, [0.0, 0, 300], [0.0, 12, 300], 0.1, 0.08, np.array([90.0, 80, 70]), object_id=shaft)
    pixels, _ = stage.camera.project(stage.objects[0].anchors)
    rows, _ = np.nonzero(stage.canvas.ids == shaft)
    assert rows.min() <= pixels[1, 1] + 1 and rows.max() >= pixels[0, 1] - 2


def test_labels_follow_the_rotation_and_stretch_of_the_photo() -> None:
    """In whole scenes, also turned and stretched ones, visible anchors lie in the labels."""
    checked = turned = 0
    for index in range(36):
        frame = draw(make_scene(21, index, kind="full"), size=320)
        ids, camera = frame.stage.canvas.ids, frame.stage.camera
        height, width = frame.image.shape[:2]
        turned += abs(frame.matrix[0, 1]) > 1e-6
        for label in frame.labels:
            pixels, depths = camera.project(frame.stage.objects[label.object_index].anchors)
            for (u, v), depth in zip(pixels, depths, strict=True):
                if depth < NEAR or not (1 <= u < camera.width - 1 and 1 <= v < camera.height - 1):
                    continue
                if ids[int(v), int(u)] != label.object_index + 1:
                    continue
                at = frame.matrix[:, :2] @ [u, v] + frame.matrix[:, 2]
                if 0 < at[0] < width and 0 < at[1] < height:
                    assert inside(at[None], label.polygon, 1.0)
                    checked += 1
    assert checked > 40 and turned >= 1
