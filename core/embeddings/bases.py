"""What a similarity training may begin with: a base encoder, or a version that was trained from one.

No torch and no network; the encoders themselves are core/encoders/bases.py.
"""

from __future__ import annotations

from dataclasses import replace

from core import workspace as places
from core.encoders import bases as encoders
from core.encoders.bases import DEFAULT_BASE, BaseChoice
from core.errors import BaseModelError, NexaError
from core.registry.aliases import NAMES as MOVING
from core.registry.manifest import Version
from core.registry.versions import VERSION_NAME, get_version
from core.workspace import Workspace, read_json

STARTER = "starter"
INFO_FILE = "nexa_similarity.json"  # what a stored model says of itself


def is_version(name: str) -> bool:
    """Whether `name` is that of a trained version (`v3`, `starter`, `production`), not of an encoder."""
    name = name.strip()
    return name == STARTER or name in MOVING or bool(VERSION_NAME.fullmatch(name))


def is_hub_name(name: str) -> bool:
    """True when `name`, or the encoder that it rests on, can only be a model name on the hub."""
    try:
        return encoders.is_hub_name(encoder_of(name))
    except BaseModelError:
        return False


def list_bases() -> list[BaseChoice]:
    """The named encoders and the starter, with whether they can be used here and now."""
    found = encoders.list_bases()
    here = (places.STARTER_DIR / "embeddings" / "manifest.json").is_file()
    packaged = next(choice for choice in found if choice.name == DEFAULT_BASE)
    return [
        *found,
        replace(
            packaged,
            name=STARTER,
            title="Starter",
            help="The model that ships: goes on from what it knows. A version (v3) may be typed in, too.",
            available=here and packaged.available,
            reason=packaged.reason if here else "The starter is not part of this installation.",
        ),
    ]


def encoder_of(name: str, *, ws: Workspace | None = None) -> str:
    """The base encoder that a training from `name` rests on.

    Raises:
        BaseModelError: As `trained`.
    """
    version = trained(name, ws=ws)
    return version.base_model if version else name.strip() or DEFAULT_BASE


def trained(name: str, *, ws: Workspace | None = None) -> Version | None:
    """The version that `name` stands for, or None where it is an encoder.

    Raises:
        BaseModelError: If there is no such version, its manifest is damaged, or the name is one that moves
            from version to version: a resumed training would go on from another one.
    """
    if not is_version(name):
        return None
    if name.strip() in MOVING:
        raise BaseModelError(
            f"The training cannot begin with {name.strip()!r}, which may point elsewhere when it is resumed.",
            "Name the version itself, for example v3.",
        )
    try:
        return get_version("embeddings", name.strip(), ws=ws)
    except NexaError as error:
        raise BaseModelError(
            f"The training cannot begin with {name.strip()!r}: {error.message}",
            f"Choose {DEFAULT_BASE!r} or a version from the list of models.",
        ) from error


def head_layers(version: Version) -> int | None:
    """Joint layers of a version's pair head; None where its files do not say."""
    try:
        layers = read_json(version.path / INFO_FILE)["head"]["layers"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # loading it says what is wrong
    return layers if isinstance(layers, int) else None


def told_topics(version: Version) -> list[str] | None:
    """Topics that a version says it learnt from; None where its files do not say."""
    try:
        topics = read_json(version.path / INFO_FILE)["topics"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return [str(topic) for topic in topics] if isinstance(topics, list) else None
