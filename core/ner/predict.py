"""A loaded NER model and its answers: text in, entities with confidence out.

Thresholds are the caller's; scores are in evaluate.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from core.encoders.bases import DEFAULT_BASE
from core.errors import DatasetError
from core.ner import model as models
from core.ner.decode import entities
from core.ner.encode import Encoder
from core.ner.forward import word_log_probs
from core.ner.model import INFO_FILE, ModelInfo
from core.tasks import TASKS
from core.training.precision import set_threads
from core.workspace import write_bytes_atomic

if TYPE_CHECKING:
    from core.workspace import Workspace

_TEXTS_AT_ONCE = 512  # bounds memory when a file of a million lines is predicted
BASE_SEED = 0
_EXPECTED = 'Expected lines like {"text": "Install pole"}.'


@dataclass
class NerModel:
    """A network ready to predict.

    Args:
        network: In evaluation mode, fp32.
        encoder: Its tokenizer.
        info: Labels, windows, decoding.
        ref: What it was asked for by: a version, an alias or a folder.
        path: Its folder; None for the untrained base model.
    """

    network: nn.Module
    encoder: Encoder
    info: ModelInfo
    ref: str = ""
    path: Path | None = None

    @property
    def trained(self) -> bool:
        """False for a base model, whose head is random (fixed seed): its entities mean nothing."""
        return self.info.kind != "base"

    def log_probs(
        self,
        texts: Sequence[str],
        *,
        batch_size: int = 32,
        bf16: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[tuple[list[tuple[int, int]], np.ndarray]]:
        """Word spans and (words, tags) log-probabilities of each text, shortest batches together."""
        pieces = self.encoder.pieces(texts)
        scores = word_log_probs(
            self.network, self.encoder, pieces, tags=len(self.info.tags), window=self.info.window,
            overlap=self.info.overlap, batch_size=batch_size, bf16=bf16, progress=progress,
        )  # fmt: skip
        return [(piecemeal.words, rows) for piecemeal, rows in zip(pieces, scores, strict=True)]

    def predict(
        self,
        texts: Sequence[str],
        *,
        batch_size: int = 32,
        bf16: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[dict]:
        """Find the entities of each text.

        Args:
            texts: Any texts, of any length, also empty ones.
            batch_size: Most sequences in one pass.
            bf16: Compute in bf16: faster on some machines, and scores may differ in the third digit.
            progress: Called with (texts done, texts in all).

        Returns:
            `[{"text", "entities": [{"start", "end", "label", "confidence"}]}]`, in the order of `texts`;
            offsets count characters of the raw text.
        """
        set_threads(0)
        out: list[dict] = []
        for begin in range(0, len(texts), _TEXTS_AT_ONCE):
            part = list(texts[begin : begin + _TEXTS_AT_ONCE])
            for text, (words, scores) in zip(
                part, self.log_probs(part, batch_size=batch_size, bf16=bf16), strict=True
            ):
                found = entities(text, words, scores, self.info.tags, **self.info.decode)
                out.append({"text": text, "entities": found})
            if progress is not None:
                progress(len(out), len(texts))
        return out


def load_folder(folder: Path, *, ref: str = "") -> NerModel:
    """Load a stored model from its folder, without asking the registry."""
    network, encoder, info = models.load(folder)
    return NerModel(network, encoder, info, ref or str(folder), folder)


def load_base(base: str = DEFAULT_BASE) -> NerModel:
    """The base model as it is before training: its head is random, always with the same seed."""
    network, encoder, info = models.build(base, TASKS["ner"].labels, seed=BASE_SEED)
    return NerModel(network, encoder, info, "base")


def load_model(ref: str, *, ws: Workspace | None = None) -> NerModel:
    """Load a model by name.

    Args:
        ref: A version (`v3`), an alias (`production`, `candidate`, `previous`), `starter`, `base`, or a
            folder that holds a stored model.
        ws: The workspace; the current one without it.

    Raises:
        NotFoundError: If there is no such version.
        IntegrityError: If a file differs from its manifest.
        ModelError: If the model cannot be read.
        BaseModelError: If its base encoder is missing.
    """
    folder = Path(ref).expanduser() if ref else None
    if folder is not None and (folder / INFO_FILE).is_file():
        return load_folder(folder.resolve(), ref=ref)
    from core.registry import store

    version = store.open_version("ner", ref, ws=ws)
    if version.kind == "base":
        return load_base(version.base_model or DEFAULT_BASE)
    return load_folder(version.path, ref=ref)


def predict_path(
    ref: str,
    source: str | Path,
    target: str | Path,
    *,
    ws: Workspace | None = None,
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Predict every text of a file and write one JSON line for each.

    Args:
        ref: Model, see `load_model`.
        source: UTF-8: JSONL with a `text` field (or JSON strings), or plain text, one text a line.
        target: JSONL to write; replaced when all is done.
        ws: The workspace; the current one without it.
        batch_size: Most sequences in one pass.
        progress: Called with (texts done, texts in all).

    Returns:
        Number of texts.

    Raises:
        DatasetError: Naming the line that cannot be read.
    """
    texts = read_texts(Path(source))
    answers = load_model(ref, ws=ws).predict(texts, batch_size=batch_size, progress=progress)
    lines = [json.dumps(answer, ensure_ascii=False) for answer in answers]
    # A lone surrogate cannot be written as UTF-8; JSON's escape can carry it.
    payload = b"".join(
        (line if _encodes(line) else json.dumps(answer)).encode("utf-8") + b"\n"
        for line, answer in zip(lines, answers, strict=True)
    )
    write_bytes_atomic(Path(target), payload)
    return len(answers)


def _encodes(line: str) -> bool:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_texts(path: Path) -> list[str]:
    """Texts of a file: `.jsonl`/`.json` lines with `text` (or strings), any other file one text a line.

    Raises:
        DatasetError: If the file is missing, not UTF-8, or a JSON line has no text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise DatasetError(f"The file {str(path)!r} does not exist.", "Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"The file {str(path)!r} cannot be read: {error}.", "Expected text in UTF-8."
        ) from None
    if lines and not lines[-1].strip():
        lines.pop()
    if path.suffix.lower() not in (".jsonl", ".json", ".ndjson"):
        return [line.rstrip("\r") for line in lines]
    texts = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise DatasetError(
                f"Line {number} of {path.name!r} is not JSON ({error.msg}).", _EXPECTED
            ) from None
        text = value.get("text") if isinstance(value, dict) else value
        if not isinstance(text, str):
            raise DatasetError(f"Line {number} of {path.name!r} has no text: {line[:60]!r}.", _EXPECTED)
        texts.append(text)
    return texts
