"""NER datasets from start to end: generated or imported rows become a checked, frozen dataset version.

Sentences are made in generate.py; storage, importers and checks are those of core/datasets.
"""

from __future__ import annotations

from core.datasets.spans import from_bio, to_bio, tokens
from core.tasks import TASKS

__all__ = ["LABELS", "from_bio", "to_bio", "tokens"]

LABELS: tuple[str, ...] = TASKS["ner"].labels
