"""Training of tiny similarity models: every method learns, is stored, and gives the same answers after a
reload."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from core.embeddings import model as models
from core.embeddings.batches import EpochBatches, sets_of
from core.embeddings.everyday import LEAST_KEPT, Everyday
from core.embeddings.fit import fit
from core.embeddings.losses import contrast, share_a_text
from core.embeddings.predict import SimilarityModel, load_base, load_folder
from core.embeddings.recipe import PRESETS, build_recipe
from core.errors import BaseModelError, IntegrityError, ModelError, NonFiniteLossError, RecipeError
from core.workspace import read_json, write_json_atomic
from tests.core.embeddings.tiny import toy_pairs

VALUES = {
    "epochs": 3,
    "learning_rate": 3e-3,
    "freeze_layers": 0,
    "precision": "fp32",
    "threads": 1,
    "first_stage": "none",
    "batch_size": 16,
    "rehearsal": 0.0,
    "most_forgotten": 0.0,
}


def run(
    tiny: Path,
    folder: Path,
    *,
    callbacks: tuple = (),
    resume_from: Path | None = None,
    rows: int = 240,
    **changes,
):
    recipe = build_recipe("fast", {**VALUES, **changes})
    return fit(
        toy_pairs(rows),
        toy_pairs(60, 1),
        recipe,
        str(tiny),
        folder,
        callbacks=callbacks,
        resume_from=resume_from,
        corpus=[row["a"] for row in toy_pairs(40)],
    )


@pytest.mark.parametrize(
    "changes",
    [{}, {"method": "lora", "head_layers": 1}, {"head_layers": 0, "loss": "mse+cosent"}],
    ids=["full", "lora", "figures only"],
)
def test_it_learns_and_reloads_to_the_same_answers(tiny_encoder: Path, tmp_path: Path, changes: dict) -> None:
    fitted = run(tiny_encoder, tmp_path / "work", **changes)
    assert fitted.metrics["spearman"] > 0.6
    models.store(fitted.network, tmp_path / "model", fitted.info, dtype="fp32")
    loaded = load_folder(tmp_path / "model")
    before = SimilarityModel(fitted.network.to("cpu"), fitted.tokenizer, fitted.info)
    a, b = [row["a"] for row in toy_pairs(20, 5)], [row["b"] for row in toy_pairs(20, 5)]
    if changes.get("method") != "lora":  # a loaded adapter is merged: equal up to rounding
        np.testing.assert_allclose(loaded.encode(a), before.encode(a), atol=1e-6)
    np.testing.assert_allclose(loaded.score(a, b), before.score(a, b), atol=1e-4)
    np.testing.assert_allclose(loaded.score(a, b), loaded.score(b, a), atol=1e-6)


@pytest.mark.parametrize("stage", ["simcse", "tsdae"])
@pytest.mark.parametrize("loss", ["angle", "ranking"])
def test_first_stages_and_other_losses_run(tiny_encoder: Path, tmp_path: Path, stage: str, loss: str) -> None:
    fitted = run(
        tiny_encoder, tmp_path, first_stage=stage, first_epochs=1, loss=loss, epochs=1, rehearsal=1.0, rows=80
    )
    assert np.isfinite(fitted.metrics["loss"]) and fitted.metrics["spread"] > 0


def test_scores_have_the_ends_they_should(tiny_encoder: Path) -> None:
    model = load_base(str(tiny_encoder))
    assert model.score("18 feet clearance.", "18 ft  Clearance") == 1.0
    assert model.score("(b) The pole must be 18 ft high.", "the pole shall be 18 feet high") == 1.0
    assert model.score("The pole must be 18 ft high.", "The pole may be 18 ft high.") < 1.0
    assert model.encode([]).shape == (0, 32) and model.encode([""]).shape == (1, 32)
    np.testing.assert_allclose(np.linalg.norm(model.encode(["a pole", "guy"]), axis=1), 1, atol=1e-5)
    assert 0 <= model.score("pole", "anchor") <= 1


class Kill(TrainerCallback):
    """Ends the training in the middle of an epoch, after a resume point was asked for."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args, state, control, **_) -> None:
        control.should_save = state.global_step == self.step
        if state.global_step > self.step:
            raise KeyboardInterrupt


def test_a_resume_ends_with_the_same_weights(tiny_encoder: Path, tmp_path: Path) -> None:
    whole = run(tiny_encoder, tmp_path / "a", epochs=2, rows=96, rehearsal=1.0)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_encoder, tmp_path / "b", epochs=2, rows=96, rehearsal=1.0, callbacks=(Kill(8),))
    again = run(
        tiny_encoder,
        tmp_path / "b",
        epochs=2,
        rows=96,
        rehearsal=1.0,
        resume_from=tmp_path / "b" / "checkpoint-8",
    )
    assert again.steps == whole.steps
    for name, value in models.trainable(whole.network).items():
        np.testing.assert_allclose(
            value.detach().numpy(), dict(again.network.named_parameters())[name].detach().numpy(), atol=1e-5
        )


def test_pairs_that_share_a_text_stay_in_one_batch() -> None:
    rows = [{"a": f"text {n // 2}", "b": f"other {n}"} for n in range(200)]
    rows += [{"a": f"alone {n}", "b": f"also {n}"} for n in range(101)]
    rows += [{"a": f"query {n}", "b": "one passage"} for n in range(50)]
    sets = sets_of(rows)
    members = Counter(sets)
    assert [members[sets[n]] for n in (0, 1, 199, 200, 300)] == [2, 2, 2, 1, 1]
    assert sets[0] == sets[1] != sets[2] and max(members.values()) == 4
    lengths = [10 + (n * 37) % 50 for n in range(len(rows))]
    order = EpochBatches(lengths, 16, seed=3, sets=sets)
    batches = list(order)
    assert sorted(n for batch in batches for n in batch) == list(range(len(rows)))
    assert len(batches) == len(order) and batches == list(EpochBatches(lengths, 16, seed=3, sets=sets))
    where = {n: place for place, batch in enumerate(batches) for n in batch}
    together = sum(where[n] == where[n + 1] for n in range(0, 200, 2))
    assert together > 80  # a batch may end between two
    apart = list(EpochBatches(lengths, 16, seed=3))
    where = {n: place for place, batch in enumerate(apart) for n in batch}
    assert sum(where[n] == where[n + 1] for n in range(0, 200, 2)) < 30


def test_the_contrast_loss_sees_differences_alone() -> None:
    a = torch.tensor([[1, 2], [1, 2], [3, 4], [3, 5]])
    b = torch.tensor([[7, 0], [8, 9], [6, 6], [6, 6]])
    twins = share_a_text(a, b)
    assert twins.nonzero().tolist() == [[0, 1], [2, 3]]
    grades = torch.tensor([0.96, 0.45, 0.9, 0.85])
    # Both pairs lie too low by the same: what the difference between them is worth is right.
    assert float(contrast(grades - 0.2, grades, twins)) == pytest.approx(0, abs=1e-9)
    equal = torch.full((4,), 0.7, requires_grad=True)
    loss = contrast(equal, grades, twins)
    assert loss.item() == pytest.approx(0.51**2 / 4)
    loss.backward()
    # Scores move apart; a difference of .05 in grade is no contrast, and its pairs are left alone.
    assert equal.grad[0] < 0 < equal.grad[1] and equal.grad[2:].abs().sum() == 0
    assert float(contrast(grades, grades, torch.zeros(4, 4, dtype=torch.bool))) == 0


def test_contrast_teaches_edits(tiny_encoder: Path, tmp_path: Path) -> None:
    """The same pairs with and without the contrast: its term falls where it counts."""
    rows = []
    for row in toy_pairs(160):
        if row["kind"] != "paraphrase":
            plain = next(r for r in toy_pairs(4000, 3) if r["a"] == row["a"] and r["kind"] == "paraphrase")
            rows += [row, plain]
    gaps = {}
    for weight in (0.0, 8.0):
        # Without the comparison word by word, which learns these edits by itself.
        recipe = build_recipe("fast", {**VALUES, "epochs": 4, "contrast": weight, "compare": False})
        made = fit(rows, toy_pairs(60, 1), recipe, str(tiny_encoder), tmp_path / f"{weight:g}")
        made.network.verdict = None
        model = SimilarityModel(made.network, made.tokenizer, made.info, ref="toy")
        found = model.score([row["a"] for row in rows], [row["b"] for row in rows])
        wanted = np.array([row["score"] for row in rows])
        gaps[weight] = np.mean(((found[::2] - found[1::2]) - (wanted[::2] - wanted[1::2])) ** 2)
    assert gaps[8.0] < gaps[0.0]


def test_a_loss_that_is_no_number_is_refused(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.embeddings.losses import PairLoss

    monkeypatch.setattr(
        PairLoss, "_of_vectors", lambda self, a, b, cosine, grades: cosine.sum() * float("nan")
    )
    with pytest.raises(NonFiniteLossError, match="nan"):
        run(tiny_encoder, tmp_path, rows=32)


def test_broken_models_are_named(tiny_encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no similarity model"):
        load_folder(tmp_path)
    fitted = run(tiny_encoder, tmp_path / "work", epochs=1, rows=32)
    models.store(fitted.network, tmp_path / "model", fitted.info)
    (tmp_path / "model" / models.HEAD_FILE).write_bytes(b"broken")
    with pytest.raises(ModelError, match="cannot be read"):
        load_folder(tmp_path / "model")
    fitted.info.base_sha256 = "0" * 64
    models.store(fitted.network, tmp_path / "other", fitted.info)
    with pytest.raises(IntegrityError, match="has changed"):
        load_folder(tmp_path / "other")


def test_presets() -> None:
    seed = build_recipe("seed")
    assert (seed.epochs, seed.batch_size, seed.learning_rate, seed.first_epochs) == (10, 32, 2e-5, 5)
    for name in PRESETS:
        assert build_recipe(name)
    with pytest.raises(RecipeError, match="not a preset"):
        build_recipe("other")


def test_what_is_forgotten_is_given_back(tiny_encoder: Path, tmp_path: Path) -> None:
    free = run(tiny_encoder, tmp_path / "free", epochs=1)
    strict = run(tiny_encoder, tmp_path / "strict", epochs=1, most_forgotten=1e-6)
    loose = run(tiny_encoder, tmp_path / "loose", epochs=1, most_forgotten=1.0)
    assert (free.kept, loose.kept) == (1.0, 1.0) and LEAST_KEPT <= strict.kept < 1
    start = dict(models.build(str(tiny_encoder))[0].encoder.named_parameters())
    pulled = dict(strict.network.encoder.named_parameters())
    for name, value in free.network.encoder.named_parameters():
        wanted = start[name] + strict.kept * (value - start[name])
        assert torch.allclose(pulled[name], wanted, atol=1e-5), name
    # A limit that cannot be kept ends at the least share, a limit of nothing lost at no pull.
    everyday = Everyday(free.tokenizer, 32)
    before = everyday.measure(free.network)["general_spearman"]
    initial = {name: value.detach().clone() for name, value in start.items()}
    assert everyday.held(free.network, initial, before + 2.0, 0.1) == LEAST_KEPT
    assert everyday.held(free.network, initial, -2.0, 0.1) == 1.0


def test_a_training_goes_on_from_a_version(tiny_encoder: Path, tmp_path: Path) -> None:
    first = run(tiny_encoder, tmp_path / "first", freeze_layers=1)
    models.store(first.network, tmp_path / "one", first.info, dtype="fp32")
    recipe = build_recipe("fast", {**VALUES, "epochs": 1, "learning_rate": 1e-5, "freeze_layers": 2})
    more = fit(
        toy_pairs(64, 9), toy_pairs(60, 1), recipe, str(tiny_encoder), tmp_path / "more",
        start=tmp_path / "one",
    )  # fmt: skip
    # So small a rate changes next to nothing: what the first training taught is there from the first step.
    assert more.metrics["spearman"] == pytest.approx(first.metrics["spearman"], abs=0.03)
    assert more.info.base_sha256 == first.info.base_sha256
    # All layers were frozen now, and still what the first training changed in them is stored.
    models.store(more.network, tmp_path / "two", more.info, dtype="fp32")
    texts = [row["a"] for row in toy_pairs(20, 5)]
    np.testing.assert_allclose(
        load_folder(tmp_path / "two").encode(texts), load_folder(tmp_path / "one").encode(texts), atol=1e-5
    )
    assert not np.allclose(
        load_base(str(tiny_encoder)).encode(texts), load_folder(tmp_path / "two").encode(texts)
    )


def test_the_head_alone_learns(tiny_encoder: Path, tmp_path: Path) -> None:
    """Vectors stay to the last bit, scores get better, and a comparison joins a head that had none."""
    first = run(tiny_encoder, tmp_path / "first", compare=False, epochs=1, rows=64)
    assert first.network.head.compare is None and first.info.head["compare"] == 0
    models.store(first.network, tmp_path / "one", first.info, dtype="fp32")
    values = {
        **VALUES, "method": "head", "epochs": 6, "learning_rate": 1e-3, "first_stage": "simcse",
        "rehearsal": 2.0, "most_forgotten": 0.01,
    }  # fmt: skip
    recipe = build_recipe("fast", values)
    assert (recipe.first_stage, recipe.rehearsal, recipe.most_forgotten) == ("none", 0.0, 0.0)
    asked = {}

    class Watch(TrainerCallback):
        info: dict = {}  # noqa: RUF012 (what `fit` tells of the run)

        def on_step_begin(self, args, state, control, model=None, **_) -> None:
            network = model[0].network
            asked["modes"] = (network.encoder.training, network.head.training)

    watch = Watch()
    more = fit(
        toy_pairs(240), toy_pairs(60, 1), recipe, str(tiny_encoder), tmp_path / "more",
        corpus=["a pole", "a guy"], start=tmp_path / "one", callbacks=[watch],
    )  # fmt: skip
    assert asked["modes"] == (False, True), "the encoder drops nothing out, the head does"
    assert watch.info["trainable"] == sum(value.numel() for value in more.network.head.parameters())
    assert more.kept == 1.0 and more.metrics["spearman"] > first.metrics["spearman"] + 0.05
    models.store(more.network, tmp_path / "two", more.info, dtype="fp32")
    one, two = load_folder(tmp_path / "one"), load_folder(tmp_path / "two")
    texts = [row["a"] for row in toy_pairs(20, 5)]
    np.testing.assert_array_equal(one.encode(texts), two.encode(texts))
    assert two.network.head.compare is not None and two.info.head["compare"] > 0
    # A version that compares goes on comparing, whatever the settings say.
    recipe = build_recipe("fast", {**values, "compare": False})
    network, info, fresh = models.go_on(tmp_path / "two", recipe)
    assert network.head.compare is not None and info.head["compare"] > 0 and fresh == []


def test_a_head_stored_before_there_was_a_comparison_has_none(tiny_encoder: Path, tmp_path: Path) -> None:
    network, _, info = models.build(str(tiny_encoder), head_layers=1, compare=False)
    models.store(network, tmp_path, info)
    told = read_json(tmp_path / models.INFO_FILE)
    del told["head"]["compare"]
    write_json_atomic(tmp_path / models.INFO_FILE, told)
    assert models.read_info(tmp_path).head == info.head
    assert models.load(tmp_path)[0].head.compare is None


def test_layers_of_its_own_are_added_to_a_version_and_change_nothing_until_they_learn(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    values = {**VALUES, "method": "head", "head_layers": 1}
    first = run(tiny_encoder, tmp_path / "first", head_layers=1)
    assert first.info.head["own"] == 0 and first.network.lower == 1
    models.store(first.network, tmp_path / "one", first.info, dtype="fp32")
    recipe = build_recipe("fast", {**values, "own_layers": 1})
    network, info, fresh = models.go_on(tmp_path / "one", recipe)
    assert fresh == [] and (info.head["own"], info.head["lower"], network.lower) == (1, 0, 0)
    rows = toy_pairs(20, 5)
    texts, others = [row["a"] for row in rows], [row["b"] for row in rows]
    begun = SimilarityModel(network.eval(), first.tokenizer, info).score(texts, others)
    one = load_folder(tmp_path / "one")
    one.network.verdict = None
    np.testing.assert_allclose(begun, one.score(texts, others), atol=1e-6)
    more = fit(
        toy_pairs(240), toy_pairs(60, 1), recipe, str(tiny_encoder), tmp_path / "more",
        start=tmp_path / "one",
    )  # fmt: skip
    moved = more.network.head.own[0].linear1.weight - network.head.own[0].linear1.weight
    assert float(moved.detach().abs().max()) > 1e-4, "they learn"
    models.store(more.network, tmp_path / "two", more.info, dtype="int8")
    two = load_folder(tmp_path / "two")
    expected = SimilarityModel(more.network, more.tokenizer, more.info).score(texts, others)
    np.testing.assert_allclose(two.score(texts, others), expected, atol=2e-2)
    np.testing.assert_allclose(two.encode(texts), one.encode(texts), atol=5e-3)
    # A version that has them keeps them, whatever the settings say.
    network, info, _ = models.go_on(tmp_path / "two", build_recipe("fast", {**values, "own_layers": 0}))
    assert len(network.head.own) == info.head["own"] == 1 and network.lower == 0


def test_a_head_can_begin_with_layers_of_its_own(tiny_encoder: Path, tmp_path: Path) -> None:
    plain = models.build(str(tiny_encoder), head_layers=1)[0]
    network, tokenizer, info = models.build(str(tiny_encoder), head_layers=1, own_layers=4)
    assert (info.head["own"], info.head["lower"]) == (1, 0), "as many as the encoder has left"
    made = tokenizer(["a pole", "the guy shall be 5 feet"], padding=True, return_tensors="pt")
    asked = made["input_ids"], made["attention_mask"]
    with torch.inference_mode():
        (vectors, tokens), (same, expected) = network.read(*asked), plain.read(*asked)
        there = made["attention_mask"].bool()
        torch.testing.assert_close(vectors, same)
        torch.testing.assert_close(vectors, network.vectors(*asked))
        torch.testing.assert_close(tokens[there], expected[there], atol=1e-5, rtol=1e-4)
    fitted = run(tiny_encoder, tmp_path, head_layers=1, own_layers=1)
    assert fitted.metrics["spearman"] > 0.5


def test_a_head_stored_before_it_had_layers_of_its_own_has_none(tiny_encoder: Path, tmp_path: Path) -> None:
    network, _, info = models.build(str(tiny_encoder), head_layers=1)
    models.store(network, tmp_path, info)
    told = read_json(tmp_path / models.INFO_FILE)
    del told["head"]["own"]
    write_json_atomic(tmp_path / models.INFO_FILE, told)
    assert models.read_info(tmp_path).head == info.head
    assert len(models.load(tmp_path)[0].head.own) == 0


def test_the_head_alone_learns_beside_an_untrained_encoder(tiny_encoder: Path, tmp_path: Path) -> None:
    fitted = run(tiny_encoder, tmp_path / "run", method="head")
    models.store(fitted.network, tmp_path / "m", fitted.info, dtype="fp32")
    texts = [row["a"] for row in toy_pairs(20, 5)]
    np.testing.assert_array_equal(
        load_base(str(tiny_encoder)).encode(texts), load_folder(tmp_path / "m").encode(texts)
    )
    assert fitted.metrics["spearman"] > fitted.metrics["spearman_cosine"] + 0.1


@pytest.mark.parametrize(
    ("changes", "named"), [({"method": "lora"}, "adapters"), ({"head_layers": 0}, "joint layers")]
)
def test_what_cannot_go_on_from_a_version_is_refused(
    tiny_encoder: Path, tmp_path: Path, changes: dict, named: str
) -> None:
    network, _, info = models.build(str(tiny_encoder), head_layers=2)
    models.store(network, tmp_path / "one", info)
    recipe = build_recipe("fast", {**VALUES, **changes})
    with pytest.raises(BaseModelError, match=named):
        fit(toy_pairs(20), toy_pairs(20, 1), recipe, str(tiny_encoder), tmp_path, start=tmp_path / "one")


def test_a_training_goes_on_from_adapters(tiny_encoder: Path, tmp_path: Path) -> None:
    first = run(tiny_encoder, tmp_path / "first", method="lora", head_layers=1)
    models.store(first.network, tmp_path / "one", first.info, dtype="fp32")
    recipe = build_recipe("fast", {**VALUES, "epochs": 1, "head_layers": 1})
    more = fit(
        toy_pairs(64, 9), toy_pairs(60, 1), recipe, str(tiny_encoder), tmp_path / "more",
        start=tmp_path / "one",
    )  # fmt: skip
    before, after = load_folder(tmp_path / "one").network.encoder, more.network.encoder
    moved = {
        name: not torch.allclose(value, dict(before.named_parameters())[name], atol=1e-6)
        for name, value in after.named_parameters()
    }
    assert sum(moved.values()) > len(moved) / 2, "merged adapters must not leave the encoder frozen"


@pytest.mark.parametrize("method", ["full", "lora"])
def test_every_method_gives_back_what_is_forgotten(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    asked = []

    def held(self, network, initial, before, limit) -> float:
        asked.append({name: value.shape for name, value in initial.items()})
        return 0.8

    monkeypatch.setattr(Everyday, "held", held)
    fitted = run(tiny_encoder, tmp_path, method=method, epochs=1, rows=48, most_forgotten=0.045)
    assert fitted.kept == 0.8
    names = dict(fitted.network.encoder.named_parameters())
    assert asked[0] and all(names[name].shape == shape for name, shape in asked[0].items())
