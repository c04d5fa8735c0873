"""Writing and tailing the metrics log: torn, garbage, cut, replaced, full disk."""

from __future__ import annotations

import errno
import json
import math
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import TrainingError
from core.runs.events import parse_event, plain
from core.runs.log import KINDS, LogTail, MetricsLog

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

TEXT = st.text(max_size=30)
PAYLOAD = st.dictionaries(
    st.sampled_from(["message", "metrics", "länge", "note"]),
    st.one_of(TEXT, st.floats(), st.integers(), st.none(), st.booleans(), st.lists(TEXT, max_size=3)),
    max_size=3,
)
GARBAGE = st.one_of(
    st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")),
    st.sampled_from(
        [b"{", b"[]", b"null", b"1", b'{"kind":"step"}', b'{"kind":"x","seq":1,"t":1}', b"[" * 9000]
    ),
    st.sampled_from(
        [b'{"v":1,"seq":"1","t":1,"kind":"step"}', b'{"v":1,"seq":true,"t":1,"kind":"step"}', b"\xff"]
    ),
)


def line(seq: int, **more: object) -> bytes:
    event = {"v": 1, "seq": seq, "t": 1.5, "kind": "log", **more}
    return json.dumps(event, ensure_ascii=False).encode("utf-8") + b"\n"


def test_events_carry_version_seq_time_and_kind(tmp_path):
    with MetricsLog(tmp_path / "m.jsonl") as log:
        first = log.write("start", total_steps=3)
        log.write(
            "step", step=1, epoch=0.5, metrics={"loss": math.nan, "rate": np.float32(0.5), "n": np.int64(3)}
        )
    events = LogTail(tmp_path / "m.jsonl").read()
    assert events[0] == first
    assert (events[1]["v"], events[1]["seq"], events[1]["kind"]) == (1, 1, "step")
    assert events[1]["metrics"] == {"loss": None, "rate": 0.5, "n": 3}
    with pytest.raises(ValueError, match="'end_of_it' is not an event kind"):
        log.write("end_of_it")


def test_a_line_is_on_disk_when_write_returns(tmp_path):
    log = MetricsLog(tmp_path / "m.jsonl")
    log.write("log", message="käse 柱")
    assert (tmp_path / "m.jsonl").read_bytes().endswith('käse 柱"}\n'.encode())
    log.close()


@SETTINGS
@given(payloads=st.lists(PAYLOAD, max_size=8), torn=st.binary(max_size=30), cut=st.integers(0, 60))
def test_reopening_continues_seq_and_cuts_the_torn_tail(tmp_path, payloads, torn, cut):
    path = tmp_path / "m.jsonl"
    path.unlink(missing_ok=True)
    with MetricsLog(path) as log:
        for payload in payloads:
            log.write("log", **payload)
    whole = path.read_bytes()
    # A crash leaves any beginning of the file, and perhaps bytes that were never a line.
    path.write_bytes(whole[: max(0, len(whole) - cut)] + torn.replace(b"\n", b""))
    with MetricsLog(path) as log:
        log.write("log", message="again")
    events = LogTail(path).read()
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert events[-1]["message"] == "again"
    assert path.read_bytes().endswith(b"\n")


def test_seq_continues_after_garbage_lines_and_long_lines(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes(line(0) + line(1, message="x" * 200_000) + b"garbage\n" * 20_000 + b'{"torn')
    with MetricsLog(path) as log:
        assert log.next_seq == 2
        log.write("log")
    assert LogTail(path).read()[-1]["seq"] == 2


@SETTINGS
@given(
    st.lists(st.one_of(GARBAGE, st.integers(0, 999).map(lambda n: line(n, message="ü€柱" * (n % 5))[:-1]))),
    st.data(),
)
def test_reading_in_any_pieces_equals_reading_at_once(tmp_path, lines, data):
    path = tmp_path / "m.jsonl"
    whole = b"".join(item + b"\n" for item in lines) + data.draw(
        st.sampled_from([b"", b'{"v":1,"se', "ü".encode()[:1]])
    )
    path.write_bytes(whole)
    once = LogTail(path)
    expected = once.read()
    assert expected == [event for item in lines if (event := parse_event(item)) is not None]
    assert once.skipped == len(lines) - len(expected)

    path.unlink()
    tail, found, written = LogTail(path), [], 0
    while written < len(whole):
        size = data.draw(st.integers(1, 50))
        with path.open("ab") as file:
            file.write(whole[written : written + size])
        written += size
        found += tail.read()
    assert found == expected
    assert (tail.skipped, tail.resets) == (once.skipped, 0)
    assert tail.offset == whole.rfind(b"\n") + 1
    assert tail.read() == []


def test_a_torn_line_waits_for_its_end_even_inside_a_character(tmp_path):
    path = tmp_path / "m.jsonl"
    whole = line(0, message="柱")
    cut = whole.index("柱".encode()) + 1
    tail = LogTail(path)
    assert tail.read() == []
    path.write_bytes(whole[:cut])
    assert tail.read() == []
    with path.open("ab") as file:
        file.write(whole[cut:])
    assert [event["message"] for event in tail.read()] == ["柱"]
    assert tail.skipped == 0


@pytest.mark.parametrize("how", ["truncate", "replace", "rewrite longer", "delete"])
def test_a_cut_or_replaced_file_is_read_anew(tmp_path, how):
    path = tmp_path / "m.jsonl"
    path.write_bytes(line(0, message="old") * 3)
    tail = LogTail(path)
    assert len(tail.read()) == 3
    new = line(0, message="new")
    if how == "truncate":
        path.write_bytes(new)
    elif how == "replace":
        other = tmp_path / "other"
        other.write_bytes(new)
        other.replace(path)
    elif how == "rewrite longer":
        with path.open("r+b") as file:
            file.write(new * 9)
    else:
        path.unlink()
        assert tail.read() == []
        path.write_bytes(new)
    assert {event["message"] for event in tail.read()} == {"new"}
    assert tail.resets == 1
    assert tail.read() == []


def test_numbers_and_text_that_break_parsers_are_only_skipped(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes(
        b"[" * 100_000
        + b"\n"
        + b'{"a":'
        + b"9" * 5000
        + b"}\n"
        + b"\x00\xff\xfe\n"
        + b"\n"
        + b'"\\ud800"\n'
        + line(0)
    )
    tail = LogTail(path)
    assert [event["seq"] for event in tail.read()] == [0]
    assert tail.skipped == 5


def test_lone_surrogates_can_be_written(tmp_path):
    with MetricsLog(tmp_path / "m.jsonl") as log:
        log.write("log", message="bad \ud800 text")
    assert LogTail(tmp_path / "m.jsonl").read()[0]["message"] == "bad ? text"


class FullDisk:
    """A file on a disk with room for a few bytes."""

    def __init__(self, file, room):
        self._file, self.room = file, room

    def write(self, data):
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._file.write(bytes(data[: self.room]))
        self.room -= written
        return written

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_full_disk_is_a_sentence_and_never_a_torn_log(tmp_path):
    path = tmp_path / "m.jsonl"
    log = MetricsLog(path)
    log.write("log", message="one")
    full = log._file = FullDisk(log._file, room=25)
    with pytest.raises(TrainingError, match=r"No space left on device.*Free disk space"):
        log.write("log", message="two")
    assert path.read_bytes().count(b"\n") == 1
    full.room = 10_000
    log.write("log", message="three")
    log.close()
    events = LogTail(path).read()
    assert [(event["seq"], event["message"]) for event in events] == [(0, "one"), (1, "three")]


def test_a_signal_between_write_and_count_does_not_use_a_seq_twice(tmp_path):
    class Interrupted(FullDisk):
        def write(self, data):
            self._file.write(bytes(data))
            raise KeyboardInterrupt

    log = MetricsLog(tmp_path / "m.jsonl")
    log.write("log")
    file, log._file = log._file, Interrupted(log._file, 0)
    with pytest.raises(KeyboardInterrupt):
        log.write("log", message="half told")
    log._file = file
    log.write("end")
    log.close()
    assert [event["seq"] for event in LogTail(tmp_path / "m.jsonl").read()] == [0, 1]


def test_an_unwritable_place_is_a_sentence(tmp_path):
    (tmp_path / "m.jsonl").mkdir()
    with pytest.raises(TrainingError, match=r"The metrics log 'm.jsonl' .* cannot be written"):
        MetricsLog(tmp_path / "m.jsonl")


def test_threads_share_one_writer(tmp_path):
    log = MetricsLog(tmp_path / "m.jsonl")
    threads = [
        threading.Thread(target=lambda: [log.write("log", message="x" * 50) for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert [event["seq"] for event in LogTail(tmp_path / "m.jsonl").read()] == list(range(800))


@SETTINGS
@given(
    st.recursive(st.one_of(st.floats(), st.integers(), TEXT, st.none()), lambda x: st.lists(x, max_size=3))
)
def test_plain_is_always_json(value):
    json.dumps(plain({"value": value}), allow_nan=False)


def test_plain_knows_scalars_paths_and_sets():
    assert plain(
        {"a": np.array([1.5]), "b": np.array([1, 2]), "p": Path("x"), "s": {1}, 3: (1, math.inf)}
    ) == {
        "a": 1.5,
        "b": "[1 2]",
        "p": "x",
        "s": [1],
        "3": [1, None],
    }


def test_the_kinds_are_those_of_the_contract_and_stages():
    assert KINDS == ("start", "stage", "step", "epoch", "signal", "system", "checkpoint", "log", "end")
