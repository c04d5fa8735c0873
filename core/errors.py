"""The exceptions that a user may meet, and nothing else.

    NexaError                  one sentence for the user, an optional hint on what to do next
    ├── InputError             a value given by the user is not usable (also a ValueError)
    │   ├── DatasetError       a data file or a dataset cannot be used
    │   ├── RecipeError        a recipe field is unknown or out of range
    │   └── GrammarError       a lexicon or pattern file of the generator is broken
    ├── NotFoundError          a run, dataset or model version that does not exist (also a LookupError)
    ├── StateError             the thing exists but is in the wrong state for the request
    │   └── QueueFullError     no more runs may wait
    ├── ModelError             a model cannot be loaded or used
    │   ├── IntegrityError     a file differs from the hash in its manifest
    │   └── BaseModelError     named base weights are not here and cannot be fetched
    └── TrainingError          a training could not go on
        ├── NonFiniteLossError the loss became NaN or infinite
        └── OutOfMemoryError   the machine ran out of memory

Messages say what came, what was expected and what to do next. Pages print them as they stand.
"""

from __future__ import annotations


class NexaError(Exception):
    """Base of every error that is shown to a user.

    Args:
        message: One sentence: what came (quoted) and what was expected.
        hint: What to do next, or an empty string.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(NexaError, ValueError):
    """A value given by the user is not usable."""


class DatasetError(InputError):
    """A data file or a dataset cannot be used."""


class RecipeError(InputError):
    """A recipe field is unknown or out of range."""


class GrammarError(InputError):
    """A lexicon or pattern file of the generator is broken."""


class NotFoundError(NexaError, LookupError):
    """A run, dataset or model version that does not exist."""


class StateError(NexaError):
    """The thing exists but is in the wrong state for the request."""


class QueueFullError(StateError):
    """No more runs may wait for a slot."""


class ModelError(NexaError):
    """A model cannot be loaded or used."""


class IntegrityError(ModelError):
    """A file differs from the hash in its manifest."""


class BaseModelError(ModelError):
    """Named base weights are not here and cannot be fetched."""


class TrainingError(NexaError):
    """A training could not go on."""


class NonFiniteLossError(TrainingError):
    """The loss became NaN or infinite."""


class OutOfMemoryError(TrainingError):
    """The machine ran out of memory."""
