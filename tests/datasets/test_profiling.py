"""A person uploads a table and gets its profile: every column described, nobody's data given away."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from datasets.profiling import ProfileDocument
from datasets.profiling.job import Profiled, profile

SECRETS = ("ann.archer", "bob.baker", "412-55-", "555-01")


def profiled(tmp_path: Path, content: str) -> Profiled:
    source = tmp_path / "upload"
    source.write_text(content, encoding="utf-8")
    return profile(source, filename="table.csv", workdir=tmp_path, progress=lambda share, say: None)


def people(rows: int = 40) -> str:
    """A table full of personal data: columns of it, codes that are numbers, and notes that mention some."""
    lines = ["mail,ssn,ssn_number,phone,note,amount"]
    for i in range(rows):
        who = "ann.archer" if i % 2 else "bob.baker"
        note = f"called {who}{i}@corp.org back" if i % 20 == 3 else f"order {i} went out to the shop today"
        lines.append(f"{who}{i}@corp.org,412-55-{1000 + i},412551{100 + i},(212) 555-01{i:02},{note},{i}.5")
    return "\n".join([*lines, "not an address,oops,unknown,,ssn is 412-55-1234,7"])


def test_the_document_survives_json(tmp_path: Path) -> None:
    document = profiled(tmp_path, people()).document
    assert ProfileDocument.from_json(json.loads(json.dumps(document.to_json(), allow_nan=False))) == document


def test_a_document_of_another_version_is_refused(tmp_path: Path) -> None:
    data = profiled(tmp_path, "a,b\n1,x\n").document.to_json()
    with pytest.raises(ValueError, match="version 2"):
        ProfileDocument.from_json({**data, "schema_version": 2})


def test_no_raw_personal_data_enters_the_document(tmp_path: Path) -> None:
    document = profiled(tmp_path, people()).document
    told = json.dumps(document.to_json())
    assert [secret for secret in SECRETS if secret in told] == []
    assert "41255" not in told
    assert {c.name: c.pii and c.pii.type for c in document.columns} == {
        "mail": "email", "ssn": "ssn", "ssn_number": "ssn", "phone": "phone", "note": "email", "amount": None,
    }  # fmt: skip
    assert document.preview[0][0] == "b***@c***.org"
    assert document.preview[3][4] == "called a***@c***.org back"
    number = document.column("ssn_number")
    assert (number.minimum, number.maximum, number.mean, number.percentiles, number.histogram) == (
        None,
        None,
        None,
        {},
        None,
    )


def test_the_typed_table_keeps_every_row_order_and_name(tmp_path: Path) -> None:
    result = profiled(
        tmp_path,
        "zip,n,price,when,ok\n01234,1,$5,2024-01-31,yes\n94110,x,$6.5,2024-02-01,no\n"
        + "60601,3,$7,2024-02-02,no\n" * 38,
    )
    table = pl.read_parquet(result.table)
    assert dict(table.schema) == {
        "zip": pl.String, "n": pl.Int64, "price": pl.Float64, "when": pl.Datetime("us"), "ok": pl.String,
    }  # fmt: skip
    assert table.rows()[1][:3] == ("94110", None, 6.5)
    assert table.height == result.document.rows == 40
    assert result.document.column("n").invalid == 1


def test_repeated_rows_and_columns_are_counted(tmp_path: Path) -> None:
    document = profiled(tmp_path, "a,b,c\n1,x,1\n1,x,1\n 1 ,x,1\n2,y,2\n").document
    assert (document.duplicates.value, document.duplicates.basis) == (2, "exact")
    assert document.column("c").duplicate_of == "a"
    assert document.column("b").duplicate_of is None


def test_an_empty_column_is_fine(tmp_path: Path) -> None:
    document = profiled(tmp_path, "a,b\n1,\n2,NA\n").document
    assert (document.column("b").kind, document.column("b").missing_share) == ("empty", 1.0)


def test_the_preview_shows_the_first_fifty_rows_in_order(tmp_path: Path) -> None:
    document = profiled(tmp_path, "a,b\n" + "".join(f"{i},{'x' * 500}\n" for i in range(80))).document
    assert [row[0] for row in document.preview] == [str(i) for i in range(50)]
    assert document.preview[0][1] == "x" * 200 + "…"


def test_progress_climbs_from_nothing_to_all(tmp_path: Path) -> None:
    (tmp_path / "upload").write_text("a,b\n1,2\n3,4\n")
    told: list[float] = []
    profile(tmp_path / "upload", filename="t.csv", workdir=tmp_path, progress=lambda share, _: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 100


def test_passing_copies_are_removed(tmp_path: Path) -> None:
    profiled(tmp_path, 'a,b\r5" x,1\r6,2\r')
    assert sorted(p.name for p in tmp_path.iterdir()) == ["table.parquet", "upload"]


def test_columns_are_read_a_few_at_a_time_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.profiling.job.CELLS_AT_ONCE", 15)
    names = [f"c{i}" for i in range(11)]
    rows = "\n".join(",".join(str(i * j % 7) for j in range(11)) for i in range(5))
    document = profiled(tmp_path, ",".join(names) + "\n" + rows + "\n").document
    assert [(c.name, c.maximum) for c in document.columns[:4]] == [("c0", 0), ("c1", 4), ("c2", 6), ("c3", 6)]
    assert [c.name for c in document.columns] == names


def test_blank_lines_of_a_wide_table_are_left_out(tmp_path: Path) -> None:
    row = ",".join(map(str, range(130)))
    document = profiled(tmp_path, ",".join(f"c{i}" for i in range(130)) + f"\n{row}\n\n{row}\n").document
    assert (document.rows, document.reading.blank_rows) == (2, 1)
