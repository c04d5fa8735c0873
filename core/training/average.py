"""The average of two networks' weights ("model soup", Wortsman et al. 2022, arXiv 2203.05482)."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from core.errors import InputError, ModelError


def check_share(share: float) -> None:
    """Refuse a share of the second network that leaves one of the two out.

    Raises:
        InputError: If it is not above 0 and below 1.
    """
    if not 0 < share < 1:
        raise InputError(f"The share is {share:g}; expected a number above 0 and below 1.", "Try 0.5.")


def check_different(first: str, second: str, *hashes: str) -> None:
    """Refuse an average of a network with itself.

    Args:
        first: Name of one version.
        second: Name of the other.
        *hashes: Of their weights.

    Raises:
        InputError: If the hashes are equal.
    """
    if len(set(hashes)) < len(hashes):
        raise InputError(f"{first!r} and {second!r} are the same weights.", "Choose two different versions.")


def mixed(
    one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor], share: float
) -> dict[str, torch.Tensor]:
    """`(1 - share) * one + share * other` in fp32, tensor by tensor; of counters the larger.

    Args:
        one: State dict.
        other: State dict of the same names and shapes.
        share: Of `other`, 0 to 1.

    Raises:
        ModelError: If names or shapes differ.
    """
    differing = next(
        (name for name in {**one, **other}
         if name not in one or name not in other or one[name].shape != other[name].shape), None
    )  # fmt: skip
    if differing is not None:
        raise ModelError(
            f"The two networks differ in {differing!r}; only equal networks can be averaged.",
            "Choose two versions of the same architecture and classes.",
        )
    return {
        name: value.float().lerp(other[name].float(), share)
        if value.is_floating_point()
        else torch.maximum(value, other[name])
        for name, value in one.items()
    }
