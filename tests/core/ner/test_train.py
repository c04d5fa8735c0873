"""Training: learns, resumes exactly, is stored and reloaded without a difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from core.errors import BaseModelError, DatasetError, IntegrityError, ModelError, NonFiniteLossError
from core.ner import model as models
from core.ner.batches import EpochBatches, TrainingExamples, collate, encode_rows, tag_weights
from core.ner.evaluate import evaluate
from core.ner.fit import Fitted, fit
from core.ner.predict import load_folder
from core.ner.recipe import NerRecipe, build_recipe
from core.ner.train import LABELS, store_fitted, train_local
from core.ner.trainer import NerTrainer, token_loss
from core.training.stored import DELTA_FILE
from tests.core.ner.tiny import toy_rows

BASICS = {"epochs": 2, "learning_rate": 5e-3, "lora_learning_rate": 1e-2, "precision": "fp32", "threads": 1,
          "freeze_embeddings": False, "token_masking": 0.05, "consistency": 0, "batch_size": 16,
          "gradient_accumulation": 1}  # fmt: skip


def recipe(**changes: Any) -> NerRecipe:
    return build_recipe("fast", {**BASICS, **changes})


def run(tiny: Path, folder: Path, settings: NerRecipe, *, rows: int = 96, **options: Any) -> Fitted:
    return fit(toy_rows(rows), toy_rows(24, 1), settings, str(tiny), folder, labels=LABELS, **options)


def weights(fitted: Fitted) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in models.trainable(fitted.network).items()}


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.allclose(value, other[name], rtol=0, atol=1e-6), name


class KillAt(TrainerCallback):
    """Ends the training abruptly after a step, as a kill would: nothing more is written."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args, state, control, **_: Any) -> None:
        if state.global_step >= self.step:
            raise KeyboardInterrupt


class Count(TrainerCallback):
    """Counts the updates that a call makes."""

    count = 0

    def on_step_end(self, args, state, control, **_: Any) -> None:
        self.count += 1


def newest(folder: Path) -> Path:
    return max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))


def test_learns_the_toy_rule_and_reports_it(tiny: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    model = train_local(
        toy_rows(400), toy_rows(80, 1), recipe(epochs=4), str(tiny), tmp_path / "m", tell=lines.append
    )
    result = evaluate(model, toy_rows(120, 2))
    assert result["f1"] > 0.9
    assert len(lines) == 4 and "f1=" in lines[0]
    assert not (tmp_path / "m.work").exists()


@pytest.mark.parametrize(
    "changes", [{}, {"method": "lora"}, {"ema": 0.9, "layer_decay": 0.9, "gradient_accumulation": 2}]
)
@pytest.mark.parametrize("kill_at", [6, 9])
def test_resume_is_exact(tiny: Path, tmp_path: Path, changes: dict, kill_at: int) -> None:
    """96 rows in batches of 16: 6 (or 3) updates an epoch.

    Killed at an epoch's end and in the middle of one.
    """
    if "gradient_accumulation" in changes:
        kill_at //= 2
    settings = recipe(select_by="last", checkpoint_minutes=1e-9, **changes)
    straight = run(tiny, tmp_path / "straight", settings)
    with pytest.raises(KeyboardInterrupt):
        run(tiny, tmp_path / "killed", settings, callbacks=[KillAt(kill_at)])
    point = newest(tmp_path / "killed")
    assert point.name == f"checkpoint-{kill_at}"
    steps = Count()
    resumed = run(tiny, tmp_path / "killed", settings, resume_from=point, callbacks=[steps])
    assert steps.count == straight.steps - kill_at
    assert resumed.steps == straight.steps
    assert_same(weights(straight), weights(resumed))
    assert resumed.metrics == pytest.approx(straight.metrics)


def test_resume_of_a_finished_training_keeps_its_best_weights(tiny: Path, tmp_path: Path) -> None:
    first = run(tiny, tmp_path, recipe())
    again = run(tiny, tmp_path, recipe(), resume_from=newest(tmp_path))
    assert again.steps == first.steps and again.metrics == first.metrics
    assert_same(weights(first), weights(again))


def logits(network: torch.nn.Module) -> torch.Tensor:
    ids = torch.arange(5, 45).view(2, 20)
    with torch.inference_mode():
        return network(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


@pytest.mark.parametrize(
    "changes",
    [{}, {"freeze_embeddings": True}, {"method": "lora"}, {"method": "lora", "lora_targets": "attention"}],
)
def test_saved_and_reloaded_gives_the_same_logits(tiny: Path, tmp_path: Path, changes: dict) -> None:
    fitted = run(tiny, tmp_path / "work", recipe(epochs=1, store_dtype="fp32", **changes))
    expected = logits(fitted.network)
    store_fitted(fitted, recipe(store_dtype="fp32"), tmp_path / "model")
    loaded = load_folder(tmp_path / "model")
    assert torch.allclose(logits(loaded.network), expected, atol=1e-5)
    untrained, _, _ = models.build(str(tiny), LABELS)
    assert not torch.allclose(logits(untrained), expected, atol=1e-2)
    assert {file.suffix for file in (tmp_path / "model").iterdir()} <= {".json", ".safetensors"}


def test_half_precision_stores_the_change_closely_and_small(tiny: Path, tmp_path: Path) -> None:
    fitted = run(tiny, tmp_path / "work", recipe(epochs=1, freeze_embeddings=True))
    store_fitted(fitted, recipe(store_dtype="fp16"), tmp_path / "half")
    store_fitted(fitted, recipe(store_dtype="fp32"), tmp_path / "single")
    store_fitted(fitted, recipe(store_dtype="int8"), tmp_path / "eighth")
    half, single, eighth = (load_folder(tmp_path / name) for name in ("half", "single", "eighth"))
    assert torch.allclose(logits(half.network), logits(single.network), atol=5e-3)
    assert torch.allclose(logits(eighth.network), logits(single.network), atol=2e-2)
    # Loading twice gives the same bits: what was scored is what is used.
    assert torch.equal(logits(half.network), logits(load_folder(tmp_path / "half").network))
    sizes = [(tmp_path / name / DELTA_FILE).stat().st_size for name in ("eighth", "half", "single")]
    assert sizes[0] < sizes[1] < 0.7 * sizes[2]


def test_frozen_word_table_is_untouched_and_not_stored(tiny: Path, tmp_path: Path) -> None:
    from safetensors import safe_open

    fitted = run(tiny, tmp_path / "work", recipe(epochs=1, freeze_embeddings=True))
    before, _, _ = models.build(str(tiny), LABELS)
    assert torch.equal(fitted.network.get_input_embeddings().weight, before.get_input_embeddings().weight)
    store_fitted(fitted, recipe(), tmp_path / "model")
    with safe_open(tmp_path / "model" / DELTA_FILE, framework="pt") as stored:
        assert not [name for name in stored.keys() if "embeddings" in name]  # noqa: SIM118


def test_changed_base_is_noticed(tiny: Path, tmp_path: Path) -> None:
    fitted = run(tiny, tmp_path / "work", recipe(epochs=1))
    fitted.info.base_sha256 = "0" * 64
    store_fitted(fitted, recipe(), tmp_path / "model")
    with pytest.raises(IntegrityError, match="has changed"):
        load_folder(tmp_path / "model")


def test_broken_model_folders_are_named(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nexa_model\.json is missing"):
        load_folder(tmp_path)
    fitted = run(tiny, tmp_path / "work", recipe(epochs=1))
    store_fitted(fitted, recipe(), tmp_path / "model")
    (tmp_path / "model" / DELTA_FILE).write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="cannot be read"):
        load_folder(tmp_path / "model")
    (tmp_path / "model" / models.INFO_FILE).write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read"):
        load_folder(tmp_path / "model")


def test_loss_that_is_no_number_ends_the_attempt(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_step = NerTrainer.compute_loss

    def poisoned(self: NerTrainer, *args: Any, **kwargs: Any) -> Any:
        loss = true_step(self, *args, **kwargs)
        return loss * float("nan") if self.state.global_step == 3 else loss

    monkeypatch.setattr(NerTrainer, "compute_loss", poisoned)
    with pytest.raises(NonFiniteLossError, match="after step 3"):
        run(tiny, tmp_path, recipe())
    assert not list(tmp_path.glob("checkpoint-*"))


def test_halved_rate_holds_after_a_resume(tiny: Path, tmp_path: Path) -> None:
    """The checkpoint stores the old learning rate; the attempt's must win."""
    seen: list[float] = []

    class Watch(TrainerCallback):
        def on_step_begin(self, args, state, control, optimizer=None, **_: Any) -> None:
            seen.append(optimizer.param_groups[0]["lr"])

    settings = recipe(decay="constant", warmup=0.0, checkpoint_minutes=1e-9)
    with pytest.raises(KeyboardInterrupt):
        run(tiny, tmp_path, settings, callbacks=[KillAt(4)])
    run(tiny, tmp_path, settings, callbacks=[Watch()], resume_from=newest(tmp_path), rate=settings.rate / 2)
    assert seen and all(rate == pytest.approx(settings.rate / 2) for rate in seen)


def test_accumulation_equals_a_larger_batch(tiny: Path, tmp_path: Path) -> None:
    plain = {"token_masking": 0.0, "length_bucketing": False, "select_by": "last", "epochs": 1}
    no_dropout = models.build

    def still(*args: Any, **kwargs: Any) -> Any:
        network, encoder, info = no_dropout(*args, **kwargs)
        for module in network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        network.config.attention_probs_dropout_prob = 0.0
        for layer in network.bert.encoder.layer:
            layer.attention.self.dropout.p = 0.0
        return network, encoder, info

    models.build, restore = still, models.build
    try:
        one = run(tiny, tmp_path / "one", recipe(batch_size=16, **plain))
        two = run(tiny, tmp_path / "two", recipe(batch_size=8, gradient_accumulation=2, **plain))
    finally:
        models.build = restore
    assert one.steps == two.steps
    for name, value in weights(one).items():
        assert torch.allclose(value, weights(two)[name], atol=2e-3), name


def test_class_weights_act_on_the_gradient() -> None:
    torch.manual_seed(0)
    values = torch.randn(1, 4, 3)
    labels = torch.tensor([[0, 0, 0, 2]])

    def gradient(weight: torch.Tensor | None) -> torch.Tensor:
        scores = values.clone().requires_grad_(True)
        token_loss({"logits": scores}, labels, weights=weight).backward()
        return scores.grad[0].abs().sum(-1)

    plain, weighted = gradient(None), gradient(torch.tensor([0.5, 1.0, 3.0]))
    assert torch.allclose(weighted[:3], 0.5 * plain[:3])
    assert torch.allclose(weighted[3], 3 * plain[3])


def test_balanced_weights_count_rare_tags_more(tiny: Path) -> None:
    _, encoder, info = models.build(str(tiny), LABELS)
    examples = encode_rows(toy_rows(100), encoder, info.tags, 64)
    counts = np.bincount(
        np.concatenate([e.labels[e.labels >= 0] for e in examples]), minlength=len(info.tags)
    )
    half, full = (tag_weights(examples, len(info.tags), strength).numpy() for strength in (0.5, 1.0))
    assert np.allclose(tag_weights(examples, len(info.tags), 0.0).numpy(), 1.0)
    rare, common = counts[counts > 0].argmin(), counts.argmax()
    seen = np.flatnonzero(counts)
    assert full[seen[rare]] > half[seen[rare]] > 1 > half[common] > full[common]
    assert (counts * full).sum() / counts.sum() == pytest.approx(1.0)
    assert full[seen] * counts[seen] == pytest.approx(np.full(len(seen), full[common] * counts[common]))


def test_masking_hides_words_but_never_labels(tiny: Path) -> None:
    _, encoder, info = models.build(str(tiny), LABELS)
    examples = encode_rows(toy_rows(200), encoder, info.tags, 64)
    data = TrainingExamples(examples, encoder, seed=1, masking=0.3)
    hidden = total = 0
    for index, example in enumerate(examples):
        item = data[index]
        assert np.array_equal(item["labels"], example.labels)
        assert item["input_ids"][0] == encoder.prefix[0] and item["input_ids"][-1] == encoder.suffix[0]
        changed = item["input_ids"] != example.ids
        hidden += (item["input_ids"] == encoder.mask_id).sum()
        total += len(example) - 2
        for word in set(example.word[changed]):  # whole words
            masked = item["input_ids"][example.word == word] == encoder.mask_id
            assert masked.all() or not masked.any()
    assert 0.1 < hidden / total < 0.35
    first = [data[index]["input_ids"].tolist() for index in range(20)]
    assert first == [data[index]["input_ids"].tolist() for index in range(20)]
    data.epoch = 1
    assert first != [data[index]["input_ids"].tolist() for index in range(20)]


def test_joining_reads_two_sentences_as_one(tiny: Path) -> None:
    _, encoder, info = models.build(str(tiny), LABELS)
    examples = encode_rows(toy_rows(50), encoder, info.tags, 64)
    data = TrainingExamples(examples, encoder, seed=1, joining=1.0, max_length=64)
    item = data[0]
    assert len(item["input_ids"]) > len(examples[0])
    assert list(item["input_ids"]).count(encoder.suffix[0]) == 1
    assert len(item["input_ids"]) == len(item["labels"]) <= 64
    assert np.array_equal(item["labels"][: len(examples[0]) - 1], examples[0].labels[:-1])


def test_batches_are_complete_reproducible_and_of_similar_length() -> None:
    lengths = np.random.default_rng(0).integers(5, 60, 330).tolist()
    order = EpochBatches(lengths, 16, seed=3)
    batches = list(order)
    assert len(batches) == len(order) == 21
    assert sorted(index for batch in batches for index in batch) == list(range(330))
    assert batches == list(EpochBatches(lengths, 16, seed=3))
    order.epoch = 1
    assert batches != list(order)

    def padding(found: list[list[int]]) -> int:
        return sum(max(lengths[i] for i in batch) * len(batch) for batch in found) - sum(lengths)

    assert padding(batches) < 0.4 * padding(list(EpochBatches(lengths, 16, seed=3, bucketing=False)))


def test_labels_stand_on_the_first_piece_of_each_word(tiny: Path) -> None:
    _, encoder, info = models.build(str(tiny), LABELS)
    row = {"text": "install zqx pole", "entities": [{"start": 8, "end": 16, "label": "EQUIPMENT"}]}
    (example,) = encode_rows([row], encoder, info.tags, 64)
    begin, inside = info.tags.index("B-EQUIPMENT"), info.tags.index("I-EQUIPMENT")
    assert example.labels.tolist() == [-100, 0, begin, -100, -100, inside, -100]
    batch = collate([{"input_ids": example.ids, "labels": example.labels}] * 2, encoder.pad_id)
    assert batch["input_ids"].shape == batch["labels"].shape == (2, 7)


def test_long_rows_become_several_examples(tiny: Path) -> None:
    _, encoder, info = models.build(str(tiny), LABELS)
    row = {"text": " ".join(["pole"] * 150), "entities": [{"start": 0, "end": 4, "label": "EQUIPMENT"}]}
    examples = encode_rows([row], encoder, info.tags, 64)
    assert len(examples) > 2 and max(len(example) for example in examples) <= 64
    assert len(set(np.concatenate([example.word for example in examples]).tolist()) - {-1}) == 150


def test_unknown_label_is_named(tiny: Path, tmp_path: Path) -> None:
    rows = [{"text": "Install pole", "entities": [{"start": 8, "end": 12, "label": "POLE"}]}]
    with pytest.raises(DatasetError, match="'POLE'"):
        fit(rows, rows, recipe(), str(tiny), tmp_path, labels=LABELS)


def test_unusable_base_is_one_sentence(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text('{"model_type": "nothing-like-it"}', encoding="utf-8")
    (base / "model.safetensors").write_bytes(b"x")
    with pytest.raises(BaseModelError) as error:
        models.build(str(base), LABELS)
    assert "cannot be used for token classification" in str(error.value) and "\n" not in str(error.value)


def test_consistency_is_the_stated_formula() -> None:
    torch.manual_seed(0)
    scores, labels = torch.randn(4, 3, 5), torch.tensor([[0, 1, -100], [2, -100, 3]])
    doubled = torch.cat([labels, labels])
    plain = token_loss({"logits": scores}, doubled)
    assert token_loss({"logits": scores}, doubled, consistency=1e-9).item() == pytest.approx(
        plain.item(), abs=1e-6
    )
    first, second = (part[labels != -100].log_softmax(-1) for part in (scores[:2], scores[2:]))
    divergence = ((first.exp() * (first - second)).sum() + (second.exp() * (second - first)).sum()) / 2 / 4
    loss = token_loss({"logits": scores}, doubled, consistency=0.7)
    assert loss.item() == pytest.approx(plain.item() + 0.7 * divergence.item(), abs=1e-5)


def test_two_equal_readings_have_no_divergence() -> None:
    scores, labels = torch.randn(2, 3, 5), torch.tensor([[0, 1, 2], [2, -100, 3]])
    twice = token_loss({"logits": torch.cat([scores, scores])}, torch.cat([labels, labels]), consistency=3.0)
    assert twice.item() == pytest.approx(token_loss({"logits": scores}, labels).item(), abs=1e-6)


def test_consistency_trains_and_reads_each_batch_twice(tiny: Path, tmp_path: Path) -> None:
    sizes: list[int] = []

    class Look(TrainerCallback):
        def on_train_begin(self, *_: Any, model: torch.nn.Module, **__: Any) -> None:
            model.register_forward_pre_hook(
                lambda module, args, kwargs: (
                    sizes.append(len(kwargs["input_ids"])) if module.training else None
                ),
                with_kwargs=True,
            )

    fitted = run(tiny, tmp_path, recipe(consistency=0.5, epochs=3), rows=160, callbacks=[Look()])
    assert set(sizes) == {32}
    assert fitted.metrics["f1"] > 0.5
