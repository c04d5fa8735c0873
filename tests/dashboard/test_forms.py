"""The settings form: any valid recipe goes through its widgets and comes back the same."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from streamlit.testing.v1 import AppTest

from core.recipe import FieldInfo, fields, setting
from core.tasks import available_tasks
from dashboard import forms


class Toy(BaseModel):
    """One field of every kind."""

    count: int = setting(5, "Count", "How many.", group="Basics", unit="rows", ge=1, le=1000)
    rate: float = setting(3e-4, "Rate", "How fast.", group="Basics", gt=0, le=1)
    on: bool = setting(True, "On", "Switch.", group="Basics")
    method: Literal["full", "lora"] = setting("full", "Method", "Which.", group="Basics")
    rank: int = setting(16, "Rank", "Size.", group="Adapters (lora)", ge=1, le=256)
    note: str = setting("", "Note", "Words.", group="Fine", advanced=True)
    share: float | None = setting(None, "Share", "Or nothing.", group="Fine", advanced=True, ge=0, le=1)


TOY = fields(Toy)
BASE = Toy().model_dump()

VALUES = st.fixed_dictionaries({
    "count": st.integers(1, 1000),
    "rate": st.floats(1e-6, 1, allow_nan=False),
    "on": st.booleans(),
    "method": st.sampled_from(["full", "lora"]),
    "rank": st.integers(1, 256),
    "note": st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12),
    "share": st.none() | st.floats(0, 1),
})  # fmt: skip


def page() -> None:
    import streamlit as st

    from dashboard import forms
    from tests.dashboard.test_forms import BASE, TOY

    st.session_state["result"] = forms.settings_form(TOY, BASE, prefix="t.")


def field(name: str) -> FieldInfo:
    return next(f for f in TOY if f.name == name)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
def test_any_values_come_back_through_the_widgets(values: dict[str, Any]) -> None:
    at = AppTest.from_function(page)
    for info in TOY:
        at.session_state[f"t.{info.name}"] = forms.to_text(info, values[info.name])
    at.run()
    assert not at.exception
    expected = {name: value for name, value in values.items() if not forms.same(value, BASE[name])}
    if values["method"] != "lora":
        # The group of the method that is not chosen is not shown, so its values stay as they are.
        expected.pop("rank", None)
    assert at.session_state["result"] == expected


def test_untouched_form_changes_nothing() -> None:
    at = AppTest.from_function(page).run()
    assert at.session_state["result"] == {}
    assert "changed" not in " ".join(w.label for w in at.number_input)


def test_a_change_is_marked_with_the_old_value_and_can_be_reset() -> None:
    at = AppTest.from_function(page).run()
    at.number_input(key="t.count").set_value(9).run()
    assert at.session_state["result"] == {"count": 9}
    assert "changed · preset 5" in at.number_input(key="t.count").label
    at.button(key="reset-t.count").click().run()
    assert at.session_state["result"] == {}
    assert at.number_input(key="t.count").value == 5


def test_units_and_help_stand_at_the_field() -> None:
    at = AppTest.from_function(page).run()
    assert at.number_input(key="t.count").label == "Count (rows)"
    assert at.number_input(key="t.count").help == "How many."
    assert (at.number_input(key="t.count").min, at.number_input(key="t.count").max) == (1, 1000)


def test_fields_of_a_method_that_is_not_chosen_are_hidden() -> None:
    at = AppTest.from_function(page).run()
    assert "t.rank" not in {w.key for w in at.number_input}
    at.selectbox(key="t.method").set_value("lora").run()
    assert "t.rank" in {w.key for w in at.number_input}
    assert at.session_state["result"] == {"method": "lora"}


def prefilled() -> None:
    import streamlit as st

    from dashboard import forms
    from tests.dashboard.test_forms import BASE, TOY

    forms.prefill(TOY, {"count": 77, "rate": 3e-4, "unknown": 1}, BASE, prefix="t.", once="run-1")
    st.session_state["result"] = forms.settings_form(TOY, BASE, prefix="t.")


def test_prefill_happens_once_so_that_edits_stay() -> None:
    at = AppTest.from_function(prefilled).run()
    assert at.session_state["result"] == {"count": 77}
    at.number_input(key="t.count").set_value(78).run()
    assert at.session_state["result"] == {"count": 78}


@pytest.mark.parametrize(
    ("name", "base", "expected"),
    [("count", 5, 1), ("rate", 3e-4, 1e-4), ("rate", 0.0, 0.01), ("rate", 0.08, 0.01), ("rate", 2.0, 0.1)],
)
def test_steps_fit_the_size_of_the_value(name: str, base: float, expected: float) -> None:
    assert forms.step(field(name), base) == pytest.approx(expected)


@pytest.mark.parametrize("task", available_tasks(), ids=lambda task: task.name)
def test_every_preset_of_every_model_is_a_valid_form(task: Any) -> None:
    room = task.room("recipe")
    for preset in room.PRESETS:
        recipe = room.build_recipe(preset)
        described, base = fields(type(recipe)), recipe.model_dump()
        for info in described:
            back = forms.from_text(info, forms.to_text(info, base[info.name]), base[info.name])
            assert forms.same(back, base[info.name]), info.name
            assert info.title != info.name
            assert info.help
            assert info.group
        assert room.build_recipe(preset, forms.changes(described, base, base)) == recipe
