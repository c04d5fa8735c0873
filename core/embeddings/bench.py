"""Measurements that take too long for a test: search over many passages, encoding, losses compared.

What is measured is what the pages and the command line call.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from core.bench import Benchmark
from core.embeddings.ablation import compare_losses
from core.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from core.embeddings.predict import SimilarityModel

Say = Callable[[str], None]
_QUERIES = (
    "service drop too low over the driveway", "guy not guarded at the sidewalk",
    "crossarm split at the through bolt", "communication cable closer than 40 inches to the neutral",
    "underground conduit without marking tape", "pole tag missing", "climbing space blocked by a bracket",
    "riser not bonded",
)  # fmt: skip


def benchmarks() -> dict[str, Benchmark]:
    """The similarity benchmarks by name."""
    return {
        "search": Benchmark(
            "Milliseconds of a search: encoding the text, nearest passages, re-scoring by the pair head "
            "(options: model, passages, rounds).",
            search_time,
        ),
        "encode": Benchmark("Short texts encoded in a second (options: model, texts, rounds).", encode_speed),
        "losses": Benchmark(
            "Losses and parts of the training compared: one small training for each, minutes apiece, goes on "
            "after an interruption (options: count, epochs, seed, data, rows, precision, base, output).",
            compare_losses,
        ),
    }


def search_time(say: Say, model: str = "", passages: Any = 10_000, rounds: Any = 5) -> dict[str, Any]:
    """Time of a search over a library, in milliseconds (medians over queries and rounds).

    Args:
        say: Prints a line of progress.
        model: Model, see `predict.load_model`; production, the starter or the base model without it.
        passages: Number of passages; the shipped ones, repeated. Vectors are drawn at random.
        rounds: How often each query is asked.
    """
    from core.embeddings.chunks import shipped_chunks
    from core.embeddings.index import Index
    from core.embeddings.library import model_key

    count, turns = _number("passages", passages, 20), _number("rounds", rounds, 1)
    loaded = _model(model)
    shipped = shipped_chunks()
    vectors = np.random.default_rng(0).normal(size=(count, loaded.width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = Index([shipped[n % len(shipped)] for n in range(count)], vectors, model_key(loaded))
    say(f"{count:,} passages, {loaded.ref}, {turns} rounds of {len(_QUERIES)} queries.")
    times: dict[str, list[float]] = {"encode": [], "nearest": [], "search": []}
    for turn in range(turns + 1):
        for query in _QUERIES:
            begin = time.perf_counter()
            vector = loaded.encode([query])[0]
            encoded = time.perf_counter()
            index.nearest(vector, 20)
            found = time.perf_counter()
            loaded.search(query, index, k=5)
            end = time.perf_counter()
            if turn:  # the first round warms up
                for name, value in zip(times, (encoded - begin, found - encoded, end - found), strict=True):
                    times[name].append(1000 * value)
    middle = {name: float(np.median(values)) for name, values in times.items()}
    return {
        "model": loaded.ref,
        "passages": count,
        "encode_ms": round(middle["encode"], 2),
        "nearest_ms": round(middle["nearest"], 2),
        "nearest_worst_ms": round(max(times["nearest"]), 2),
        "after_encoding_ms": round(middle["search"] - middle["encode"], 2),
        "search_ms": round(middle["search"], 2),
    }


def encode_speed(say: Say, model: str = "", texts: Any = 2000, rounds: Any = 3) -> dict[str, Any]:
    """Short texts encoded in a second: the best of some rounds, as other work on the machine only slows.

    Args:
        say: Prints a line of progress.
        model: As for `search_time`.
        texts: How many different generated texts.
        rounds: How often all are encoded.
    """
    import torch

    from core.embeddings.generate import build_settings, generate

    count, turns = _number("texts", texts, 10), _number("rounds", rounds, 1)
    loaded = _model(model)
    made = generate(build_settings({"count": max(300, count), "seed": 1}))
    rows = [row for split in ("train", "val", "test") for row in made[split]]
    found = list(dict.fromkeys(text for row in rows for text in (row["a"], row["b"])))[:count]
    words = float(np.mean([len(text.split()) for text in found]))
    say(f"{len(found):,} texts of {words:.0f} words on average, {loaded.ref}.")
    loaded.encode(found[:64])
    best = 0.0
    for _ in range(turns):
        begin = time.perf_counter()
        loaded.encode(found)
        best = max(best, len(found) / (time.perf_counter() - begin))
    return {
        "model": loaded.ref,
        "texts": len(found),
        "words_a_text": round(words, 1),
        "threads": torch.get_num_threads(),
        "texts_a_second": round(best, 1),
    }


def _model(ref: str) -> SimilarityModel:
    from core.embeddings.predict import load_model

    for name in (ref,) if ref else ("production", "starter"):
        try:
            return load_model(name)
        except NotFoundError:
            if ref:
                raise
    return load_model("base")


def _number(name: str, text: Any, low: int) -> int:
    if not str(text).isdigit() or int(text) < low:
        raise InputError(f"{name} is {text!r}: expected a whole number of at least {low}.")
    return int(text)
