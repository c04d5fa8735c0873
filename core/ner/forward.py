"""One pass of a network over texts: log-probabilities for every word, however long the text.

Used by validation while training and by prediction, so that both see exactly the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import nn

from core.ner.encode import Encoder, Piecemeal

# Pieces in one batch, padding included: bounds memory whatever the texts are (about 0.1 GB for MiniLM in
# fp32).
BATCH_PIECES = 4096


def autocast(device: str, bf16: bool) -> AbstractContextManager:
    """bf16 autocast on `device`, or nothing."""
    return torch.autocast(device, dtype=torch.bfloat16) if bf16 else nullcontext()


def word_log_probs(
    network: nn.Module,
    encoder: Encoder,
    texts: Sequence[Piecemeal],
    *,
    tags: int,
    window: int,
    overlap: int,
    batch_size: int = 32,
    bf16: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[np.ndarray]:
    """Log-probabilities of the tags for each word of each text.

    A text within one window is read at once. A longer one is read in windows of `window` pieces that share
    `overlap` pieces; a word that stands in two windows is taken from the one where it is farther from the
    edge. A word of which the tokenizer keeps nothing gets a uniform row.

    Args:
        network: Token classification network, in evaluation mode.
        encoder: The tokenizer that made the pieces.
        texts: T texts as pieces.
        tags: C, number of tags.
        window: Pieces of a window with special tokens, at most `encoder.positions`.
        overlap: Pieces that neighbouring windows share.
        batch_size: Most windows in one batch.
        bf16: Compute under bf16 autocast.
        progress: Called with (windows done, windows in all) after each batch.

    Returns:
        T arrays of shape (words of the text, C), float32.
    """
    device = next(network.parameters()).device
    out = [np.full((len(text.words), tags), -np.log(tags), dtype=np.float32) for text in texts]
    margin = [np.full(len(text.words), -1, dtype=np.int64) for text in texts]
    firsts = [np.asarray(text.firsts(), dtype=np.int64) for text in texts]
    word_of = [np.asarray(text.word_of, dtype=np.int64) for text in texts]
    jobs: list[tuple[int, int, int]] = []  # text, first piece, one past the last piece
    for number, text in enumerate(texts):
        if not text.ids:
            continue
        jobs += [(number, begin, end) for begin, end in encoder.windows(text, window, overlap)]
    jobs.sort(
        key=lambda job: job[2] - job[1], reverse=True
    )  # the longest first: what memory is needed, shows at once
    done = 0
    while done < len(jobs):
        longest = jobs[done][2] - jobs[done][1] + encoder.extra
        batch = jobs[done : done + max(1, min(batch_size, BATCH_PIECES // longest))]
        ids = torch.full((len(batch), longest), encoder.pad_id, dtype=torch.long)
        mask = torch.zeros((len(batch), longest), dtype=torch.long)
        for row, (number, begin, end) in enumerate(batch):
            pieces = encoder.wrap(texts[number].ids[begin:end])
            ids[row, : len(pieces)] = torch.tensor(pieces)
            mask[row, : len(pieces)] = 1
        with torch.inference_mode(), autocast(device.type, bf16):
            logits = network(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
        scores = logits.float().log_softmax(-1).cpu().numpy()  # (batch, longest, C)
        for row, (number, begin, end) in enumerate(batch):
            _take(scores[row, len(encoder.prefix) :], begin, end, out[number], margin[number], firsts[number],
                  word_of[number])  # fmt: skip
        done += len(batch)
        if progress is not None:
            progress(done, len(jobs))
    return out


def _take(
    scores: np.ndarray,
    begin: int,
    end: int,
    out: np.ndarray,
    margin: np.ndarray,
    firsts: np.ndarray,
    word_of: np.ndarray,
) -> None:
    """Copy the rows of one window's words into `out` where it sees more context than earlier windows."""
    low, high = np.searchsorted(firsts, (begin, end))
    pieces = firsts[low:high]
    words = word_of[pieces]
    distance = np.minimum(pieces - begin, end - 1 - pieces)
    better = distance > margin[words]
    out[words[better]] = scores[pieces[better] - begin]
    margin[words[better]] = distance[better]
