"""One sentence for whatever ends a run."""

from __future__ import annotations

import errno

import pytest

from core.errors import NonFiniteLossError
from core.runs.context import RunCancelled, RunTerminated
from core.runs.explain import explain, is_out_of_memory


class OutOfMemoryError(RuntimeError):
    """Named like torch's."""


class SafetensorError(Exception):
    """Named like safetensors'."""


CASES = [
    (NonFiniteLossError("The loss became nan.", "Lower it."), "The loss became nan.", "Lower it."),
    (MemoryError(), "The machine ran out of memory.", "smaller batch"),
    (OutOfMemoryError("CUDA out of memory. Tried"), "The machine ran out of memory.", "smaller batch"),
    (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "ran out of memory", "batch"),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), "ran out of memory", "batch"),
    (OSError(errno.ENOSPC, "No space", "/x/y"), "The disk is full ('/x/y').", "Free disk space"),
    (
        FileNotFoundError(2, "No such file", "train.jsonl"),
        "A file is missing ('train.jsonl').",
        "Put it back",
    ),
    (PermissionError(13, "Denied", "/x"), "may not be read or written ('/x')", "right"),
    (
        ModuleNotFoundError("No module named 'peft.x'", name="peft.x"),
        "package 'peft' is not installed",
        "pip install",
    ),
    (ImportError("libGL.so.1: cannot open"), "cannot be loaded: libGL.so.1: cannot open.", "pip install"),
    (ConnectionError("no route\nmore"), "The network failed: no route.", "on this machine"),
    (OSError(errno.EIO, "Input/output error"), "refused an operation: Input/output error.", "console log"),
    (KeyboardInterrupt(), "ended the training process", "Resume"),
    (RunTerminated(), "ended the training process", "Resume"),
    (RunCancelled(), "Cancelled on request.", ""),
    (SafetensorError("header too large"), "A model file is damaged: header too large.", "run again"),
    (ValueError("one line.\ntwo lines"), "The training failed with ValueError: one line.", "console log"),
    (ZeroDivisionError(), "The training failed with ZeroDivisionError: no message.", "console log"),
]


@pytest.mark.parametrize(("error", "sentence", "hint"), CASES, ids=[type(c[0]).__name__ for c in CASES])
def test_every_error_is_one_sentence_and_a_hint(error, sentence, hint):
    told, advice = explain(error)
    assert sentence in told
    assert hint in advice
    assert "\n" not in told and told.endswith(".")


def test_long_messages_are_cut():
    assert len(explain(ValueError("x" * 5000))[0]) < 400


def test_memory_is_told_from_other_runtime_errors():
    assert not is_out_of_memory(RuntimeError("shape mismatch"))
    assert not is_out_of_memory(ValueError("out of memory"))
    assert not is_out_of_memory(OSError(errno.ENOSPC, "No space"))
