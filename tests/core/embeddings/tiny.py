"""A base encoder of a few kilobytes for the similarity tests, made on the spot, and toy pairs."""

from __future__ import annotations

import random
from pathlib import Path

_TEXT = """
install replace the pole crossarm guy anchor at least feet inches shall be must need not required on line keep
1 2 3 4 5 6 7 8 9 10 12 18 20 . ,
"""


def tiny_base(folder: Path) -> Path:
    """Write a 2-layer BERT (hidden 32) with its own WordPiece vocabulary into `folder`."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)] + [str(d) for d in range(10)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary += list(dict.fromkeys(_TEXT.split() + letters + [f"##{x}" for x in letters]))
    tokenizer = BertTokenizerFast(vocab={word: i for i, word in enumerate(vocabulary)}, do_lower_case=True)
    tokenizer.model_max_length = 64
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        config = BertConfig(
            vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=64,
        )  # fmt: skip
        BertModel(config, add_pooling_layer=False).save_pretrained(folder, safe_serialization=True)
    return folder


def toy_pairs(count: int, seed: int = 0) -> list[dict]:
    """Pairs whose grade follows from number, thing and `not`."""
    chance = random.Random(seed)
    rows = []
    for n in range(count):
        thing, feet = chance.choice(["pole", "guy", "anchor"]), chance.choice([3, 5, 10, 18])
        kind = ("paraphrase", "number", "object", "polarity")[n % 4]
        other, much, must = thing, feet, "must be"
        if kind == "number":
            much = chance.choice([2, 6, 12, 20])
        if kind == "object":
            other = chance.choice([x for x in ("pole", "guy", "anchor", "crossarm") if x != thing])
        if kind == "polarity":
            must = "need not be"
        score = {"paraphrase": 0.96, "number": 0.45, "object": 0.44, "polarity": 0.3}[kind]
        a = f"the {thing} shall be at least {feet} feet on the line"
        b = f"keep: on line the {other} {must} {much} ft."
        rows.append({"a": a, "b": b, "score": score, "kind": kind})
    return rows


def store_version(base: Path, *, seed: int = 1, dataset: str = ""):
    """Register a version of the tiny base whose weights were moved at random, without a training."""
    import torch

    from core.embeddings import model as models
    from core.embeddings.recipe import build_recipe
    from core.registry.store import register_run
    from core.workspace import Workspace, write_json_atomic

    network, _, info = models.build(str(base), head_layers=1, seed=seed)
    models.prepare(network, build_recipe("fast", {"freeze_layers": 0}))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for parameter in models.trainable(network).values():
            parameter.add_(0.05 * torch.randn_like(parameter))
    run_dir = Workspace.current().run(f"run-{seed}")
    models.store(network, run_dir / "model", info)
    report = {
        "kind": info.kind, "base_model": {"name": info.base_model, "sha256": info.base_sha256},
        "test": {"spearman": 0.5, "pearson": 0.5},
    }  # fmt: skip
    write_json_atomic(run_dir / "report.json", report)
    write_json_atomic(run_dir / "spec.json", {"task": "embeddings", "dataset": dataset, "seed": seed})
    return register_run(run_dir)
