"""The pages by name, how to go from one to another, and the guard that turns exceptions into a sentence."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import streamlit as st

from core.errors import NexaError
from dashboard import words

log = logging.getLogger("nexa.dashboard")

PAGES_DIR = Path(__file__).resolve().parent.parent / "pages"

PAGES: dict[str, tuple[str, str]] = {
    "overview": ("Overview", ":material/dashboard:"),
    "generate": ("Data", ":material/dataset:"),
    "launch": ("Launch training", ":material/rocket_launch:"),
    "live": ("Live metrics", ":material/monitoring:"),
    "validation": ("Validation", ":material/fact_check:"),
    "models": ("Models", ":material/inventory_2:"),
}
"""Page name → (title, icon), in the order of the navigation."""

Function = TypeVar("Function", bound=Callable[..., Any])


def path(page: str) -> Path:
    """The script of a page. Absolute, so that it does not depend on the folder the app was started in."""
    return PAGES_DIR / f"{page}.py"


def go(page: str, **params: str) -> NoReturn:
    """Open another page with query parameters, for example `go("live", run="ner-…")`."""
    st.switch_page(path(page), query_params={k: v for k, v in params.items() if v})


def show_error(error: NexaError) -> None:
    """One sentence and, under it, what to do next."""
    hint = f"  \n{words.plain(error.hint)}" if error.hint else ""
    st.error(words.plain(error.message) + hint, icon=":material/error:")


@contextmanager
def guard(doing: str) -> Iterator[None]:
    """Show what a person can use of an exception; the traceback goes to the log.

    Args:
        doing: What the user was doing, as a noun: "This page", "The import".
    """
    try:
        yield
    except NexaError as error:
        log.info("%s: %s", doing, error)
        show_error(error)
    except Exception as error:
        log.exception("%s failed", doing)
        st.error(
            f"{doing} could not be finished because of an unexpected error ({type(error).__name__}).  \n"
            "The details are in the log of the dashboard; reload the page to try again.",
            icon=":material/error:",
        )


def guarded(doing: str) -> Callable[[Function], Function]:
    """Decorator form of `guard`, for page bodies, fragments and callbacks."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with guard(doing):
                return function(*args, **kwargs)
            return None

        return inner  # type: ignore[return-value]

    return decorate
