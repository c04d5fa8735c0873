"""The tiny similarity encoder for the command line's tests."""

from tests.core.embeddings.conftest import tiny_encoder

__all__ = ["tiny_encoder"]
