"""Small HTML pieces that several pages show: score rows, state badges, check lines, balance bars.

Functions that end in `_html` are pure and escape what they are given; the others draw with Streamlit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Literal

import streamlit as st

from dashboard import nav, theme, words
from dashboard.entities import css_class

CLOSE = 0.05
"""A figure less than this far below its target is called close, not failed."""


def verdict(value: float | None, target: float) -> tuple[str, str]:
    """How a figure stands to its target: (role class, words with a sign)."""
    if value is None:
        return "muted", "not measured"
    if value > target:
        return "met", "✓ target met"
    if value > target - CLOSE:
        return "close", "▲ close to target"
    return "below", "✗ below target"


def score_html(
    title: str,
    target: float,
    *,
    real: float | None,
    generated: float | None,
    held_out_word: str = "generated",
    advise_gold: bool = True,
) -> str:
    """One metric against its target: a row on real data (blue) and a row on generated data (grey).

    The verdict is spoken on the real figure where there is one, because that is what the target is judged on.

    Args:
        title: Name of the metric.
        target: The figure to pass.
        real: Value on the gold set, or None.
        generated: Value on the held-out part of the training data, or None.
        held_out_word: What that part is called: `generated`, or `held out` for imported data.
        advise_gold: True to say that a gold set is missing where `real` is None.
    """
    judged = real if real is not None else generated
    role, said = verdict(judged, target)
    if real is None and generated is not None:
        # A target passed on generated data alone is not called met.
        role = "generated"
        said = f"{'above' if generated > target else 'below'} target on {held_out_word} data"
    lines = [
        f'<div class="nx-metric"><span>{escape(title)} '
        f'<span class="nx-quiet">target {target:.2f}</span></span>'
        f'<span class="nx-verdict nx-{role}">{escape(said)}</span></div>'
    ]
    for role, name, value in (("real", "real", real), ("generated", held_out_word, generated)):
        if value is None:
            continue
        lines.append(
            f'<div class="nx-row nx-{role}"><span class="nx-source">{escape(name)}</span>'
            f'<span class="nx-value">{words.score(value)}</span>{bar_html(value, target)}</div>'
        )
    if real is None:
        tail = ": import a gold set" if advise_gold else ""
        lines.append(f'<div class="nx-quiet">Not measured on real data{tail}.</div>')
    return "".join(lines)


def bar_html(value: float | None, target: float | None = None) -> str:
    """A bar from 0 to 1 in the colour of its surroundings, with a tick where the target is."""
    share = min(1.0, max(0.0, value or 0.0)) * 100
    tick = (
        f'<em style="left:{target * 100:.1f}%" title="target {target:g}"></em>' if target is not None else ""
    )
    return f'<div class="nx-bar"><span style="width:{share:.1f}%"></span>{tick}</div>'


def progress_html(share: float, name: str, doing: str) -> str:
    """A running training: name, what it does, and a bar in the colour of "running".

    Args:
        share: 0 to 1.
        name: In bold.
        doing: What it does and how long it still takes.
    """
    percent = min(1.0, max(0.0, share)) * 100
    return (
        f'<div class="nx-close"><div class="nx-doing"><b>{escape(name)}</b> {escape(doing)}</div>'
        f'<div class="nx-bar" role="progressbar" aria-valuenow="{percent:.0f}" aria-label="{escape(name)}">'
        f'<span style="width:{percent:.1f}%"></span></div></div>'
    )


def head_html(title: str, status: str) -> str:
    """First line of a card: a title on the left, a quiet status on the right."""
    return f'<div class="nx-head"><b>{escape(title)}</b><span>{escape(status)}</span></div>'


def quiet_html(text: str) -> str:
    """A quiet line of text."""
    return f'<p class="nx-quiet">{escape(text)}</p>'


def line_html(role: str, word: str, text: str) -> str:
    """A one-line card: a coloured word on the left, a sentence beside it.

    Args:
        role: `met`, `close`, `below`, `generated`, `real`, `muted` or `accent`.
        word: What the colour means.
        text: The sentence.
    """
    return f'<div class="nx-line nx-{role}"><b>{escape(word)}</b><span>{escape(text)}</span></div>'


def check_html(ok: bool | None, title: str, detail: str) -> str:
    """One pre-flight or health line: ✓ passed, ▲ worth knowing (`None`), ✗ in the way."""
    role, sign = {True: ("muted", "✓"), None: ("close", "▲"), False: ("below", "✗")}[ok]
    small = f"<small>{escape(detail)}</small>" if detail else ""
    return f'<div class="nx-check nx-{role}"><b>{sign}</b><span>{escape(title)}</span>{small}</div>'


def facts_html(facts: Iterable[tuple[str, str] | tuple[str, str, str]]) -> str:
    """Figures side by side: (name, value) or (name, value, role)."""
    cells = []
    for fact in facts:
        role = f' class="nx-{fact[2]}"' if len(fact) > 2 and fact[2] else ""
        cells.append(f"<div{role}><small>{escape(fact[0])}</small><b>{escape(fact[1])}</b></div>")
    return f'<div class="nx-facts">{"".join(cells)}</div>'


def balance_html(counts: Mapping[str, int]) -> str:
    """A stacked bar of label counts with the words and numbers under it."""
    total = sum(counts.values())
    if not total:
        return quiet_html("Nothing is labelled.")
    parts, names = [], []
    for label, value in counts.items():
        if value:
            title = f"{escape(label)} {value:,}"
            parts.append(f'<span class="{css_class(label)}" style="flex:{value}" title="{title}"></span>')
        names.append(
            f'<span class="{css_class(label)}"><i></i><b>{escape(label)}</b> {value:,} '
            f"({value / total:.0%})</span>"
        )
    return f'<div class="nx-stack">{"".join(parts)}</div><div class="nx-legend">{"".join(names)}</div>'


def labels_html(card: Mapping[str, Any]) -> str:
    """The label balance of a dataset, all splits together.

    Args:
        card: Its card, with `labels`: split → label → count.
    """
    total: dict[str, int] = {}
    for counts in (card.get("labels") or {}).values():
        for label, value in counts.items():
            total[label] = total.get(label, 0) + int(value)
    return balance_html(total)


def table_html(
    columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[Any]], raw: Iterable[int] = ()
) -> str:
    """A plain table.

    Args:
        columns: (heading, right-aligned) per column.
        rows: One sequence of cells per row.
        raw: Indexes of columns whose cells are HTML made by this package; all others are escaped.
    """
    raw = set(raw)
    head = "".join(f"<th{_num(right)}>{escape(name)}</th>" for name, right in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_num(columns[i][1])}>{cell if i in raw else escape(str(cell))}</td>"
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    table = f'<table class="nx-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="nx-scroll">{table}</div>'


def _num(right: bool) -> str:
    return ' class="nx-num"' if right else ""


def label_html(label: str) -> str:
    """A label word in its colour, for a cell of `table_html`."""
    return f'<b class="nx-name {css_class(label)}">{escape(label)}</b>'


def state_badge(name: str) -> None:
    """The state of a run as a badge with icon and word."""
    shown = theme.state(name)
    st.badge(shown.word, icon=shown.icon, color=shown.badge)


def source_badge(real: bool, name: str = "", word: str = "") -> None:
    """Says whether the figures under it come from real (blue) or generated data (grey).

    Args:
        real: True for real data.
        name: Of the dataset.
        word: What is said instead of "Real data (gold)" or "Generated data".
    """
    tail = f" · {name}" if name else ""
    if real:
        st.badge(f"{word or 'Real data (gold)'}{tail}", icon=":material/verified:", color="blue")
    else:
        st.badge(f"{word or 'Generated data'}{tail}", icon=":material/auto_awesome:", color="gray")


def empty_state(
    sentence: str,
    button: str,
    page: str,
    params: Mapping[str, str] | None = None,
    *,
    kind: Literal["primary", "secondary"] = "primary",
) -> None:
    """An empty place: one sentence and one button that leads on.

    Args:
        sentence: What is missing, in one sentence.
        button: Text of the button.
        page: Name of the page it opens (see `dashboard.nav`).
        params: Query parameters for that page.
        kind: `secondary` where the page has another button to press first.
    """
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.space("small")
        st.markdown(sentence, text_alignment="center")
        if st.button(button, type=kind, key=f"empty-{page}-{button}"):
            nav.go(page, **(params or {}))
        st.space("small")


def word_html(role: str, word: str) -> str:
    """A word in the colour of its role, for a cell of `table_html`."""
    return f'<b class="nx-name nx-{role}">{escape(word)}</b>'
