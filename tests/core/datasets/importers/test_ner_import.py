"""Importing NER files: every format, every reason for refusing a row, encodings and limits."""

from __future__ import annotations

import csv
import io
import json

import pytest

from core.datasets.importers import import_ner
from core.datasets.importers import reading as reading_module
from core.datasets.importers import rows as rows_module
from core.errors import DatasetError, NotFoundError

TEXT = "Set pole at 18 ft per GO 95."
SPANS = [
    {"start": 4, "end": 8, "label": "EQUIPMENT"},
    {"start": 12, "end": 17, "label": "MEASURE"},
    {"start": 22, "end": 27, "label": "STANDARD"},
]
ROW = {"text": TEXT, "entities": SPANS}
WORDS = ["Set", "pole", "at", "18", "ft", "per", "GO", "95", "."]


def jsonl(*rows) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode("utf-8")


def one_reason(result) -> str:
    assert result.rows == []
    [rejected] = result.rejected
    return rejected.reason


# --- JSON Lines and JSON -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        {"text": TEXT, "spans": SPANS},
        {"text": TEXT, "label": [[s["start"], s["end"], s["label"]] for s in SPANS]},
        {"text": TEXT, "labels": [[s["start"], s["end"], s["label"].lower()] for s in reversed(SPANS)]},
        {"data": TEXT, "label": [[s["start"], s["end"], s["label"]] for s in SPANS]},
        {
            "text": TEXT,
            "entities": [
                {"id": 1, "start_offset": s["start"], "end_offset": s["end"], "label": s["label"]}
                for s in SPANS
            ],
            "relations": [],
        },
        [TEXT, {"entities": [[s["start"], s["end"], s["label"]] for s in SPANS]}],
    ],
)
def test_json_lines_of_many_tools(row):
    result = import_ner(jsonl(row), filename="a.jsonl")
    assert result.rows == [ROW] and result.rejected == [] and result.format == "jsonl"
    assert result.label_counts == {"STANDARD": 1, "MEASURE": 1, "EQUIPMENT": 1, "EXEMPTION": 0}


def test_json_array_and_wrapped_array():
    for value in ([ROW, ROW], {"examples": [ROW, ROW]}):
        for indent in (None, 2):
            result = import_ner(json.dumps(value, indent=indent).encode(), filename="a.json")
            assert (len(result.rows), result.format) == (2, "json")
    with pytest.raises(DatasetError, match=r"line 2, column"):
        import_ner(b'[{"text": "a",\n oops}]', filename="a.json")


def test_good_rows_stay_and_bad_ones_are_named_by_line():
    lines = [json.dumps(ROW), "", "{broken", json.dumps({"text": "x"}), "7", json.dumps(ROW)]
    result = import_ner("\r\n".join(lines).encode(), filename="mix.jsonl")
    assert len(result.rows) == 2
    assert [(r.line, r.file) for r in result.rejected] == [
        (3, "mix.jsonl"),
        (4, "mix.jsonl"),
        (5, "mix.jsonl"),
    ]
    assert "not JSON" in result.rejected[0].reason
    assert "no entities" in result.rejected[1].reason
    assert "a number" in result.rejected[2].reason


@pytest.mark.parametrize(
    "text, entities, reason",
    [
        ("", [], "the text is empty"),
        ("  \n", [], "the text is empty"),
        (None, [], "the text is missing"),
        (5, [], "the text is int"),
        ("a\0b", [], "zero byte"),
        ("a\ud800b", [], "lone surrogate"),
        ("pole", "B", "the entities are str"),
        ("pole", {"a": 1}, "the entities are dict"),
        ("pole", [7], "an entity is 7"),
        ("pole", [{"start": 0, "end": 5, "label": "EQUIPMENT"}], "not inside the text of 4 characters"),
        ("pole", [{"start": -1, "end": 2, "label": "EQUIPMENT"}], "not inside"),
        ("pole", [{"start": 3, "end": 1, "label": "EQUIPMENT"}], "not inside"),
        ("pole", [{"start": 2, "end": 2, "label": "EQUIPMENT"}], "is empty"),
        ("a  b", [{"start": 1, "end": 3, "label": "EQUIPMENT"}], "only white space"),
        ("pole", [{"start": "0", "end": None, "label": "EQUIPMENT"}], "the end of a span is None"),
        ("pole", [{"start": True, "end": 4, "label": "EQUIPMENT"}], "the start of a span is True"),
        ("pole", [{"start": 0.5, "end": 4, "label": "EQUIPMENT"}], "the start of a span is 0.5"),
        ("pole", [{"start": 0, "end": 4}], "label None"),
        ("pole", [{"start": 0, "end": 4, "label": ["EQUIPMENT", "MEASURE"]}], "2 labels"),
        ("pole", [{"start": 0, "end": 4, "label": "EQUIPMNT"}], "did you mean EQUIPMENT?"),
        ("pole", [{"start": 0, "end": 4, "label": "PERSON"}], "labels are STANDARD, MEASURE"),
        (
            "pole",
            [{"start": 0, "end": 4, "label": "EQUIPMENT", "text": "wire"}],
            "is 'pole', but 'wire' is given",
        ),
        (
            "wood pole",
            [[0, 9, "EQUIPMENT"], [5, 9, "EQUIPMENT"]],
            "'wood pole' (0 to 9) and 'pole' (5 to 9) overlap",
        ),
        ("pole", [[0, 4, "EQUIPMENT"], [0, 4, "MEASURE"]], "overlap"),
    ],
)
def test_reasons(text, entities, reason):
    line = json.dumps({"text": text, "entities": entities}).encode()
    assert reason in one_reason(import_ner(line, filename="a.jsonl"))


def test_long_texts():
    fits, too_long = "pole " * 20_000, "pole " * 20_000 + "x"
    result = import_ner(
        jsonl({"text": fits, "entities": []}, {"text": too_long, "entities": []}), filename="a.jsonl"
    )
    assert len(result.rows[0]["text"]) == 100_000
    assert "100,001 characters" in result.rejected[0].reason and len(result.rejected[0].snippet) == 80


def test_small_slips_are_corrected_and_told():
    row = {
        "text": "Set pole now",
        "entities": [
            {"start": "3", "end": 9.0, "label": " equip "},
            {"start": 4, "end": 8, "label": "Equipment"},
        ],
    }
    result = import_ner(jsonl(row), filename="a.jsonl")
    assert result.rows == [
        {"text": "Set pole now", "entities": [{"start": 4, "end": 8, "label": "EQUIPMENT"}]}
    ]
    notices = " ".join(result.notices)
    assert "cut off" in notices and "'equip' was read as EQUIPMENT" in notices and "given twice" in notices


def test_unknown_labels_are_listed_and_a_map_takes_them():
    row = {"text": "pole 12 kV near Bob", "entities": [[5, 10, "VOLTAGE"], [16, 19, "PERSON"]]}
    assert import_ner(jsonl(row), filename="a.jsonl").unknown_labels == {"VOLTAGE": 1}
    result = import_ner(jsonl(row), filename="a.jsonl", label_map={"voltage": "MEASURE", "Person": None})
    assert result.rows[0]["entities"] == [{"start": 5, "end": 10, "label": "MEASURE"}]
    assert result.unknown_labels == {} and "left out" in " ".join(result.notices)
    with pytest.raises(DatasetError, match="'VOLTS', which is no label"):
        import_ner(jsonl(row), filename="a.jsonl", label_map={"VOLTAGE": "VOLTS"})


def test_offsets_counted_in_utf16_are_noticed_by_the_span_text():
    text = "⚡️🔧 fix pole"
    assert text[8:12] == "pole"
    row = {"text": text, "entities": [{"start": 9, "end": 13, "label": "EQUIPMENT", "text": "pole"}]}
    result = import_ner(jsonl(row), filename="a.jsonl")
    assert result.rows[0]["entities"] == [{"start": 8, "end": 12, "label": "EQUIPMENT"}]
    assert "UTF-16" in result.notices[0]


def test_split_and_id_are_kept_and_odd_splits_are_told():
    rows = [{**ROW, "split": "dev", "id": 7}, {**ROW, "split": "holdout"}]
    result = import_ner(jsonl(*rows), filename="a.jsonl")
    assert (result.rows[0]["split"], result.rows[0]["id"]) == ("val", "7")
    assert "split" not in result.rows[1] and "'holdout'" in result.notices[0]


def test_hostile_json_is_a_rejected_row():
    lines = [
        b"[" * 100_000,
        b'{"text": "a", "entities": [[0, 1e999, "MEASURE"]]}',
        b'{"text": 1' + b"0" * 5000 + b"}",
    ]
    result = import_ner(json.dumps(ROW).encode() + b"\n" + b"\n".join(lines), filename="a.jsonl")
    assert len(result.rows) == 1 and len(result.rejected) == 3


# --- Label Studio --------------------------------------------------------------------------------


def region(start, end, label, text=None, **extra):
    value = {"start": start, "end": end, "labels": [label], **({"text": text} if text else {})}
    return {"value": value, "from_name": "label", "to_name": "text", "type": "labels", **extra}


def test_label_studio_json():
    tasks = [
        {
            "id": 11,
            "data": {"text": TEXT},
            "annotations": [
                {"was_cancelled": True, "result": []},
                {
                    "result": [
                        region(4, 8, "Equipment", "pole"),
                        region(12, 17, "MEASURE"),
                        {"type": "relation"},
                    ]
                },
            ],
        },
        {"id": 12, "data": {"text": "Nothing here"}, "annotations": [{"result": []}]},
        {"id": 13, "data": {"text": "Not done"}, "annotations": []},
        {"id": 14, "data": {"image": "a.png", "name": "b"}, "annotations": [{"result": []}]},
        {"id": 15, "data": {"text": "Two"}, "annotations": [{"result": []}, {"result": []}]},
        "no task",
    ]
    result = import_ner(json.dumps(tasks).encode(), filename="export.json")
    assert result.format == "label_studio"
    assert [row["id"] for row in result.rows] == ["11", "12", "15"]
    assert [e["label"] for e in result.rows[0]["entities"]] == ["EQUIPMENT", "MEASURE"]
    assert [(r.line, r.reason) for r in result.rejected] == [
        (3, "the task has no finished annotation"),
        (4, "the text is missing"),
        (6, "the task is no JSON object"),
    ]
    assert "no labelled spans" in " ".join(result.notices) and "several annotations" in " ".join(
        result.notices
    )


def test_label_studio_json_min():
    items = [
        {
            "id": 1,
            "text": TEXT,
            "label": [{"start": 4, "end": 8, "text": "pole", "labels": ["EQUIPMENT"]}],
            "annotator": 1,
        },
        {"id": 2, "text": "Nothing", "label": [], "annotator": 1},
        {"id": 3, "text": "Not looked at"},
        {"id": 4, "text": TEXT, "label": [{"start": 4, "end": 8, "text": "wire", "labels": ["EQUIPMENT"]}]},
    ]
    result = import_ner(json.dumps(items).encode(), filename="export.json")
    assert result.format == "label_studio" and len(result.rows) == 2
    assert [r.line for r in result.rejected] == [3, 4]
    assert "'pole', but 'wire'" in result.rejected[1].reason


# --- CoNLL ---------------------------------------------------------------------------------------

BIO = """-DOCSTART- -X- O O

# a comment
Set VB O
pole NN B-EQUIPMENT
at IN O
18 CD B-MEASURE
ft NN I-MEASURE
per IN O
GO NN B-STANDARD
95 CD I-STANDARD
. . O

"""


@pytest.mark.parametrize("name", ["a.conll", "a.txt", "a.bio"])
def test_conll_with_many_columns(name):
    result = import_ner(BIO.encode(), filename=name)
    assert (result.rows, result.format, result.notices) == ([ROW], "conll", [])


@pytest.mark.parametrize(
    "tags",
    [
        "O S-EQUIPMENT O B-MEASURE E-MEASURE O B-STANDARD E-STANDARD O",
        "O U-EQUIPMENT O B-MEASURE L-MEASURE O B-STANDARD L-STANDARD O",
        "O I-EQUIPMENT O I-MEASURE I-MEASURE O I-STANDARD I-STANDARD O",
        "O B_equip O B_measure I_measure O B_std I_std o",
    ],
)
def test_conll_schemes(tags):

    text = "".join(f"{word}\t{tag}\n" for word, tag in zip(WORDS, tags.split(), strict=True))
    result = import_ner(text.encode(), filename="a.conll")
    assert result.rows == [ROW]
    assert bool(result.notices) == ("B-" not in tags)


def test_single_tags_part_neighbours():
    result = import_ner(b"poles\tS-EQUIPMENT\ncrossarms\tS-EQUIPMENT\n", filename="a.conll")
    assert len(result.rows[0]["entities"]) == 2


def test_bad_sentence_is_named_by_its_line_and_the_others_stay():
    text = "pole B-EQUIPMENT\n\nwire EQUIPMENT\nx O\n\nalone\n\narm B-EQUIPMENT\n"
    result = import_ner(text.encode(), filename="a.conll")
    assert [row["text"] for row in result.rows] == ["pole", "arm"]
    assert [r.line for r in result.rejected] == [3, 6]
    assert (
        "'EQUIPMENT' is not a tag" in result.rejected[0].reason and "one column" in result.rejected[1].reason
    )


def test_hash_sign_and_bracket_as_words():
    result = import_ner(b"#\tB-MEASURE\n4\tI-MEASURE\n\n[ O\nx O\n", filename="a.conll")
    assert [row["text"] for row in result.rows] == ["# 4", "[x"]


def test_words_become_readable_text():
    joined = "Use ( 2 ) poles , 0 . 5 in. apart : $ 1 , 000 -LRB- 7 / 8 -RRB- owner 's"
    text = "".join(f"{word}\tO\n" for word in joined.split())
    result = import_ner(text.encode(), filename="a.conll")
    assert result.rows[0]["text"] == "Use (2) poles, 0.5 in. apart: $1,000 (7/8) owner's"
    assert "-LRB-" in result.notices[0]


# --- CSV -----------------------------------------------------------------------------------------


def table(header, *rows, delimiter=",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([header, *rows])
    return out.getvalue().encode("utf-8")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_with_entities_column(delimiter):
    cells = [json.dumps(SPANS), repr(SPANS), "", "[broken"]
    payload = table(["Text", "Entities"], *([TEXT, cell] for cell in cells), delimiter=delimiter)
    result = import_ner(payload, filename="a.csv")
    assert result.rows == [ROW, ROW] and result.format == "csv"
    assert [(r.line, r.reason.split(" (")[0]) for r in result.rejected] == [
        (4, "there are no entities"),
        (5, "the entities '[broken' are not JSON"),
    ]


def test_csv_with_one_span_a_line():
    rows = [[TEXT, s["start"], f"{s['end']}.0", s["label"]] for s in SPANS] + [["Nothing here", "", "", ""]]
    result = import_ner(table(["text", "start", "end", "label"], *rows), filename="a.csv")
    assert result.rows == [ROW, {"text": "Nothing here", "entities": []}]
    half = import_ner(table(["text", "start", "end", "label"], [TEXT, 4, "", "MEASURE"]), filename="a.csv")
    assert "the end of a span is ''" in one_reason(half)
    named = import_ner(
        table(["id", "text", "start", "end", "label", "span_text"], ["9", TEXT, 4, 8, "EQUIPMENT", "wire"]),
        filename="a.csv",
    )
    assert "'wire' is given" in one_reason(named)


def test_csv_with_one_word_a_line():

    tags = ["O", "B-EQUIPMENT", "O", "B-MEASURE", "I-MEASURE", "O", "B-STANDARD", "I-STANDARD", "O"]
    full = [["s1", word, "X", tag] for word, tag in zip(WORDS, tags, strict=True)]
    sparse = [[name if i == 0 else "", *rest] for name in ("s1", "s2") for i, (_, *rest) in enumerate(full)]
    result = import_ner(table(["Sentence #", "Word", "POS", "Tag"], *sparse), filename="a.csv")
    assert result.rows == [ROW, ROW]
    broken = import_ner(
        table(["sentence_id", "word", "tag"], ["1", "pole", "B-EQUIPMENT"], ["2", "", "O"], ["2", "x", "Q"]),
        filename="a.csv",
    )
    assert [row["text"] for row in broken.rows] == ["pole"] and [r.line for r in broken.rejected] == [3]


def test_csv_text_over_two_lines_and_wrong_columns():
    payload = b'text,entities\n"line one\nline two",[]\nunquoted, comma,[]\nok,[]\n'
    result = import_ner(payload, filename="a.csv")
    assert [row["text"] for row in result.rows] == ["line one\nline two", "ok"]
    [rejected] = result.rejected
    assert rejected.line == 4 and "3 columns, the header has 2" in rejected.reason


def test_csv_without_known_columns():
    with pytest.raises(DatasetError, match="names no known columns: 'a,b'"):
        import_ner(b"a,b\n1,2\n", filename="a.csv")


# --- Files as a whole ----------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.conll", "upload"])
def test_encodings_with_a_mark_are_read(encoding, name):
    text = "Clear 5 µm – “pole”"
    content = {
        "a.jsonl": json.dumps({"text": text, "entities": []}, ensure_ascii=False),
        "a.csv": f"text,entities\n{text.replace(chr(34), chr(39))},[]\n",
        "a.conll": "".join(f"{word}\tO\n" for word in text.split()),
        "upload": json.dumps({"text": text, "entities": []}, ensure_ascii=False),
    }[name]
    result = import_ner(content.encode(encoding), filename=name)
    assert result.rows == [{"text": text, "entities": []}]


def test_wrong_encoding_is_named_by_byte_and_line_and_may_be_named():
    good = json.dumps({"text": "a", "entities": []}).encode()
    bad = '{"text": "Use “pole”", "entities": []}'.encode("cp1252")
    payload = good + b"\n" + bad
    with pytest.raises(DatasetError) as caught:
        import_ner(payload, filename="a.jsonl")
    position = payload.index(b"\x93")
    assert f"byte 0x93 at position {position} (line 2)" in caught.value.message
    assert "Windows-1252 it would be '“'" in caught.value.message and "UTF-8" in caught.value.hint
    assert import_ner(payload, filename="a.jsonl", encoding="cp1252").rows[1]["text"] == "Use “pole”"
    with pytest.raises(DatasetError, match=r"not CP1252: the byte 0x81 at position 0 \(line 1\)"):
        import_ner(b"\x81", filename="a.jsonl", encoding="cp1252")
    for wrong in ("utf-9", "hex"):
        with pytest.raises(DatasetError, match=f"'{wrong}' is not an encoding"):
            import_ner(payload, filename="a.jsonl", encoding=wrong)


def test_position_of_a_wrong_byte_far_into_the_file(monkeypatch):
    monkeypatch.setattr(reading_module, "_CHUNK", 7)
    payload = ("µm\n" * 50).encode() + b"\xc2"
    with pytest.raises(DatasetError, match=rf"0xC2 at position {len(payload) - 1} \(line 51\)"):
        import_ner(payload, filename="a.txt")
    with pytest.raises(DatasetError, match=r"position 5 \(line 1\)"):
        import_ner(b"\xef\xbb\xbfab\xff", filename="a.txt")


@pytest.mark.parametrize(
    "payload, words",
    [
        (b"", "is empty"),
        (b"\n\n", "holds no rows"),
        (b"PK\x03\x04rest", "Excel"),
        (b"%PDF-1.7", "a PDF"),
        ("{}".encode("utf-16-le"), "zero bytes"),
    ],
)
def test_files_that_are_no_annotated_text(payload, words):
    with pytest.raises(DatasetError, match=words):
        import_ner(payload, filename="a.jsonl")


def test_unknown_format_says_what_is_expected(tmp_path):
    with pytest.raises(DatasetError, match=r"begins with 'Dear all'.*CoNLL"):
        import_ner(b"Dear all\nplease find\n", filename="mail.txt")
    with pytest.raises(DatasetError, match="'xml' is not a format"):
        import_ner(b"x", filename="a.xml", format="xml")
    with pytest.raises(NotFoundError, match="There is no file"):
        import_ner(tmp_path / "gone.jsonl")


def test_limits_of_size_and_rows(monkeypatch, tmp_path):
    path = tmp_path / "big.jsonl"
    path.write_bytes(jsonl(ROW, ROW, ROW))
    assert len(import_ner(str(path)).rows) == 3
    monkeypatch.setattr(rows_module, "MAX_ROWS", 2)
    with pytest.raises(DatasetError, match=r"big\.jsonl' has more than 2 rows"):
        import_ner(path)
    monkeypatch.setattr(reading_module, "MAX_BYTES", 10)
    with pytest.raises(DatasetError, match="at most 0 MB"):
        import_ner(path)
