"""Splits by group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.datasets.split import group_of, keep_own_splits, masked, split_by_group
from core.errors import DatasetError


@given(st.lists(st.integers(0, 30), min_size=3, max_size=120), st.integers(0, 5))
def test_no_group_stands_in_two_splits_and_no_row_is_lost(kinds, seed):
    rows = [
        {"text": f"kind {chr(97 + kind % 26)}{chr(97 + kind // 26)} {n}", "n": n}
        for n, kind in enumerate(kinds)
    ]
    if len({group_of(row) for row in rows}) < 3:
        with pytest.raises(DatasetError, match="do not split"):
            split_by_group(rows, seed=seed)
        return
    splits = split_by_group(rows, seed=seed)
    assert all(splits.values()) and splits == split_by_group(rows, seed=seed)
    assert sorted(row["n"] for part in splits.values() for row in part) == list(range(len(rows)))
    groups = [{group_of(row) for row in part} for part in splits.values()]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])


def test_shares_and_seed():
    rows = [{"text": "sentence " + "".join(chr(97 + int(d)) for d in str(n))} for n in range(1000)]
    splits = split_by_group(rows)
    assert [len(part) for part in splits.values()] == [700, 200, 100]
    assert split_by_group(rows, seed=1) != splits


def test_near_copies_are_one_group():
    assert masked("Set  18 ft, POLE.") == masked("set 7 ft pole") != masked("set 7 ft poles")
    assert group_of({"text": "x", "pattern": "p1"}) == group_of({"text": "y", "pattern": "p1"})


def test_own_splits_are_kept_or_completed():
    rows = [{"text": f"s {chr(97 + n)}", "split": "train"} for n in range(20)]
    named = [*rows, {"text": "v", "split": "val"}, {"text": "t", "split": "test"}]
    splits, why = keep_own_splits(named)
    assert [len(part) for part in splits.values()] == [20, 1, 1] and "was kept" in why
    splits, why = keep_own_splits(named[:-1])
    assert (len(splits["val"]), len(splits["test"])) == (1, 3) and "no test" in why
    assert keep_own_splits([*named, {"text": "x"}]) is None
    assert keep_own_splits([{"text": "x", "split": "test"}]) is None
