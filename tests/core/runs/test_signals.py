"""Every stop signal: when it is raised, when not, and what it says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.recipe import BaseRecipe
from core.runs.signals import KINDS, EpochPoint, SignalRules, signals


def points(**columns):
    length = max(len(column) for column in columns.values())
    return [
        EpochPoint(n + 1, **{name: column[n] for name, column in columns.items() if n < len(column)})
        for n in range(length)
    ]


def only(kind, **changes):
    off = {f"on_{other}": "off" for other in KINDS if other != kind}
    return SignalRules(metric="F1", **{**off, **changes})


def raised(epochs, rules):
    return [(signal.kind, signal.epoch, signal.level) for signal in signals(epochs, rules)]


def test_target_is_raised_once_above_not_at_the_target():
    rules = only("target", target=0.85, on_target="stop")
    assert raised(points(score=[0.5, 0.85]), rules) == []
    assert raised(points(score=[0.5, 0.86, 0.4, 0.9]), rules) == [("target", 2, "stop")]
    text = signals(points(score=[0.5, 0.8612]), rules)[0].text
    assert text == "Target reached: F1 0.861 is above 0.85 after epoch 2."
    assert raised(points(score=[0.9]), only("target", target=None)) == []


def test_patience_counts_epochs_without_a_better_score():
    rules = only("patience", patience=2, on_patience="stop")
    assert raised(points(score=[0.5, 0.4]), rules) == []
    assert raised(points(score=[0.5, 0.5, 0.5]), rules) == [("patience", 3, "stop")]
    assert raised(points(score=[0.5, 0.4, 0.6, 0.5, 0.4]), rules) == [("patience", 5, "stop")]
    text = signals(points(score=[0.5, 0.4, 0.3]), rules)[0].text
    assert text == "No better F1 for 2 epochs: the best was 0.500 after epoch 1."


def test_patience_as_information_is_told_again_after_an_improvement():
    rules = only("patience", patience=1, on_patience="inform")
    found = raised(points(score=[0.5, 0.4, 0.3, 0.6, 0.5]), rules)
    assert found == [("patience", 2, "info"), ("patience", 5, "info")]


def test_a_score_that_was_not_measured_is_no_better_score():
    rules = only("patience", patience=2, on_patience="stop")
    assert raised(points(score=[0.5, None, math.nan]), rules) == [("patience", 3, "stop")]
    assert raised(points(score=[None, None, None], train_loss=[1, 1, 1]), rules) == []


def test_a_first_score_after_nothing_starts_the_count():
    rules = only("patience", patience=2, on_patience="stop")
    assert raised(points(score=[None, None, None, 0.1, 0.2]), rules) == []


def test_plateau_needs_a_loss_that_does_not_fall():
    rules = only("plateau", plateau_epochs=3, on_plateau="stop")
    assert raised(points(val_loss=[1.0, 0.9, 0.8, 0.7, 0.6]), rules) == []
    assert raised(points(val_loss=[1.0, 1.0, 1.1, 1.0]), rules) == [("plateau", 4, "stop")]
    assert raised(points(val_loss=[1.0, 0.9999, 0.9998, 0.9997]), rules) == [("plateau", 4, "stop")]
    assert raised(points(val_loss=[1.0, 1.2, 1.1, 0.9]), rules) == []
    text = signals(points(val_loss=[0.5, 0.6, 0.6, 0.6]), rules)[0].text
    assert text == "Validation loss has not fallen for 3 epochs: it is 0.6, the lowest was 0.5 after epoch 1."


def test_a_slow_but_steady_fall_is_no_plateau():
    rules = only("plateau", plateau_epochs=5, on_plateau="inform")
    falling = [1.0 * 0.9995**n for n in range(30)]
    assert raised(points(val_loss=falling), rules) == []


def test_overfitting_needs_rising_validation_and_a_far_lower_training_loss():
    rules = only("overfit", overfit_ratio=2.0, on_overfit="stop")
    assert raised(points(train_loss=[1.0, 0.2], val_loss=[1.0, 0.9]), rules) == []
    assert raised(points(train_loss=[1.0, 0.9], val_loss=[1.0, 1.2]), rules) == []
    assert raised(points(train_loss=[1.0, 0.4], val_loss=[0.9, 1.0]), rules) == [("overfit", 2, "stop")]
    assert raised(points(train_loss=[1.0, 0.0], val_loss=[0.9, 1.0]), rules) == [("overfit", 2, "stop")]
    text = signals(points(train_loss=[1.0, 0.4], val_loss=[0.9, 1.0]), rules)[0].text
    assert text == "Overfitting: validation loss rose to 1 while training loss is 0.4, after epoch 2."


def test_overfitting_is_told_once_while_it_lasts():
    rules = only("overfit", overfit_ratio=2.0)
    epochs = points(train_loss=[1, 0.1, 0.1, 0.1, 0.1], val_loss=[0.9, 1.0, 0.95, 1.1, 1.2])
    assert raised(epochs, rules) == [("overfit", 2, "info")]


def test_off_is_off_and_missing_losses_raise_nothing():
    nothing = SignalRules(target=0.1, on_target="off", on_patience="off", on_plateau="off", on_overfit="off")
    assert raised(points(score=[0.9] * 9, val_loss=[1.0] * 9, train_loss=[0.1] * 9), nothing) == []
    assert raised([], SignalRules()) == []
    assert raised(points(val_loss=[math.inf, math.nan, None]), only("plateau", plateau_epochs=2)) == []


def test_all_kinds_at_one_epoch_come_in_a_fixed_order():
    rules = SignalRules("F1", target=0.5, patience=2, plateau_epochs=2, overfit_ratio=2.0)
    epochs = points(score=[0.3, 0.2, 0.1], val_loss=[1.0, 1.0, 1.1], train_loss=[0.9, 0.3, 0.1])
    assert [signal.kind for signal in signals(epochs, rules)] == ["patience", "plateau", "overfit"]


def test_rules_come_from_a_recipe_or_its_dict():
    recipe = BaseRecipe(patience=7, on_overfit="stop", target=0.9)
    rules = SignalRules.from_recipe(recipe, "f1")
    assert rules == SignalRules.from_recipe(recipe.model_dump(), "f1")
    assert (rules.patience, rules.on_overfit, rules.target, rules.metric) == (7, "stop", 0.9, "f1")
    assert SignalRules.from_recipe({}).patience == 3


VALUE = st.one_of(st.none(), st.floats())


@given(st.lists(st.tuples(VALUE, VALUE, VALUE), max_size=25), st.integers(1, 4), st.integers(2, 5))
def test_what_was_said_stays_said_when_epochs_are_added(rows, patience, plateau):
    rules = SignalRules(target=0.5, patience=patience, plateau_epochs=plateau)
    epochs = [EpochPoint(n + 1, *row) for n, row in enumerate(rows)]
    whole = signals(epochs, rules)
    for count in range(len(epochs) + 1):
        assert signals(epochs[:count], rules) == [signal for signal in whole if signal.epoch <= count]
    for signal in whole:
        assert signal.text.endswith(".") and "nan" not in signal.text


@pytest.mark.parametrize("kind", KINDS)
def test_the_level_follows_the_reaction(kind):
    epochs = points(score=[0.9, 0.1, 0.1], val_loss=[1.0, 1.1, 1.2], train_loss=[0.1, 0.1, 0.1])
    for reaction, level in (("stop", "stop"), ("inform", "info")):
        rules = only(kind, target=0.5, patience=2, plateau_epochs=2, **{f"on_{kind}": reaction})
        assert [(signal.kind, signal.level) for signal in signals(epochs, rules)] == [(kind, level)]
