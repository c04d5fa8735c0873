"""Every model of this edition has views with the functions that the pages call."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.tasks import available_tasks
from dashboard import views


@pytest.mark.parametrize("task", [task.name for task in available_tasks()])
def test_every_available_model_has_its_views(task: str) -> None:
    for view, wanted in (
        (views.data(task), ("more_settings", "preview", "draw_import", "examples")),
        (views.validation(task), ("draw", "rows", "figures", "worst")),
        (views.live(task), ("samples",)),
    ):
        assert [name for name in wanted if not callable(getattr(view, name, None))] == []
    assert isinstance(views.data(task).PREFIX, str)


def test_form_names_of_two_models_do_not_meet() -> None:
    prefixes = [views.data(task.name).PREFIX for task in available_tasks()]
    assert len(set(prefixes)) == len(prefixes)


def test_a_model_without_views_is_one_sentence() -> None:
    with pytest.raises(InputError, match="cannot show 'x' yet"):
        views.data("x")
    assert views.unit("x") == "row"
