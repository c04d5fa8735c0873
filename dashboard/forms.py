"""A form made from a pydantic class: one widget a field, grouped, with unit, help, limits and a reset each.

Nothing is known here about any one recipe. Values that differ from the basis stand in the page's address.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import streamlit as st

from core.recipe import FieldInfo
from dashboard import words

CHOICE_WORDS = {
    "stop": "Stop the training",
    "inform": "Only show it",
    "off": "Do not look",
}


def label(field: FieldInfo) -> str:
    """Title with its unit: `Patience (epochs)`."""
    return f"{field.title} ({field.unit})" if field.unit else field.title


def same(a: Any, b: Any) -> bool:
    """True if two values of a field are equal; numbers are compared as numbers, lists by content."""
    if isinstance(a, list | tuple) or isinstance(b, list | tuple):
        return list(a or ()) == list(b or ())
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def changes(
    fields: Sequence[FieldInfo], values: Mapping[str, Any], base: Mapping[str, Any]
) -> dict[str, Any]:
    """The values that differ from the basis, in the order of the fields."""
    return {f.name: values[f.name] for f in fields if not same(values[f.name], base[f.name])}


def to_text(field: FieldInfo, value: Any) -> Any:
    """A value as its widget holds it: lists become comma-separated text."""
    if field.kind == "str":
        return words.number(value) if value is not None else ""
    return value


def from_text(field: FieldInfo, value: Any, base: Any) -> Any:
    """The widget's value as the recipe takes it; the reverse of `to_text`."""
    if field.kind == "str" and isinstance(base, list | tuple):
        return [part.strip() for part in str(value).split(",") if part.strip()]
    if field.kind == "str" and base is None and not str(value).strip():
        return None
    return value


def step(field: FieldInfo, base: Any) -> float | int:
    """How much one press on + or - adds: one unit of the leading digit for fractions, 1 for whole numbers."""
    if field.kind == "int":
        return 1
    size = abs(float(base or 0))
    if size == 0:
        return 0.01
    return float(f"1e{min(-1, math.floor(math.log10(size)))}") if size < 1 else 0.1


def limits(field: FieldInfo) -> tuple[Any, Any]:
    """Smallest and largest value in the widget's own type (None = open)."""
    kind = int if field.kind == "int" else float
    low = None if field.minimum is None else kind(field.minimum)
    high = None if field.maximum is None else kind(field.maximum)
    return low, high


def settings_form(
    fields: Sequence[FieldInfo],
    base: Mapping[str, Any],
    *,
    prefix: str,
    base_word: str = "preset",
    hide: Sequence[str] = (),
    open_groups: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Draw the form and return what the user changed.

    Args:
        fields: From `core.recipe.fields`.
        base: Field name → value that counts as unchanged (a preset, or the defaults).
        prefix: Start of the names in the page's address; another prefix is another form.
        base_word: What the basis is called beside a changed field.
        hide: Fields that are asked for elsewhere.
        open_groups: Groups that are open at first, the others folded; all are open without it.

    Returns:
        Only the changed fields, with values as the recipe takes them.
    """
    shown = [field for field in fields if field.name not in hide]
    values = {f.name: base[f.name] for f in fields}

    def draw(part: Sequence[FieldInfo], *, fold: bool) -> None:
        for title in dict.fromkeys(field.group for field in part):
            if not applies(title, fields, values):
                continue
            group = [field for field in part if field.group == title]
            with _folded(title, group) if fold and title not in (open_groups or ()) else _headed(title):
                for field in group:
                    values[field.name] = _field(field, base[field.name], prefix, base_word)

    def _folded(title: str, group: Sequence[FieldInfo]) -> Any:
        altered = sum(_is_altered(field, base[field.name], prefix) for field in group)
        tail = f" · {altered} changed" if altered else ""
        return st.expander(f"{title}{tail}", key=f"{prefix}fold-{title}")

    draw([f for f in shown if not f.advanced], fold=open_groups is not None)
    advanced = [f for f in shown if f.advanced]
    if advanced:
        with _folded("More settings", advanced):
            draw(advanced, fold=False)
    return changes(shown, values, base)


@contextmanager
def _headed(title: str) -> Iterator[None]:
    if title:
        st.markdown(f"**{title}**")
    yield


def applies(group: str, fields: Sequence[FieldInfo], values: Mapping[str, Any]) -> bool:
    """True unless the group is named after a choice that is not made.

    A group "Adapters (lora)" belongs to the choice field that offers `lora`; while another value is chosen
    its fields change nothing and are not shown.
    """
    if not group.endswith(")") or "(" not in group:
        return True
    wanted = group[group.rindex("(") + 1 : -1]
    owners = [field.name for field in fields if field.kind == "choice" and wanted in field.choices]
    return not owners or any(values[name] == wanted for name in owners)


def prefill(
    fields: Sequence[FieldInfo], wanted: Mapping[str, Any], base: Mapping[str, Any], *, prefix: str, once: str
) -> None:
    """Put values of an earlier run into the form, one time.

    Args:
        fields: From `core.recipe.fields`.
        wanted: Field name → value; unknown names are left out.
        base: Field name → value that counts as unchanged.
        prefix: As for `settings_form`.
        once: Name of this wish; the same name again does nothing, so that later edits stay.
    """
    marker = f"prefilled-{prefix}"
    if st.session_state.get(marker) == once:
        return
    st.session_state[marker] = once
    for field in fields:
        if field.name in wanted and not same(wanted[field.name], base[field.name]):
            st.session_state[_key(field, prefix)] = to_text(field, wanted[field.name])


def _key(field: FieldInfo, prefix: str) -> str:
    return f"{prefix}{field.name}"


def _is_altered(field: FieldInfo, base: Any, prefix: str) -> bool:
    key = _key(field, prefix)
    return key in st.session_state and not same(from_text(field, st.session_state[key], base), base)


def _reset(key: str, value: Any) -> None:
    st.session_state[key] = value


def _field(field: FieldInfo, base: Any, prefix: str, base_word: str) -> Any:
    key = _key(field, prefix)
    altered = _is_altered(field, base, prefix)
    title = label(field)
    if altered:
        title += f" :gray-badge[changed · {base_word} {_word(field, base)}]"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", wrap=False):
        value = from_text(field, _widget(field, to_text(field, base), title, key), base)
        if altered:
            st.button(
                "", icon=":material/undo:", key=f"reset-{key}", type="tertiary", on_click=_reset,
                args=(key, to_text(field, base)), help=f"Back to {_word(field, base)}",
            )  # fmt: skip
    return value


def _word(field: FieldInfo, value: Any) -> str:
    return CHOICE_WORDS.get(value, value) if field.kind == "choice" else words.number(value)


def _widget(field: FieldInfo, value: Any, title: str, key: str) -> Any:
    common: dict[str, Any] = {"key": key, "help": field.help or None, "bind": "query-params"}
    if field.kind == "bool":
        return st.toggle(title, value=bool(value), **common)
    if field.kind == "choice":
        options = list(field.choices)
        return st.selectbox(
            title, options, index=options.index(str(value)),
            format_func=lambda option: CHOICE_WORDS.get(option, option), **common,
        )  # fmt: skip
    if field.kind in ("int", "float"):
        low, high = limits(field)
        number = None if value is None else (int(value) if field.kind == "int" else float(value))
        return st.number_input(
            title, min_value=low, max_value=high, value=number, step=step(field, value),
            format="%d" if field.kind == "int" else "%g", **common,
        )  # fmt: skip
    return st.text_input(title, value=str(value), **common)
