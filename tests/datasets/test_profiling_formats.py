"""Tables come as Excel, Parquet, JSON Lines or packed with gzip; what is made to do harm ends in a sentence."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import zipfile
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from datasets.profiling import Reading, ReadingChoice, Reject, Unreadable, formats
from datasets.profiling.reading import read

Rows = list[tuple[str | None, ...]]
UNDECIDED = ReadingChoice()
MOMENT = dt.datetime.fromisoformat("2024-01-31T13:00Z")


def reading(
    tmp_path: Path, content: bytes, filename: str, choice: ReadingChoice = UNDECIDED
) -> tuple[tuple[str, ...], Rows, Reading]:
    source = tmp_path / "upload"
    source.write_bytes(content)
    (tmp_path / "work").mkdir(exist_ok=True)
    table = read(
        source, filename=filename, workdir=tmp_path / "work", progress=lambda share, say: None, choice=choice
    )  # fmt: skip
    kept = {"text.parquet", *(["leftover.jsonl"] if table.reading.rejected else [])}
    assert {path.name for path in (tmp_path / "work").iterdir()} == kept
    return table.names, pl.read_parquet(table.path).rows(), table.reading


def refusal(tmp_path: Path, content: bytes, filename: str, choice: ReadingChoice = UNDECIDED) -> Unreadable:
    source = tmp_path / "upload"
    source.write_bytes(content)
    with pytest.raises(Unreadable) as refused:
        read(source, filename=filename, workdir=tmp_path, progress=lambda share, say: None, choice=choice)
    assert refused.value.message.endswith(".")
    return refused.value


def workbook(**sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parquet(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_parquet(out)
    return out.getvalue()


# --- gzip -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filename", ["t.csv.gz", "t.csv", "T.GZ"])
def test_a_packed_table_is_unpacked_whatever_it_is_called(tmp_path: Path, filename: str) -> None:
    names, rows, how = reading(tmp_path, gzip.compress(b"a;b\n1;2\n3;4\n"), filename)
    assert (names, rows) == (("a", "b"), [("1", "2"), ("3", "4")])
    assert (how.format, how.packing, how.delimiter) == ("csv", "gzip", ";")


def test_a_packed_table_that_breaks_off_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 5000)
    assert refusal(tmp_path, whole[: len(whole) // 2], "t.csv.gz").code == "broken_file"


def test_an_archive_inside_an_archive_is_not_unpacked(tmp_path: Path) -> None:
    assert refusal(tmp_path, gzip.compress(gzip.compress(b"a,b\n1,2\n")), "t.csv.gz").code == "not_a_table"


def test_a_gzip_bomb_stops_before_it_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "NO_BOMB", 1 << 20)
    bomb = gzip.compress(b"a,b\n" + b"0,0\n" * (4 << 20))
    refused = refusal(tmp_path, bomb, "t.csv.gz")
    assert refused.code == "expands_too_much"
    assert (tmp_path / "unpacked").stat().st_size <= max(1 << 20, len(bomb) * formats.MOST_GROWTH)


# --- JSON Lines -------------------------------------------------------------------------------------


def test_json_lines_become_rows_whatever_keys_come_late(tmp_path: Path) -> None:
    lines = [
        '{"id": 1, "plan": "basic", "ok": true, "price": 1.50}',
        '{"id": 12345678901234567890123, "plan": null, "ok": false, "home": {"city": "Bonn", "geo": {"lat": 5}}}',
        "",
        '{"plan": "with, comma\\nand line", "tags": ["a", "b"], "late": "x"}',
    ]
    names, rows, how = reading(tmp_path, "\n".join(lines).encode(), "t.jsonl")
    assert names == ("id", "plan", "ok", "price", "home.city", "home.geo.lat", "tags", "late")
    assert rows == [
        ("1", "basic", "true", "1.50", None, None, None, None),
        ("12345678901234567890123", None, "false", None, "Bonn", "5", None, None),
        (None, "with, comma\nand line", None, None, None, None, '["a", "b"]', "x"),
    ]
    assert (how.format, how.records, how.kept, how.blank_rows) == ("jsonl", 3, 3, 1)


def test_lines_that_are_no_objects_are_kept_aside_with_their_number(tmp_path: Path) -> None:
    deep = '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"
    lines = ['{"a": 1, "b": 2}', '{"a": 1, "b"', "[1, 2]", deep, '{"a": 3, "b": 4}']
    _, rows, how = reading(tmp_path, "\n".join(lines).encode(), "t.ndjson")
    assert rows == [("1", "2"), ("3", "4")]
    assert [reject.line for reject in how.rejects] == [2, 3, 4]
    assert how.rejects[0] == Reject(2, "This line is no JSON.")
    assert (how.records, how.rejected) == (5, 3)


def test_json_is_known_by_its_content_too(tmp_path: Path) -> None:
    content = gzip.compress(b'\xef\xbb\xbf{"a": 1, "b": "x"}\r\n{"a": 2, "b": "y"}\r\n')
    _, rows, how = reading(tmp_path, content, "export.txt.gz")
    assert rows == [("1", "x"), ("2", "y")]
    assert (how.format, how.packing) == ("jsonl", "gzip")


def test_an_endless_line_costs_itself_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.profiling.jsonlines.LONGEST_LINE", 64)
    long = json.dumps({"a": "x" * 300, "b": 1})
    _, rows, how = reading(tmp_path, f'{{"a": 1, "b": 2}}\n{long}\n{{"a": 3, "b": 4}}\n'.encode(), "t.jsonl")
    assert rows == [("1", "2"), ("3", "4")]
    assert [reject.line for reject in how.rejects] == [2]


# --- Excel ------------------------------------------------------------------------------------------


def test_a_sheet_is_read_without_its_title_and_empty_columns(tmp_path: Path) -> None:
    content = workbook(
        Cover=[],
        Sales=[
            ["Sales 2024"],
            [],
            ["code", None, "sold", "price", "paid"],
            ["007", None, dt.datetime.fromisoformat("2024-05-01"), 1.5, True],
            ["008", None, dt.datetime.fromisoformat("2024-05-02T13:30"), 2, False],
        ],
    )
    names, rows, how = reading(tmp_path, content, "sales.xlsx")
    assert names == ("code", "sold", "price", "paid")
    assert rows == [("007", "2024-05-01", "1.5", "true"), ("008", "2024-05-02 13:30:00", "2", "false")]
    assert (how.format, how.sheet, how.sheets, how.skipped) == ("xlsx", "Sales", ("Cover", "Sales"), 2)


def test_people_choose_the_sheet(tmp_path: Path) -> None:
    content = workbook(One=[["a", "b"], [1, 2]], Two=[["c", "d"], [3, 4]])
    names, rows, _ = reading(tmp_path, content, "t.xlsx", ReadingChoice(sheet="Two"))
    assert (names, rows) == (("c", "d"), [("3", "4")])
    assert refusal(tmp_path, content, "t.xlsx", ReadingChoice(sheet="Three")).code == "no_such_sheet"


def test_a_workbook_without_cells_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, workbook(Empty=[]), "t.xlsx").code == "no_rows"


def test_a_zip_bomb_dressed_as_a_workbook_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "NO_BOMB", 1 << 20)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (32 << 20))
    assert refusal(tmp_path, out.getvalue(), "t.xlsx").code == "expands_too_much"


def test_one_cell_in_the_farthest_corner_fills_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "NO_BOMB_CELLS", 50_000)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in range(1, 200):
        sheet.cell(row, 16_384, 1)
    out = io.BytesIO()
    book.save(out)
    assert refusal(tmp_path, out.getvalue(), "t.xlsx").code == "expands_too_much"


def test_entities_in_a_workbook_are_not_expanded(tmp_path: Path) -> None:
    laughs = '<!DOCTYPE a [<!ENTITY l "ha"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;&l;&l;&l;">]>'
    whole, out = io.BytesIO(workbook(One=[["a", "b"], [1, 2]])), io.BytesIO()
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            body = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                body = laughs.encode() + body
            target.writestr(name, body)
    assert refusal(tmp_path, out.getvalue(), "t.xlsx").code == "broken_file"


def test_a_damaged_workbook_is_refused(tmp_path: Path) -> None:
    content = workbook(One=[["a", "b"], [1, 2]])
    assert refusal(tmp_path, content[: len(content) - 30], "t.xlsx").code == "broken_file"


# --- Parquet ----------------------------------------------------------------------------------------


def test_typed_columns_become_texts_and_keep_their_values(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "code": ["007", None],
            "n": [2**60, -1],
            "x": [0.1, float("nan")],
            "flag": [True, False],
            "day": [dt.date(2024, 1, 31), None],
            "at": pl.Series(
                [dt.datetime.fromisoformat("2024-01-31T13:00"), None], dtype=pl.Datetime("ms", "Europe/Berlin")
            ),
            "tags": [["a"], None],
            "home": [{"city": "Bonn"}, {"city": "Kiel"}],
            "  ": ["u", "v"],
        }
    )
    names, rows, how = reading(tmp_path, parquet(table), "t.parquet")
    assert names == (*table.columns[:-1], "column_9")
    assert rows[0][:5] == ("007", str(2**60), "0.1", "true", "2024-01-31")
    assert rows[0][5:] == ("2024-01-31 13:00:00.000000", '["a"]', '{"city":"Bonn"}', "u")
    assert rows[1][:6] == (None, "-1", None, "false", None, None)
    assert (how.format, how.records, how.kept, how.encoding, how.delimiter) == ("parquet", 2, 2, "", "")


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (pl.DataFrame({"a": [1]}), "one_column"),
        (pl.DataFrame({"a": [], "b": []}, schema={"a": pl.Int64, "b": pl.Int64}), "no_rows"),
    ],
)
def test_a_parquet_file_that_is_no_table_is_refused(tmp_path: Path, table: pl.DataFrame, code: str) -> None:
    assert refusal(tmp_path, parquet(table), "t.parquet").code == code


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    whole = parquet(pl.DataFrame({"a": range(10_000), "b": range(10_000)}))
    assert refusal(tmp_path, whole[:4] + b"\xff" * 200 + whole[204:], "t.parquet").code == "broken_file"
    assert refusal(tmp_path, whole[:-40], "t.parquet").code == "broken_file"


def test_millions_of_equal_rows_in_few_bytes_are_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "NO_BOMB_CELLS", 100_000)
    table = pl.select(a=pl.lit(1).repeat_by(1).explode(), b=pl.lit(2)).select(pl.all().repeat_by(1_000_000).explode())
    assert refusal(tmp_path, parquet(table), "t.parquet").code == "expands_too_much"


def test_one_long_text_a_thousand_times_is_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "NO_BOMB", 1 << 20)
    table = pl.DataFrame({"a": ["x" * 100_000] * 1000, "b": range(1000)})
    assert refusal(tmp_path, parquet(table), "t.parquet").code == "expands_too_much"


# --- what people decide ------------------------------------------------------------------------------


def test_people_say_how_a_text_is_written(tmp_path: Path) -> None:
    content = "größe^note\n1^'a^b'\n".encode("cp850")
    choice = ReadingChoice(encoding="cp850", delimiter="^", quote="'", header=True)
    names, rows, how = reading(tmp_path, content, "t.txt", choice)
    assert (names, rows) == (("größe", "note"), [("1", "a^b")])
    assert (how.encoding, how.delimiter, how.quote) == ("cp850", "^", "'")


def test_people_say_that_the_first_row_holds_values(tmp_path: Path) -> None:
    names, rows, _ = reading(tmp_path, b"red,big\nblue,small\n", "t.csv", ReadingChoice(header=False))
    assert (names, rows) == (("column_1", "column_2"), [("red", "big"), ("blue", "small")])


def test_without_quoting_every_mark_is_a_character(tmp_path: Path) -> None:
    content = b'a,b\n"x,1\n"y",2\n'
    _, rows, how = reading(tmp_path, content, "t.csv", ReadingChoice(quote=""))
    assert rows == [('"x', "1"), ('"y"', "2")]
    assert (how.quote, how.repaired) == ("", False)


def test_cells_in_apostrophes_are_found(tmp_path: Path) -> None:
    _, rows, how = reading(tmp_path, b"'id','note'\n'1','a, b'\n'2','it''s'\n", "t.csv")
    assert rows == [("1", "a, b"), ("2", "it's")]
    assert how.quote == "'"


def test_an_apostrophe_in_a_word_quotes_nothing(tmp_path: Path) -> None:
    _, rows, how = reading(tmp_path, b"id,note\n1,don't\n2,it's\n3,'tis\n4,x\n", "t.csv")
    assert [row[1] for row in rows] == ["don't", "it's", "'tis", "x"]
    assert how.quote == '"'


@pytest.mark.parametrize(
    "wrong", [{"delimiter": "ab"}, {"delimiter": "x"}, {"delimiter": '"'}, {"encoding": "rot13"}, {"quote": "`"}]
)
def test_what_we_cannot_read_is_no_choice(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        ReadingChoice(**wrong)  # type: ignore[arg-type]
