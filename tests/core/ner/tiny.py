"""A base encoder of a few kilobytes and a toy language, made on the spot."""

from __future__ import annotations

import random
from pathlib import Path

_TEXT = """
install replace inspect the pole crossarm guy anchor with at least feet inches kv volts per rule table section
unless except employee crew must be near old new and of on by quickly report line work
1 2 3 4 5 6 7 8 9 10 12 18 g o gap . , ( ) : ; -
"""
WORDS = _TEXT.split()


def tiny_base(folder: Path) -> Path:
    """Write a 2-layer BERT (hidden 32) with its own WordPiece vocabulary into `folder`."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)] + [str(d) for d in range(10)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary += list(dict.fromkeys(WORDS + letters + [f"##{x}" for x in letters]))
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
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


def toy_rows(count: int, seed: int = 0) -> list[dict]:
    """Sentences with a rule that a tiny network can learn: nouns, numbers with units, rules, `unless`."""
    chance = random.Random(seed)
    rows = []
    for _ in range(count):
        parts: list[tuple[str, str]] = [(chance.choice(["install", "replace", "inspect"]), ""), ("the", "")]
        nouns = ["pole", "crossarm", "guy", "anchor", "old pole", "crossarm line"]
        parts.append((chance.choice(nouns), "EQUIPMENT"))
        if chance.random() < 0.7:
            number = chance.choice(["1", "2", "3", "4", "5", "10", "12", "18"])
            unit = chance.choice(["feet", "inches", "kv", "volts"])
            parts += [("at least", ""), (f"{number} {unit}", "MEASURE")]
        if chance.random() < 0.6:
            kind = chance.choice(["rule", "table", "section"])
            number = chance.choice(["1", "2", "6", "7", "12"])
            parts += [("per", ""), (f"{kind} {number}", "STANDARD")]
        if chance.random() < 0.4:
            parts.append((chance.choice(["unless", "except"]), "EXEMPTION"))
            parts.append(
                (chance.choice(["the crew must report", "work on the line", "inspect by employee"]), "")
            )
        rows.append(_row(parts))
    return rows


def _row(parts: list[tuple[str, str]]) -> dict:
    text, entities = "", []
    for words, label in parts:
        text += " " if text else ""
        if label:
            entities.append({"start": len(text), "end": len(text) + len(words), "label": label})
        text += words
    return {"text": text, "entities": entities}
