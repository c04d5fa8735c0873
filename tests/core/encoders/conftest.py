"""A tiny base encoder for the tests of core/encoders."""

from tests.core.ner.conftest import tiny

__all__ = ["tiny"]
