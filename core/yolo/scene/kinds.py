"""The kinds of scenes and how often each is drawn; views.py places their cameras, compose.py fills them."""

from __future__ import annotations

# Kinds of scenes and their shares. The second group has no pole, arm or underground equipment at all: a
# detector trained without it takes trunks, posts and corners of rotated photos for poles.
POSITIVE_KINDS = {
    "full": 0.205, "top": 0.22, "street": 0.14, "drone": 0.065, "worm": 0.05, "shaft": 0.05, "far": 0.045,
    "underground": 0.055,
}  # fmt: skip
NEGATIVE_KINDS = {
    "plantation": 0.04, "trunk": 0.032, "forest": 0.02, "posts": 0.025, "open": 0.018, "building": 0.014,
    "branches": 0.013, "tower": 0.008,
}  # fmt: skip
KINDS = {**POSITIVE_KINDS, **NEGATIVE_KINDS}
