"""A file is read as it lies: nothing is lost silently, and what is no table is refused with a way out."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from datasets.profiling import Reading, Reject, Renamed, Unreadable
from datasets.profiling.reading import TextTable, read
from datasets.profiling.survey import survey


def reading(
    tmp_path: Path, content: bytes, filename: str = "table.csv"
) -> tuple[list[tuple[str | None, ...]], Reading]:
    table = texts(tmp_path, content, filename)
    return pl.read_parquet(table.path).rows(), table.reading


def texts(tmp_path: Path, content: bytes, filename: str = "table.csv") -> TextTable:
    source = tmp_path / "upload"
    source.write_bytes(content)
    return read(source, filename=filename, workdir=tmp_path, progress=lambda share, say: None)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_every_usual_dialect_gives_the_same_table(tmp_path: Path, delimiter: str, newline: str, encoding: str) -> None:
    lines = [["name", "price"], ["Käse", "1"], ["Müsli, grün; süß", "2"], ["Öl", "3"]]
    text = newline.join(delimiter.join(f'"{c}"' if "," in c else c for c in row) for row in lines) + newline
    rows, how = reading(tmp_path, text.encode(encoding))
    assert rows == [("Käse", "1"), ("Müsli, grün; süß", "2"), ("Öl", "3")]
    assert (how.delimiter, how.newline, how.records, how.kept) == (delimiter, newline, 3, 3)


def test_cyrillic_text_in_an_older_encoding_is_recognised(tmp_path: Path) -> None:
    cities = ["Москва", "Санкт-Петербург", "Новосибирск", "Екатеринбург", "Нижний Новгород"]
    rows, how = reading(
        tmp_path, "город,число\n".encode("cp1251") + "".join(f"{c},1\n" for c in cities).encode("cp1251")
    )
    assert rows[0] == ("Москва", "1")
    assert how.encoding == "cp1251"


def test_a_broken_character_does_not_change_the_encoding(tmp_path: Path) -> None:
    good = "größe,maß\n" + "süß,schön\n" * 20
    rows, how = reading(tmp_path, good.encode() + b"b\xffd,x\n")
    assert rows[0] == ("süß", "schön")
    assert (how.encoding, how.replaced) == ("utf-8", 1)


def test_a_newline_inside_quotation_marks_is_part_of_the_cell(tmp_path: Path) -> None:
    rows, how = reading(tmp_path, b'id,note\n1,"a\nb"\n2,"say ""hi"""\n')
    assert rows == [("1", "a\nb"), ("2", 'say "hi"')]
    assert how.repaired is False


def test_an_inch_sign_is_an_ordinary_character(tmp_path: Path) -> None:
    rows, how = reading(tmp_path, b'note,n\n5" pipe,1\n6" pipe,2\n')
    assert rows == [('5" pipe', "1"), ('6" pipe', "2")]
    assert (how.repaired, how.rejected) == (True, 0)


def test_an_unclosed_quotation_mark_costs_its_own_line_only(tmp_path: Path) -> None:
    rows, how = reading(tmp_path, b'a,b\n1,"open\n2,x\n3,y\n')
    assert rows == [("2", "x"), ("3", "y")]
    assert how.rejects == (Reject(2, "A quotation mark opens here and never closes."),)
    assert how.records == how.kept + how.rejected == 3


def test_a_long_row_is_listed_with_its_line_and_a_short_one_is_padded(tmp_path: Path) -> None:
    rows, how = reading(tmp_path, b'a,b\n1,"x\ny"\n1,2,3\n2,3,\n4\n\n,,\n5,6\n')
    assert rows == [("1", "x\ny"), ("2", "3"), ("4", None), ("5", "6")]
    assert how.rejects == (Reject(4, "3 cells where the table has 2 columns."),)
    assert (how.ragged, how.blank_rows, how.records) == (2, 2, 5)


def test_rejects_are_counted_beyond_the_hundred_that_are_listed(tmp_path: Path) -> None:
    _, how = reading(tmp_path, b"a,b\n" + b"1,2\n" * 400 + b"1,2,3\n" * 150)
    assert (how.kept, how.rejected, len(how.rejects)) == (400, 150, 100)
    assert how.rejects[0].line == 402


def test_lines_above_the_table_are_skipped_and_counted(tmp_path: Path) -> None:
    table = texts(tmp_path, b"Report 2024\n\na,b\n1,2\n3,4\n")
    assert table.names == ("a", "b")
    assert (table.reading.skipped, table.reading.kept) == (2, 2)


def test_a_table_without_a_header_gets_names(tmp_path: Path) -> None:
    table = texts(tmp_path, b"1,2.5\n3,4.5\n5,6.5\n")
    assert table.names == ("column_1", "column_2")
    assert (table.reading.has_header, table.reading.kept) == (False, 3)


def test_a_person_in_the_first_row_is_no_header(tmp_path: Path) -> None:
    assert texts(tmp_path, b"ann@corp.org,Ann\nbob@corp.org,Bob\n").names == ("column_1", "column_2")


def test_double_and_empty_names_are_made_unique_and_reported(tmp_path: Path) -> None:
    table = texts(tmp_path, b"x,x,,x_2\na,b,c,d\n")
    assert table.names == ("x", "x_3", "column_3", "x_2")
    assert table.reading.renamed == (Renamed(1, "x", "x_3"), Renamed(2, "", "column_3"))


@pytest.mark.parametrize("word", ["", " ", "NA", "n/a", "NaN", "null", "None", "-", "?"])
def test_null_words_are_missing_and_cells_are_trimmed(tmp_path: Path, word: str) -> None:
    rows, _ = reading(tmp_path, f"a,b\n x ,{word}\n".encode())
    assert rows == [("x", None)]


@pytest.mark.parametrize(
    ("content", "filename", "code"),
    [
        (b"", "a.csv", "empty_file"),
        (b"\n \n\r\n", "a.csv", "empty_file"),
        (b"\xef\xbb\xbf", "a.csv", "empty_file"),
        (b"a,b\n", "a.csv", "no_rows"),
        (b"a,b", "a.csv", "no_rows"),
        (b"a\n1\n2\n", "a.csv", "one_column"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a.csv", "not_a_table"),
        (b"PK\x03\x04rest", "a.csv", "broken_file"),
        (b"PAR1rest", "a.csv", "broken_file"),
        (b"7z\xbc\xaf\x27\x1c", "a.csv", "not_a_table"),
        (b"MZ\x90\x00\x03", "a.csv", "not_a_table"),
        (b"<!DOCTYPE html><p>a,b</p>", "a.csv", "not_a_table"),
        (b"a,b\n1,\x002\n", "a.csv", "not_a_table"),
        (bytes(range(1, 32)) * 40, "a.csv", "not_a_table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.xls", "not_a_table"),
        (b"\x1f\x8b\x08", "a.csv.gz", "broken_file"),
        (b"PAR1", "a.parquet", "broken_file"),
        (b'[{"a": 1, "b": 2}]', "a.json", "unsupported_format"),
        (b"1\n2\n", "a.jsonl", "not_a_table"),
        (
            ",".join(f"c{i}" for i in range(10_001)).encode() + b"\n" + b"," * 10_000 + b"\n",
            "a.csv",
            "too_many_columns",
        ),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(tmp_path: Path, content: bytes, filename: str, code: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        texts(tmp_path, content, filename)
    assert refusal.value.code == code
    assert refusal.value.message.endswith(".")


def test_bytes_that_no_encoding_explains_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable) as refusal:
        texts(tmp_path, "a,b\n1,2\n".encode("utf-16") + b"\x00\xd8" * 100)
    assert refusal.value.code == "unreadable_text"


def test_the_survey_counts_alike_wherever_a_chunk_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b\r\n1,"x\r\ny"\r\n\r\n2\r\n,\r\n3,"say ""hi"""\r\n4,5,6\r\n7,8')
    whole = survey(path, ",", 2)
    assert (whole.records, whole.blank, whole.short, whole.long) == (6, 2, 1, 1)
    for size in range(1, 12):
        monkeypatch.setattr("datasets.profiling.survey.CHUNK", size)
        assert survey(path, ",", 2) == whole
