"""What must survive a reload: it lives in the page's address, never only in the session.

Widgets that are bound to the address themselves (`bind="query-params"`) need nothing from here.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.tasks import Task


def param(name: str, default: str = "") -> str:
    """A query parameter of the page's address."""
    return st.query_params.get(name, default)


def choice(
    label: str,
    options: Sequence[str],
    key: str,
    *,
    default: str | None = None,
    titles: dict[str, str] | None = None,
    help: str | None = None,
    **more: Any,
) -> str | None:
    """A select box whose value stands in the address, so that a reload keeps it.

    A value in the address that is not among the options (a deleted run, a mistyped link) gives the default.

    Args:
        label: What is chosen.
        options: Ids to choose from; the address holds the id.
        key: Name in the address.
        default: The id chosen at first; the first one without it.
        titles: Id → what the box shows. It must not change while the page is open: the browser sends it back.
        help: Text of the question mark.
        **more: Further arguments of `st.selectbox`.

    Returns:
        The chosen id, or None when there is nothing to choose from.
    """
    if not options:
        st.selectbox(
            label, [], key=f"{key}-none", placeholder="nothing to choose from", disabled=True, help=help
        )
        return None
    widget, seen = f"choice-{key}", f"seen-{key}"
    named = param(key)
    # A link or another page may have changed the address since this box was drawn: then the address wins.
    if named in options and named != st.session_state.get(seen):
        st.session_state[widget] = named
    elif st.session_state.get(widget) not in options:
        st.session_state[widget] = default if default in options else options[0]
    st.session_state[seen] = named
    shown = titles or {}
    return st.selectbox(
        label, options, key=widget, format_func=lambda option: shown.get(option, option), help=help,
        on_change=_remember, args=(key, widget, tuple(options)), **more,
    )  # fmt: skip


def task(available: Sequence[Task]) -> str:
    """The model family that a page is about; it is asked for only where there is more than one.

    Args:
        available: The model families of this edition.
    """
    if len(available) == 1:
        return available[0].name
    return choice("Model", [t.name for t in available], "task", titles={t.name: t.title for t in available})


def segments(label: str, options: dict[str, str], key: str, *, default: str, **more: Any) -> str:
    """A row of segments of which one is chosen; the id stands in the address.

    Args:
        label: What is chosen.
        options: Id → what the segment shows.
        key: Name in the address.
        default: The id chosen at first.
        **more: Further arguments of `st.segmented_control`.
    """
    widget = f"segments-{key}"
    if widget not in st.session_state:
        st.session_state[widget] = param(key) if param(key) in options else default
    return st.segmented_control(
        label, list(options), key=widget, format_func=options.get, required=True, on_change=_remember,
        args=(key, widget, tuple(options)), **more,
    )  # fmt: skip


def several(
    label: str, options: Sequence[str], key: str, *, titles: dict[str, str], limit: int, **more: Any
) -> list[str]:
    """A multi-select whose ids stand in the address, comma-separated; ids that are gone are dropped.

    Args:
        label: What is chosen.
        options: Ids to choose from.
        key: Name in the address.
        titles: Id → what the box shows.
        limit: At most this many.
        **more: Further arguments of `st.multiselect`.
    """
    widget = f"several-{key}"
    if widget not in st.session_state:
        st.session_state[widget] = [item for item in param(key).split(",") if item in options][:limit]
    else:
        st.session_state[widget] = [item for item in st.session_state[widget] if item in options]
    return st.multiselect(
        label, options, key=widget, format_func=lambda option: titles.get(option, option),
        max_selections=limit, on_change=_remember_several, args=(key, widget), **more,
    )  # fmt: skip


def _remember_several(key: str, widget: str) -> None:
    remember(key, ",".join(st.session_state[widget]))


def _remember(key: str, widget: str, options: Sequence[str]) -> None:
    value = st.session_state[widget]
    if value in options:
        st.query_params[key] = value
        st.session_state[f"seen-{key}"] = value


def remember(key: str, value: str) -> None:
    """Write a value into the page's address, or take it out when it is empty."""
    if value:
        if st.query_params.get(key) != value:
            st.query_params[key] = value
    elif key in st.query_params:
        del st.query_params[key]


def token(name: str) -> str:
    """A token for one press of a button: the same until `new_token`, so that a double click counts once."""
    key = f"token-{name}"
    if key not in st.session_state:
        st.session_state[key] = secrets.token_hex(8)
    return st.session_state[key]


def new_token(name: str) -> None:
    """Forget the token after its press was answered."""
    st.session_state.pop(f"token-{name}", None)
