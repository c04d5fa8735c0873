"""What may be set for a detector training, the presets, and what the form asks before a start.

The estimate and the checks themselves are in preflight.py; starting weights in bases.py.
"""

from __future__ import annotations

from typing import Any, Literal

from core.recipe import BaseRecipe, Preset, build_from_preset, setting
from core.yolo.bases import DEFAULT_BASE, list_bases

__all__ = ["DEFAULT_BASE", "DEFAULT_PRESET", "PRESETS", "YoloRecipe", "build_recipe", "list_bases"]


class YoloRecipe(BaseRecipe):
    """Settings of a detector training (YOLOv8 with the ultralytics trainer)."""

    epochs: int = setting(
        30, "Epochs", "How often the training reads its images.", group="Schedule", ge=1, le=1000
    )
    images_per_epoch: int = setting(
        0, "Images per epoch",
        "Images read in one epoch, drawn at random; 0 reads every training image once. Shorter epochs show "
        "progress "
        "sooner.",
        group="Schedule", unit="images", ge=0, le=1_000_000,
    )  # fmt: skip
    batch_size: int = setting(
        16,
        "Batch size",
        "Images that are read at once; more needs more memory.",
        group="Schedule",
        ge=1,
        le=1024,
    )
    learning_rate: float = setting(
        2e-3, "Learning rate", "Size of one update. Too small learns nothing, too large diverges.",
        group="Schedule", gt=0, le=1,
    )  # fmt: skip
    fresh_learning_rate: float = setting(
        0.0, "Learning rate from random weights",
        "Learning rate when the training begins from random weights, which bear larger steps than trained "
        "ones; 0 takes the learning rate above.",
        group="Schedule", advanced=True, ge=0, le=1,
    )  # fmt: skip
    decay: Literal["linear", "cosine", "constant"] = setting(
        "cosine", "Decay", "How the learning rate falls after the warm-up.", group="Schedule", advanced=True
    )
    weight_decay: float = setting(
        0.02, "Weight decay", "Pull of all weights towards zero, against overfitting (sgd: about 0.0005).",
        group="Schedule", advanced=True, ge=0, le=1,
    )  # fmt: skip
    optimizer: Literal["adamw", "sgd"] = setting(
        "adamw", "Optimiser",
        "adamw learns faster from few images; sgd is the classic choice for long trainings.",
        group="Schedule", advanced=True,
    )  # fmt: skip
    average: float = setting(
        0.9997, "Weight averaging",
        "Memory of the running average of the weights that is validated and stored; higher is smoother and "
        "slower.",
        group="Schedule", advanced=True, ge=0.9, lt=1,
    )  # fmt: skip
    patience: int = setting(
        10, "Patience", "Epochs without a better validation score before the training may stop.",
        group="Stopping", unit="epochs", ge=1, le=500,
    )  # fmt: skip
    target: float = setting(
        0.60, "Target", "mAP50-95 on validation data at which the goal counts as reached.",
        group="Stopping", gt=0, le=1,
    )  # fmt: skip
    architecture: Literal["yolov8p", "yolov8n", "yolov8s", "yolov8m", "yolov8l", "yolov8x"] = setting(
        "yolov8n", "Network",
        "n, s, m, l, x grow in size and time (m: about nine times the work of n); p is half as wide as n.",
        group="Model",
    )  # fmt: skip
    image_size: int = setting(
        640, "Image size",
        "Long side to which images are scaled. Thin arms need 512 to 640; small images train faster.",
        group="Model", unit="pixels", ge=32, le=1536,
    )  # fmt: skip
    fresh_size: int = setting(
        0, "Image size from random weights",
        "Image size when the training begins from random weights; small images are read faster, and a "
        "network that knows nothing needs many. 0 = the image size above.",
        group="Model", unit="pixels", advanced=True, ge=0, le=1536,
    )  # fmt: skip
    first_size: int = setting(
        0, "Image size at first",
        "When the training begins from random weights, its images start this small and grow to the image "
        "size: many small images teach more at first than few large ones. 0 = full size throughout.",
        group="Model", unit="pixels", advanced=True, ge=0, le=1536,
    )  # fmt: skip
    grow_until: float = setting(
        0.75, "Full size after", "Share of the training after which images have their full size.",
        group="Model", unit="share", advanced=True, ge=0, le=1,
    )  # fmt: skip
    trust_pickle: bool = setting(
        False, "Starting weights are trusted",
        "Only for starting weights in a .pt file. Such a file is a pickle, which can carry programs: say "
        "yes only if "
        "you know who made it. Even then it is read through an allow-list and nothing in it is run.",
        group="Model", advanced=True,
    )  # fmt: skip
    pole_weight: float = setting(
        1.0,
        "Weight of poles",
        "How much a mistake on a pole's class counts in the loss.",
        group="Loss",
        gt=0,
        le=20,
    )
    crossarm_weight: float = setting(
        2.0, "Weight of crossarms",
        "How much a mistake on a crossarm's class counts. 3 gains a little on arms and costs pole recall.",
        group="Loss", gt=0, le=20,
    )  # fmt: skip
    underground_weight: float = setting(
        1.0, "Weight of underground equipment", "How much a mistake on underground equipment's class counts.",
        group="Loss", gt=0, le=20,
    )  # fmt: skip
    focal_gamma: float = setting(
        0.0, "Focal gamma",
        "Above 0, easy examples count less in the class loss (2 is usual). From scratch it lowered "
        "precision in every "
        "comparison made; 0 = off.",
        group="Loss", ge=0, le=5,
    )  # fmt: skip
    focal_gain: float = setting(
        0.0, "Focal gain",
        "The class loss is multiplied by this while focal gamma is on; 0 takes 1 + gamma, which keeps its "
        "mean size.",
        group="Loss", advanced=True, ge=0, le=50,
    )  # fmt: skip
    box_gain: float = setting(
        7.5, "Box gain", "Weight of the box position in the loss.", group="Loss", advanced=True, ge=0, le=50
    )
    class_gain: float = setting(
        0.5, "Class gain", "Weight of the class in the loss.", group="Loss", advanced=True, ge=0, le=50
    )
    edge_gain: float = setting(
        1.5, "Edge gain", "Weight of the sharpness of box edges (DFL) in the loss.",
        group="Loss", advanced=True, ge=0, le=50,
    )  # fmt: skip
    recall_share: float = setting(
        0.2, "Crossarm recall in the choice of the best",
        "The best weights are those with the highest (1 - share) x mAP50-95 + share x crossarm recall.",
        group="Stopping", unit="share", ge=0, le=1,
    )  # fmt: skip
    confidence: float = setting(
        0.25, "Confidence in force",
        "Recall and precision are reported for boxes at or above this confidence.",
        group="Stopping", ge=0.01, le=0.95,
    )  # fmt: skip
    calibrate: Literal["never", "fresh", "always"] = setting(
        "fresh", "Calibrate at the end",
        "Move each class's confidences so that the confidence in force balances misses and false boxes on "
        "validation images. fresh: after a training from random weights, whose confidences are low.",
        group="Stopping", advanced=True,
    )  # fmt: skip
    least_box: float = setting(
        0.0, "Smallest object",
        "Objects whose long side is shorter than this, at the size that the network sees, are not taught: of "
        "those no shape is left. 0 teaches all.",
        group="Data", unit="pixels", advanced=True, ge=0, le=100,
    )  # fmt: skip
    mosaic: float = setting(
        1.0, "Mosaic", "Share of training images that are put together from four.", group="Augmentation",
        unit="share", ge=0, le=1,
    )  # fmt: skip
    close_mosaic: float = setting(
        0.1, "Last epochs without mosaic", "Share of the epochs at the end that see whole images only.",
        group="Augmentation", unit="share", advanced=True, ge=0, le=1,
    )  # fmt: skip
    scale: float = setting(
        0.5, "Scaling", "Images are scaled by up to this share, up or down.", group="Augmentation",
        unit="share", ge=0, le=0.9,
    )  # fmt: skip
    copy_paste: float = setting(
        0.0, "Copy and paste",
        "Share of images into which mirrored copies of their own objects are pasted. Needs outlines, which "
        "generated "
        "scenes have.",
        group="Augmentation", unit="share", ge=0, le=1,
    )  # fmt: skip
    mixup: float = setting(
        0.0, "Mixing", "Share of images that are blended with another one.", group="Augmentation",
        unit="share", advanced=True, ge=0, le=1,
    )  # fmt: skip
    degrees: float = setting(
        0.0, "Rotation", "Images are turned by up to this angle.", group="Augmentation", unit="degrees",
        advanced=True, ge=0, le=45,
    )  # fmt: skip
    translate: float = setting(
        0.1, "Shift", "Images are shifted by up to this share of their size.", group="Augmentation",
        unit="share", advanced=True, ge=0, le=0.9,
    )  # fmt: skip
    mirror: float = setting(
        0.5, "Mirroring", "Share of images that are mirrored left to right.", group="Augmentation",
        unit="share", advanced=True, ge=0, le=1,
    )  # fmt: skip
    hue: float = setting(
        0.015,
        "Hue",
        "Colours are turned by up to this share.",
        group="Augmentation",
        advanced=True,
        ge=0,
        le=0.5,
    )
    saturation: float = setting(
        0.7, "Saturation", "Colours are made stronger or paler by up to this share.", group="Augmentation",
        advanced=True, ge=0, le=1,
    )  # fmt: skip
    brightness: float = setting(
        0.4, "Brightness", "Images are made lighter or darker by up to this share.", group="Augmentation",
        advanced=True, ge=0, le=1,
    )  # fmt: skip
    real_share: float = setting(
        0.0, "Share of real photos",
        "In a mixed dataset, how often a real photo is read instead of a generated one; 0 reads them as "
        "they come.",
        group="Data", unit="share", ge=0, le=0.95,
    )  # fmt: skip
    fresh_scenes: bool = setting(
        False, "Render while training",
        "The cores that are free render new scenes into a growing pool while a graphics card trains on it; "
        "without a "
        "card it has no effect.",
        group="Data",
    )  # fmt: skip
    pool_images: int = setting(
        24000, "Pool size", "Most images that the pool on the graphics card holds; the oldest are replaced.",
        group="Data", unit="images", advanced=True, ge=2, le=200_000,
    )  # fmt: skip
    renderers: int = setting(
        0, "Renderers", "Processes that render while training; 0 takes all cores but one.", group="Machine",
        advanced=True, ge=0, le=256,
    )  # fmt: skip
    minutes: float = setting(
        0.0, "Time limit",
        "Minutes after which the training ends in any case, with its schedule fitted to it; 0 = no limit.",
        group="Schedule", unit="minutes", ge=0, le=100_000,
    )  # fmt: skip
    validation_images: int = setting(
        0, "Validation images", "Images that are scored after each epoch, from all over the split; 0 = all.",
        group="Schedule", unit="images", advanced=True, ge=0, le=1_000_000,
    )  # fmt: skip
    cache: Literal["auto", "memory", "off"] = setting(
        "auto", "Keep images in memory", "Read each image from disk once; auto does so when they fit well.",
        group="Machine", advanced=True,
    )  # fmt: skip
    sheet_every: int = setting(
        3, "Picture sheet every",
        "Epochs between two sheets of validation photos with predictions; 0 = none.",
        group="Machine", unit="epochs", advanced=True, ge=0, le=100,
    )  # fmt: skip

    @property
    def class_weights(self) -> tuple[float, float, float]:
        """Weights in the order pole, crossarm, underground."""
        return self.pole_weight, self.crossarm_weight, self.underground_weight

    def rate(self, fresh: bool) -> float:
        """Learning rate of a training that begins from random weights (`fresh`) or from trained ones."""
        return (fresh and self.fresh_learning_rate) or self.learning_rate

    def begun(self, fresh: bool) -> YoloRecipe:
        """The recipe with the image size of a training from random weights (`fresh`) or from trained ones.

        Images are never made larger than asked for.
        """
        if not fresh or not 0 < self.fresh_size < self.image_size:
            return self
        return self.model_copy(update={"image_size": self.fresh_size})

    @property
    def class_gain_in_force(self) -> float:
        """The class gain, multiplied by the focal gain while focal loss is on."""
        if self.focal_gamma == 0:
            return self.class_gain
        return self.class_gain * (self.focal_gain or 1 + self.focal_gamma)


DEFAULT_PRESET = "fast"
BEGINS_WITH_VERSIONS = True  # a base model may be a version, see bases.py
PRESETS: dict[str, Preset] = {
    "fast": Preset(
        title="Fast (CPU)",
        help="yolov8n from the starter at 512 pixels, or from random weights at 320; sized for two cores and "
        "half an hour.",
        values={
            "image_size": 512,
            "epochs": 40,
            "images_per_epoch": 2000,
            "validation_images": 200,
            "batch_size": 16,
            "learning_rate": 1e-3,
            "fresh_learning_rate": 2e-3,
            "fresh_size": 320,
            "first_size": 192,
            "grow_until": 0.6,
            "least_box": 10.0,
            "average": 0.995,
            "mosaic": 0.25,
            "minutes": 30.0,
        },
        base_model=DEFAULT_BASE,
    ),
    "seed": Preset(
        title="Original plan (yolov8m)",
        help="The plan as first written: yolov8m, 100 epochs, patience 30, class weights 1.0, 3.0 and 1.5, "
        "focal gamma 2.0, mosaic, scaling 0.7, copy and paste 0.3. Wants a graphics card: on two cores "
        "one epoch takes hours.",
        values={
            "architecture": "yolov8m",
            "epochs": 100,
            "patience": 30,
            "pole_weight": 1.0,
            "crossarm_weight": 3.0,
            "underground_weight": 1.5,
            "focal_gamma": 2.0,
            "mosaic": 1.0,
            "scale": 0.7,
            "copy_paste": 0.3,
        },
        base_model="coco",
    ),
    "gpu": Preset(
        title="Graphics card",
        help="yolov8n from scratch on one card, with scenes rendered on the free cores while it trains and "
        "all augmentation on the card; 25 minutes on a large card.",
        values={
            "epochs": 60,
            "images_per_epoch": 16000,
            "batch_size": 128,
            "learning_rate": 2e-3,
            "minutes": 25.0,
            "mosaic": 0.65,
            "close_mosaic": 0.12,
            "fresh_scenes": True,
            "patience": 60,
            "sheet_every": 5,
        },
        base_model="scratch",
    ),
}


def build_recipe(preset: str = DEFAULT_PRESET, overrides: dict[str, Any] | None = None) -> YoloRecipe:
    """The recipe of a preset with changed fields.

    Raises:
        RecipeError: If the preset or a field is unknown, or a value is out of range.
    """
    return build_from_preset(YoloRecipe, PRESETS, preset, overrides)


def estimate_seconds(
    recipe: YoloRecipe, rows: int, cores: int | None = None, base: str = DEFAULT_BASE
) -> float:
    """Expected training time on this machine in seconds; see `preflight.estimate_seconds`."""
    from core.yolo import preflight

    return preflight.estimate_seconds(recipe, rows, cores, base)


def check(recipe: YoloRecipe, dataset: Any, base: str = "", *, ws: Any = None) -> list:
    """What stands in the way of a start; see `preflight.check`."""
    from core.yolo import preflight

    return preflight.check(recipe, dataset, base, ws=ws)
