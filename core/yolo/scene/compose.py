"""Puts a scene together on its stage: backdrop, lines of poles, plants, buildings, distractors, foreground.

Things are collected with their distance and painted from far to near. Kinds of scenes are listed in kinds.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from core.yolo.scene import buildings, distractors, furniture, trunks, vegetation
from core.yolo.scene.dice import Dice
from core.yolo.scene.families import Family
from core.yolo.scene.ground import Road, paint_ground
from core.yolo.scene.kinds import NEGATIVE_KINDS
from core.yolo.scene.poles import Pole
from core.yolo.scene.sky import paint_sky, paint_skyline
from core.yolo.scene.stage import Stage
from core.yolo.scene.styles import PoleStyle, draw_pole_style, neighbour
from core.yolo.scene.underground import draw_underground
from core.yolo.scene.views import View
from core.yolo.scene.wires import birds, service_drop, spans, wire


class Composer:
    """Collects what stands in a scene and paints it.

    Args:
        stage: The stage.
        family: Style of the place.
        kind: Kind of scene.
        view: Where the camera was set up for.
    """

    def __init__(self, stage: Stage, family: Family, kind: str, view: View) -> None:
        self.stage, self.family, self.kind, self.view = stage, family, kind, view
        self.dice: Dice = stage.dice
        self.things: list[tuple[float, Callable[[], None]]] = []

    def add(self, x: float, z: float, draw: Callable[[], None]) -> None:
        """Note a thing at (x, z); it is painted when everything farther away is done."""
        self.things.append((math.hypot(x, z), draw))

    def scatter(self, z: float) -> float:
        """A random x that is in the picture at distance z, or a little outside."""
        return self.dice.between(-1.1, 1.1) * self.stage.half_width() * z + self.dice.between(-2, 2)

    def blocks_view(self, x: float, z: float, margin: float) -> bool:
        """Whether something `margin` metres wide at (x, z) stands before what the picture is about."""
        return z < self.view.z + 1 and abs(x - self.view.x * z / self.view.z) < margin

    def paint(self) -> None:
        """Paint everything: backdrop, things from far to near, then the foreground."""
        self.backdrop()
        SUBJECTS[self.kind](self)
        self.surroundings()
        for _, draw in sorted(self.things, key=lambda thing: -thing[0]):
            draw()
        # loose beams beside a lone post would look too much like an arm on a pole
        if self.dice.chance(0.05 if self.kind in NEGATIVE_KINDS else 0.14):
            furniture.draw_clutter(self.stage, self.dice)
        if self.dice.chance(0.16):
            for _ in range(self.dice.count(1, 3)):
                vegetation.draw_foreground(self.stage, self.family.greens)

    def backdrop(self) -> None:
        """Sky, skyline and ground."""
        dice, stage = self.dice, self.stage
        if dice.chance(0.35):
            stage.slope = (dice.between(-0.06, 0.06), dice.between(-0.05, 0.08))
        paint_sky(stage)
        paint_skyline(stage)
        roads = []
        wild = self.kind in ("plantation", "forest", "trunk")
        if not wild and (self.kind == "street" or dice.chance(0.65)):
            for _ in range(dice.count(1, 2)):
                heading = dice.between(-1.5, 1.5) if dice.chance(0.6) else dice.normal(0.15)
                soil = dice.pick(("asphalt", "asphalt", "asphalt", "dirt", "gravel", "concrete"))
                roads.append(Road(heading, dice.between(-14, 14), dice.between(3, 10), soil))
        soil = dice.pick(self.family.soils)
        if wild and dice.chance(0.6):
            soil = dice.pick(("litter", "grass", "dry", "dirt"))
        paint_ground(stage, soil, self.family.soils[-1], roads)

    # ---- what the picture is about

    def line_of_poles(self, x: float, z: float, style: PoleStyle) -> None:
        """A line with its first pole at (x, z), its neighbours, all wires, sometimes a second line."""
        dice = self.dice
        heading = dice.between(-math.pi / 2, math.pi / 2) if dice.chance(0.65) else dice.normal(0.4)
        span = dice.between(25, 65)
        before, after = (0, 0) if dice.chance(0.25) else (dice.count(0, 4), dice.count(1, 5))
        bend = dice.normal(0.15) if dice.chance(0.3) else 0.0
        line = []
        for number in range(-before, after + 1):
            turn = heading + bend * number
            px = x + math.sin(turn) * span * number + (dice.between(-0.6, 0.6) if number else 0)
            pz = z + math.cos(turn) * span * number
            pole_style = neighbour(dice, style) if number else style
            line.append(Pole(dice, pole_style, self.stage.on_ground(px, pz), turn))
        for pole in line:
            self.add_pole(pole)
        reach = self._ghosts(line, span)
        tension = dice.between(0.2, 1.2)
        for a, b in pairwise(reach):
            middle = (a.foot + b.foot) / 2
            self.add(middle[0], middle[2], lambda a=a, b=b: spans(self.stage, dice, a, b, tension))
            if a.seats and b.seats and dice.chance(0.06):
                self.add(
                    middle[0], middle[2], lambda a=a, b=b: birds(self.stage, dice, a.seats[0], b.seats[0])
                )

    def _ghosts(self, line: list[Pole], span: float) -> list[Pole]:
        """The line with an unseen pole at either end, so that wires leave the picture."""
        reach = list(line)
        for end, side in ((0, -1), (-1, 1)):
            if self.dice.chance(0.85):
                pole = line[end]
                ghost = Pole(self.dice, pole.style, pole.foot + pole.along * span * side, 0.0)
                ghost.up = pole.up
                reach.insert(0 if side < 0 else len(reach), ghost)
        return reach

    def add_pole(self, pole: Pole) -> None:
        """A pole with its service drops and creepers."""
        dice = self.dice
        x, _, z = pole.foot
        if z < -5:
            return
        self.add(x, z, lambda: pole.draw(self.stage))
        if dice.chance(0.3):
            self.add(x, z - 0.2, lambda: service_drop(self.stage, dice, pole))
        if dice.chance(0.06):
            self.add(x, z - 0.1, lambda: pole.draw_vines(self.stage, self.family.greens))

    def poles(self) -> None:
        """The subject of all pole pictures."""
        dice = self.dice
        style = draw_pole_style(
            dice, self.family.utility, arms_wanted=self.kind == "top" and dice.chance(0.6)
        )
        self.line_of_poles(self.view.x, self.view.z, style)
        extra = 0.5 if self.kind == "street" else 0.2
        if dice.chance(extra):
            for _ in range(dice.count(1, 2)):
                z = dice.between(8, 60)
                other = draw_pole_style(dice, self.family.utility)
                self.add_pole(
                    Pole(dice, other, self.stage.on_ground(self.scatter(z), z), dice.between(-1.5, 1.5))
                )
        if dice.chance(0.12) and self.stage.camera.position[1] < 5:
            z = dice.between(3, 18)
            x = self.scatter(z)
            self.add(x, z, lambda: draw_underground(self.stage, x, z, self.family.greens))
        if dice.chance(0.22):
            self.trees_like_poles()

    def underground(self) -> None:
        """Cabinets, pedestals or lids near the camera, a pole line behind some of them."""
        dice = self.dice
        spots = [(self.view.x, self.view.z)]
        for _ in range(dice.count(0, 2) if dice.chance(0.4) else 0):
            z = dice.between(3, 18)
            spots.append((self.scatter(z), z))
        for x, z in spots:
            self.add(x, z, lambda x=x, z=z: draw_underground(self.stage, x, z, self.family.greens))
        if dice.chance(0.35):
            z = dice.between(12, 40)
            self.line_of_poles(self.scatter(20), z, draw_pole_style(dice, self.family.utility))

    def trees_like_poles(self) -> None:
        """Trunks beside the poles, so that a wood does not mean `no pole here`."""
        dice, stage = self.dice, self.stage
        species = self.family.species if dice.chance(0.5) else trunks.draw_species(dice)
        if dice.chance(0.4):
            spots = trunks.plantation_spots(dice, self.view.z + dice.between(2, 30), 40)
        else:
            spots = [(self.scatter(z), z) for z in dice.spread(4, 50, dice.count(1, 8))]
        for x, z in spots:
            if not self.blocks_view(x, z, 0.6):
                self.add(
                    x, z, lambda x=x, z=z: trunks.draw_trunk(stage, dice, species, x, z, self.family.greens)
                )

    # ---- pictures without any pole

    def _trees(self, spots: list[tuple[float, float]], species: trunks.Species) -> None:
        for x, z in spots:
            self.add(
                x,
                z,
                lambda x=x, z=z: trunks.draw_trunk(self.stage, self.dice, species, x, z, self.family.greens),
            )

    def plantation(self) -> None:
        """Trees in rows."""
        species = self.family.species if self.dice.chance(0.6) else trunks.draw_species(self.dice)
        width = self.stage.half_width() * 2 * (self.view.z + 15)
        self._trees(trunks.plantation_spots(self.dice, self.view.z, width), species)
        if self.dice.chance(0.7):
            z = self.view.z + self.dice.between(25, 60)
            self.add(0, z, lambda: vegetation.draw_woods(self.stage, z, self.family.greens))

    def forest(self) -> None:
        """Trees of one or two kinds where they sowed themselves."""
        for _ in range(self.dice.count(1, 2)):
            width = self.stage.half_width() * self.view.z
            self._trees(trunks.forest_spots(self.dice, self.view.z, width), trunks.draw_species(self.dice))
        z = self.view.z + self.dice.between(25, 60)
        self.add(0, z, lambda: vegetation.draw_woods(self.stage, z, self.family.greens))

    def trunk(self) -> None:
        """One trunk or a few, close by: what a detector takes for a shaft first of all."""
        dice, stage = self.dice, self.stage
        spots = [(self.view.x, self.view.z)]
        spots += [(self.scatter(z), float(z)) for z in dice.spread(2, 30, dice.count(0, 5))]
        kind = dice.weighted({"tree": 0.66, "palm": 0.2, "snag": 0.14})
        if kind == "tree":
            self._trees(spots, trunks.draw_species(dice))
        for x, z in spots if kind != "tree" else ():
            if kind == "palm":
                self.add(x, z, lambda x=x, z=z: trunks.draw_palm_row(stage, x, z, self.family.greens))
            else:
                self.add(x, z, lambda x=x, z=z: trunks.draw_snag(stage, x, z))

    def posts(self) -> None:
        """Signs, lamps, masts, columns, fences: upright and thin, near and far."""
        dice = self.dice
        makers = (
            distractors.draw_sign,
            distractors.draw_lamp_post,
            distractors.draw_gantry,
            distractors.draw_flagpole,
            buildings.draw_columns,
            buildings.draw_fence,
            furniture.draw_frame,
            distractors.draw_billboard,
        )
        for _ in range(dice.count(2, 7)):
            maker, z = dice.pick(makers), dice.between(2.5, 35)
            self.put(maker, self.scatter(z), z)

    def tower(self) -> None:
        """Steel towers of a transmission line with their wires."""
        dice = self.dice
        ends = []
        for _ in range(dice.count(1, 3)):
            z = dice.between(25, 200)
            x = self.scatter(z)
            self.put(distractors.draw_lattice_tower, x, z)
            ends.append(np.array([x, dice.between(14, 30), z]))
        for end in ends:
            for _ in range(dice.count(0, 5)):
                away = end + dice.heading() * 150
                self.add(
                    end[0], end[2], lambda e=end, a=away: wire(self.stage, e, a, 3.0, 0.02, np.full(3, 70.0))
                )

    def building(self) -> None:
        """Edges of buildings, columns, eaves and chimneys close by."""
        self.put(
            self.dice.pick((buildings.draw_building_edge, buildings.draw_columns)), self.view.x, self.view.z
        )
        for _ in range(self.dice.count(0, 3)):
            z = self.dice.between(6, 35)
            self.put(buildings.draw_building_edge, self.scatter(z), z)

    def open_country(self) -> None:
        """Nothing but the surroundings."""

    def branches(self) -> None:
        """Branches against the sky, wires without a pole, leaves before the lens."""
        dice, stage = self.dice, self.stage
        for _ in range(dice.count(1, 4)):
            self.things.append((0.5, lambda: vegetation.draw_foreground(stage, self.family.greens)))
        for _ in range(dice.count(0, 6) if dice.chance(0.6) else 0):
            start = np.array([dice.between(-30, 0), dice.between(4, 12), dice.between(3, 30)])
            end = np.array([dice.between(0, 30), dice.between(4, 12), dice.between(3, 30)])
            self.add(0, 15, lambda s=start, e=end: wire(stage, s, e, 0.8, 0.01, np.full(3, 45.0)))

    # ---- all around

    def put(self, maker: Callable[[Stage, float, float], None], x: float, z: float) -> None:
        """Add a thing drawn by maker(stage, x, z)."""
        self.add(x, z, lambda: maker(self.stage, x, z))

    def surroundings(self) -> None:
        """Trees, woods, houses, walls and street furniture, more of them in town."""
        dice, family = self.dice, self.family
        hero = self.view.z
        most = dice.weighted({2: 0.2, 6: 0.35, 12: 0.3, 22: 0.15})
        for _ in range(dice.count(0, most)):
            z = dice.between(8, 90)
            x, height = self.scatter(z), dice.between(3, 18)
            if not (self.blocks_view(x, z, 0.12 * z * self.stage.half_width()) and dice.chance(0.75)):
                self.add(
                    x,
                    z,
                    lambda x=x, z=z, h=height: vegetation.draw_tree(
                        self.stage, x, z, h, family.greens, family.palms
                    ),
                )
        if dice.chance(0.15):  # a wall of trees behind the subject
            for _ in range(dice.count(6, 16)):
                z = hero + dice.between(4, 35)
                x, height = self.scatter(z), dice.between(8, 22)
                self.add(
                    x,
                    z,
                    lambda x=x, z=z, h=height: vegetation.draw_tree(
                        self.stage, x, z, h, family.greens, family.palms
                    ),
                )
        if dice.chance(0.3):
            z = hero + dice.between(3, 60)
            self.add(0, z, lambda z=z: vegetation.draw_woods(self.stage, z, family.greens))
        for _ in range(dice.count(0, 4) if dice.chance(0.25 + 0.5 * family.town) else 0):
            z = dice.between(10, 70)
            x = self.scatter(z)
            if not self.blocks_view(x, z - 6, 0.35 * z * self.stage.half_width() + 7):
                tall = dice.chance(0.08 + 0.2 * family.town)
                self.add(x, z + 6, lambda x=x, z=z, t=tall: buildings.draw_house(self.stage, x, z + 6, t))
        self.furniture()

    def furniture(self) -> None:
        """Signs, cars, walls, tanks, frames and the like."""
        dice, town = self.dice, self.family.town
        table = (
            (buildings.draw_fence, 0.22, 2),
            (buildings.draw_wall, 0.15 + 0.3 * town, 3),
            (buildings.draw_columns, 0.05, 1),
            (buildings.draw_building_edge, 0.06 * town, 1),
            (distractors.draw_sign, 0.2, 2),
            (distractors.draw_lamp_post, 0.15, 3),
            (distractors.draw_gantry, 0.07, 1),
            (furniture.draw_car, 0.25, 3),
            (distractors.draw_flagpole, 0.05, 1),
            (distractors.draw_billboard, 0.06, 1),
            (furniture.draw_tank, 0.08, 2),
            (furniture.draw_frame, 0.1, 2),
            (furniture.draw_odds, 0.25, 4),
            (trunks.draw_snag, 0.1, 2),
        )
        for maker, chance, most in table:
            if not dice.chance(chance):
                continue
            for _ in range(dice.count(1, most)):
                z = dice.between(4, 60)
                x = self.scatter(z)
                if not (self.blocks_view(x, z, 1.0) and dice.chance(0.6)):
                    self.put(maker, x, z)
        if dice.chance(0.035):
            z = dice.between(60, 250)
            self.put(distractors.draw_lattice_tower, self.scatter(z), z)


SUBJECTS: dict[str, Callable[[Composer], None]] = {
    **dict.fromkeys(("full", "far", "top", "worm", "shaft", "street", "drone"), Composer.poles),
    "underground": Composer.underground,
    "plantation": Composer.plantation,
    "forest": Composer.forest,
    "trunk": Composer.trunk,
    "posts": Composer.posts,
    "tower": Composer.tower,
    "building": Composer.building,
    "open": Composer.open_country,
    "branches": Composer.branches,
}
