"""Training batches drawn on the device that trains: mosaics, scaling, mirroring, colour and damage in torch.

Takes images that already lie in the device's memory (pool.py); reads no files and keeps no state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

GREY = 114 / 255
_UNTOUCHED = 0.35  # share of single images that keep their size
_LEAST_SHOWN = 0.12  # of a box's area, for the box to stay
_LEAST_SIDE, _LEAST_LENGTH = 1.2, 7.0  # pixels of a 640 pixel image


@dataclass(frozen=True)
class Augmentation:
    """How strongly images are changed; names as in the recipe.

    Args:
        mosaic: Share of images put together from four.
        scale: Images are scaled by up to this share.
        mirror: Share that is mirrored.
        saturation: Strength of colour changes.
        brightness: Strength of brightness changes.
        stretch: Largest change of the aspect ratio, as a natural logarithm.
    """

    mosaic: float = 0.65
    scale: float = 0.5
    mirror: float = 0.5
    saturation: float = 0.7
    brightness: float = 0.4
    stretch: float = 0.3


@dataclass(frozen=True)
class Stock:
    """Images in the device's memory.

    Args:
        images: (n, side, side, 3) uint8 RGB, each in the top left corner.
        boxes: (n, most, 5) class, x0, y0, x1, y1 in pixels; class -1 = no box.
        sizes: (n, 2) width and height in pixels.
    """

    images: torch.Tensor
    boxes: torch.Tensor
    sizes: torch.Tensor


def draw_batch(
    stock: Stock, filled: int, count: int, how: Augmentation, generator: torch.Generator | None = None
) -> dict[str, torch.Tensor]:
    """Draw a training batch.

    Args:
        stock: The images.
        filled: How many of them are there, from the front.
        count: Images in the batch.
        how: Strength of the changes.
        generator: Of random numbers, on the stock's device.

    Returns:
        `img` (count, 3, side, side) float 0 to 1 RGB, `batch_idx` (k,), `cls` (k, 1), `bboxes` (k, 4) as
        middle and extent in shares: what the library's loss takes.
    """
    device, side = stock.images.device, stock.images.shape[1]

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, device=device, generator=generator)

    index = torch.randint(0, filled, (count, 4), device=device, generator=generator)
    place = _places(uniform, count, side, how)
    sizes = stock.sizes[index]  # (count, 4, 2)
    width, height = sizes[..., 0], sizes[..., 1]
    # Where in its source each quarter begins; negative leaves a grey margin.
    u0 = uniform(count, 4) * (width - (place.x1 - place.x0) / place.scale_x)
    v0 = uniform(count, 4) * (height - (place.y1 - place.y0) / place.scale_y)
    image = _pixels(stock.images, index, place, u0, v0, width, height)
    image, inside = image
    image = _colour(image, uniform, how)
    image = torch.where(inside[:, None], image, torch.full_like(image, GREY))
    labels = _boxes(stock.boxes[index], place, u0, v0, width, side)
    return {"img": image.contiguous(memory_format=torch.channels_last), **labels}


@dataclass(frozen=True)
class _Places:
    # Each (count, 4): rectangle of a quarter in the new image, its scale, and whether it is mirrored.
    x0: torch.Tensor
    y0: torch.Tensor
    x1: torch.Tensor
    y1: torch.Tensor
    scale_x: torch.Tensor
    scale_y: torch.Tensor
    mirrored: torch.Tensor
    centre: torch.Tensor


def _places(uniform, count: int, side: int, how: Augmentation) -> _Places:
    centre = (0.25 + 0.5 * uniform(count, 2)) * side
    single = uniform(count) >= how.mosaic
    # A centre in the lower right corner makes the first quarter the whole image.
    centre = torch.where(single[:, None], torch.full_like(centre, float(side)), centre)
    cx, cy = centre[:, 0], centre[:, 1]
    zero, full = torch.zeros_like(cx), torch.full_like(cx, float(side))
    x0, x1 = torch.stack([zero, cx, zero, cx], 1), torch.stack([cx, full, cx, full], 1)
    y0, y1 = torch.stack([zero, zero, cy, cy], 1), torch.stack([cy, cy, full, full], 1)
    scale = _log_uniform(uniform(count, 4), 0.76 * (1 - how.scale), 0.87 * (1 + how.scale))
    whole = _log_uniform(uniform(count), 1.1 * (1 - how.scale), 1.07 * (1 + how.scale))
    whole = torch.where(uniform(count) < _UNTOUCHED, torch.ones_like(whole), whole)
    scale = torch.where(single[:, None], whole[:, None].expand_as(scale), scale)
    stretch = torch.exp((2 * uniform(count, 4) - 1) * how.stretch)
    mirrored = uniform(count, 4) < how.mirror
    return _Places(x0, y0, x1, y1, scale, scale * stretch, mirrored, centre)


def _log_uniform(value: torch.Tensor, low: float, high: float) -> torch.Tensor:
    return torch.exp(value * (math.log(high) - math.log(low)) + math.log(low))


def _pixels(
    images: torch.Tensor, index: torch.Tensor, place: _Places, u0: torch.Tensor, v0: torch.Tensor,
    width: torch.Tensor, height: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    count, side = index.shape[0], images.shape[1]
    source = images[index.reshape(-1)].view(count, 4 * side, side, 3).permute(0, 3, 1, 2)
    steps = torch.arange(side, device=images.device, dtype=torch.float32) + 0.5
    across, down = steps[None, None, :], steps[None, :, None]
    quarter = (across >= place.centre[:, 0, None, None]).long() + 2 * (
        down >= place.centre[:, 1, None, None]
    ).long()
    rows = torch.arange(count, device=images.device)[:, None, None]

    def of(values: torch.Tensor) -> torch.Tensor:
        return values[rows, quarter]  # (count, side, side)

    x = (across - of(place.x0)) / of(place.scale_x) + of(u0)
    y = (down - of(place.y0)) / of(place.scale_y) + of(v0)
    wide = of(width)
    inside = (x >= 0) & (x < wide) & (y >= 0) & (y < of(height))
    x = torch.where(of(place.mirrored), wide - x, x).clamp(0.5, side - 0.5)
    y = y.clamp(0.5, side - 0.5) + quarter * side
    grid = torch.stack([x / side * 2 - 1, y / (4 * side) * 2 - 1], -1)
    image = functional.grid_sample(
        source.float(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return image / 255, inside


def _colour(image: torch.Tensor, uniform, how: Augmentation) -> torch.Tensor:
    count = len(image)

    def swing(amount: float) -> torch.Tensor:
        return 1 + (2 * uniform(count, 1, 1, 1) - 1) * amount

    image = image * (1 + (uniform(count, 3, 1, 1) - 0.5) * 0.2)
    grey = image.mean(1, keepdim=True)
    strength = swing(0.86 * how.saturation)
    strength = torch.where(uniform(count, 1, 1, 1) < 0.07, torch.zeros_like(strength), strength)
    image = grey + (image - grey) * strength
    mean = image.mean((1, 2, 3), keepdim=True)
    image = (image - mean) * swing(0.75 * how.brightness) + mean * swing(0.88 * how.brightness)
    image = image.clamp(1e-4, 1) ** torch.exp((uniform(count, 1, 1, 1) - 0.5) * 0.5)
    blurred = functional.avg_pool2d(functional.pad(image, (1, 1, 1, 1), mode="replicate"), 3, 1)
    dice = uniform(count, 1, 1, 1)
    image = torch.where(dice < 0.12, blurred, torch.where(dice > 0.9, 2 * image - blurred, image))
    noisy = (uniform(count, 1, 1, 1) < 0.25).float() * 0.03
    noise = uniform(count, 1, *image.shape[2:]) + uniform(count, 1, *image.shape[2:]) - 1
    return (image + 2.4 * noisy * noise).clamp(0, 1)


def _boxes(
    boxes: torch.Tensor, place: _Places, u0: torch.Tensor, v0: torch.Tensor, width: torch.Tensor, side: int
) -> dict[str, torch.Tensor]:
    def wide(values: torch.Tensor) -> torch.Tensor:
        return values[..., None]

    label, x0, y0, x1, y1 = boxes.unbind(-1)  # each (count, 4, most)
    mirrored = wide(place.mirrored)
    left = torch.where(mirrored, wide(width) - x1, x0)
    right = torch.where(mirrored, wide(width) - x0, x1)

    def across(x: torch.Tensor) -> torch.Tensor:
        return (x - wide(u0)) * wide(place.scale_x) + wide(place.x0)

    def down(y: torch.Tensor) -> torch.Tensor:
        return (y - wide(v0)) * wide(place.scale_y) + wide(place.y0)

    ax, ay, bx, by = across(left), down(y0), across(right), down(y1)
    area = (bx - ax) * (by - ay)
    ax, bx = (torch.minimum(torch.maximum(x, wide(place.x0)), wide(place.x1)) for x in (ax, bx))
    ay, by = (torch.minimum(torch.maximum(y, wide(place.y0)), wide(place.y1)) for y in (ay, by))
    w, h = bx - ax, by - ay
    unit = side / 640
    keep = (
        (label >= 0)
        & (torch.minimum(w, h) > _LEAST_SIDE * unit)
        & (torch.maximum(w, h) > _LEAST_LENGTH * unit)
        & (w * h > _LEAST_SHOWN * area)
    )
    image_number = torch.arange(len(boxes), device=boxes.device)[:, None, None].expand_as(label)
    middle = torch.stack([(ax + bx)[keep] / 2, (ay + by)[keep] / 2, w[keep], h[keep]], 1) / side
    return {"batch_idx": image_number[keep].float(), "cls": label[keep][:, None], "bboxes": middle}
