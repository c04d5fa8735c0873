"""Launch training: what, how and check in three columns, and one button."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.datasets import store as datasets
from core.datasets.store import DatasetInfo
from core.errors import NexaError
from core.recipe import fields
from core.registry import versions as registry
from core.runs import launcher
from core.runs.estimate import estimate
from core.runs.spec import RunSpec
from core.tasks import Task, available_tasks, get_task
from core.workspace import Workspace
from dashboard import cards, forms, nav, state, views, words

OPEN_GROUPS = ("Schedule", "Method")
SHOWN_VERSIONS = 10


def main() -> None:
    """Draw the page."""
    st.title("Launch training")
    available = available_tasks()
    with st.container(key="launch"):
        what, how, check = st.columns([5, 6, 6], gap="medium")
        with what:
            st.subheader("What")
            name = state.choice(
                "Model", [t.name for t in available], "task", titles={t.name: t.title for t in available}
            )
            task = get_task(name)
            found = datasets.list_datasets(task.name, "train")
            if found:
                dataset, gold = _data(task, found)
        if not found:
            with how:
                cards.empty_state(
                    f"There is no training data for {task.title} yet.", "Generate data", "generate",
                    {"task": task.name},
                )  # fmt: skip
            return
        like = _like(task)
        with how:
            st.subheader("How")
            preset, overrides = _recipe(task, like)
        with what:
            base = _base(task, preset, like)
            run_name = st.text_input(
                "Name", key="name", bind="query-params", placeholder="made from model and time",
                help="Any words that help you find this training again.", max_chars=80,
            )  # fmt: skip
        with check, nav.guard("The check"):
            st.subheader("Check")
            _check(task, dataset, gold, preset, overrides, base, run_name)


def _data(task: Task, found: list[DatasetInfo]) -> tuple[DatasetInfo, str | None]:
    unit = views.unit(task.name)
    by_id = {info.id: info for info in found}
    titles = {info.id: f"{info.id} · {words.count(info.counts.get('train', 0), unit)}" for info in found}
    chosen = by_id[state.choice("Dataset", list(by_id), "dataset", titles=titles)]
    counts = " · ".join(f"{value:,} {split}" for split, value in chosen.counts.items())
    st.caption(counts)
    golds = [info.id for info in datasets.list_datasets(task.name, "gold")]
    if not golds:
        st.caption("No gold set yet: the model will be judged on held-out data only.")
        return chosen, None
    in_force = datasets.get_gold(task.name)
    gold = state.choice(
        "Gold set", golds, "gold", default=in_force.id if in_force else None,
        help=f"Real {unit}s that the finished model is judged on. They are never trained on.",
    )  # fmt: skip
    return chosen, gold


def _like(task: Task) -> RunSpec | None:
    """The run whose settings the form starts from (`?like=RUN` in the address), or None."""
    run_id = state.param("like")
    if not run_id:
        return None
    with nav.guard(f"Taking over the settings of {run_id!r}"):
        spec = RunSpec.load(Workspace.current().run(run_id))
        return spec if spec.task == task.name else None
    return None


def _recipe(task: Task, like: RunSpec | None) -> tuple[str, dict[str, Any]]:
    room = task.room("recipe")
    presets = room.PRESETS
    default = like.preset if like and like.preset in presets else room.DEFAULT_PRESET
    preset = state.choice(
        "Preset", list(presets), "preset", default=default,
        titles={key: preset.title for key, preset in presets.items()},
    )  # fmt: skip
    st.caption(presets[preset].help)
    recipe = room.build_recipe(preset)
    described, base = fields(type(recipe)), recipe.model_dump()
    prefix = f"{task.name}.{preset}."
    if like and like.preset == preset:
        forms.prefill(described, like.recipe, base, prefix=prefix, once=state.param("like"))
        st.caption(f"Starts from the settings of {words.plain(like.name or 'an earlier training')}.")
    return preset, forms.settings_form(described, base, prefix=prefix, open_groups=OPEN_GROUPS)


def _base(task: Task, preset: str, like: RunSpec | None) -> str:
    room = task.room("recipe")
    bases = {choice.name: choice for choice in room.list_bases()}
    default = like.base_model if like and like.preset == preset else room.PRESETS[preset].base_model
    versions = (
        [version.id for version in registry.list_versions(task.name)[:SHOWN_VERSIONS]]
        if getattr(room, "BEGINS_WITH_VERSIONS", False) else []
    )  # fmt: skip
    options = list(dict.fromkeys([*bases, *versions, default]))
    base = st.selectbox(
        "Base model", options, index=options.index(default), key=f"{task.name}.{preset}.base",
        bind="query-params", accept_new_options=True,
        help="What the training starts from. A local folder or a name on the model hub may be typed in.",
    )  # fmt: skip
    if base in bases:
        here = "" if bases[base].available else f" {bases[base].reason}"
        st.caption(f"{bases[base].title}. {bases[base].help}{here}")
    elif base in versions:
        st.caption(f"The training goes on from what {base} has learnt.")
    return base or default


def _check(
    task: Task, dataset: DatasetInfo, gold: str | None, preset: str, overrides: dict[str, Any], base: str,
    run_name: str,
) -> None:  # fmt: skip
    room = task.room("recipe")
    try:
        recipe = room.build_recipe(preset, overrides)
    except NexaError as error:
        st.html(cards.check_html(False, error.message, error.hint))
        return
    found = room.check(recipe, dataset, base)
    st.html("".join(cards.check_html(item.ok, item.title, item.detail) for item in found))
    blocked = any(item.ok is False for item in found)
    expected = estimate(task.name, recipe, rows=dataset.counts.get("train", 0), base_model=base)
    st.html(
        cards.facts_html(
            [
                ("Expected time", f"about {words.duration(expected.seconds)}"),
                ("Changed settings", str(len(overrides))),
            ]
        )
    )
    if st.button(
        "Start training", type="primary", icon=":material/rocket_launch:", width="stretch", key="start",
        disabled=blocked, help="Something in the list above is in the way." if blocked else None,
    ):  # fmt: skip
        with st.spinner("Starting the training …"):
            run = launcher.launch(
                task.name, recipe=overrides, preset=preset, dataset=dataset.id, gold=gold, base_model=base,
                name=run_name, token=state.token("launch"),
            )  # fmt: skip
        state.new_token("launch")
        nav.go("live", run=run.run_id)
    st.caption("The same training from the command line:")
    spec = RunSpec(
        task=task.name, recipe=recipe.model_dump(), preset=preset, dataset=dataset.id, gold=gold,
        base_model=base, name=run_name.strip(),
    )  # fmt: skip
    st.code(launcher.command_line(spec), language="bash", wrap_lines=True)


main()
