"""Every weakness of a table is told in one sentence with the number behind it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from datasets.profiling.job import profile
from datasets.suggestions import RULES, Suggestion

rng = random.Random(3)
N = 400


def suggested(tmp_path: Path, values: list[str], name: str = "x") -> dict[str, Suggestion]:
    """Suggestions by code for a column beside a harmless one."""
    lines = [f"other,{name}", *(f'{rng.choice("abc")}{i % 9},"{v}"' for i, v in enumerate(values))]
    (tmp_path / "upload").write_text("\n".join(lines), encoding="utf-8")
    result = profile(tmp_path / "upload", filename="t.csv", workdir=tmp_path, progress=lambda share, say: None)
    return {s.code: s for s in result.document.suggestions if s.column in (name, None)}


CASES: dict[str, tuple[str, list[str], str, str]] = {
    "all_null": ("x", [""] * N, "drop", "no values"),
    "constant": ("x", ["same"] * N, "drop", "same value"),
    "near_constant": ("x", ["a"] * 399 + ["b"], "drop", "99.8 %"),
    "mostly_null": ("x", [""] * 300 + ["a", "b"] * 50, "drop", "75.0 %"),
    "some_null": ("x", [""] * 40 + ["a", "b", "c"] * 120, "impute", "40 rows (10.0 %)"),
    "identifier": ("order_id", [str(7 * i) for i in range(N)], "exclude", "400 values"),
    "high_cardinality": ("x", [f"k{i % 100}" for i in range(N)], "encode", "100 different values"),
    "low_cardinality_int": ("x", [str(i % 4) for i in range(N)], "encode", "4 whole numbers"),
    "skewed": ("x", [str(2 ** (i % 30)) for i in range(N)], "encode", "skewness"),
    "outliers": ("x", [str(i % 50) for i in range(N - 2)] + ["99999", "-99999"], "review", "2 values"),
    "mixed_types": ("x", [str(i % 90) for i in range(N - 8)] + ["unclear"] * 8, "review", "8 values"),
    "invalid": ("x", [str(i % 90) for i in range(N - 1)] + ["unclear"], "review", "1 value"),
    "number_as_text": ("x", [f"${i},{i % 9}00" for i in range(1, N)], "parse", "“$”"),
    "date_as_text": ("x", ["31/01/2024", "01/31/2024"] * 200, "parse", "more than one order"),
    "ambiguous_date": ("x", ["01/02/2024", "03/04/2024"] * 200, "parse", "day/month"),
    "dirty_category": ("x", ["Red", "red", "blue", "green"] * 100, "encode", "1 value"),
    "pii": ("mail", [f"u{i}@example.com" for i in range(N)], "mask", "400 of 400 values"),
    "pii_header": ("phone", [""] * N, "review", "telephone numbers"),
}


@pytest.mark.parametrize("code", CASES)
def test_each_rule_speaks_with_its_number_and_fix(tmp_path: Path, code: str) -> None:
    name, values, action, number = CASES[code]
    suggestion = suggested(tmp_path, values, name)[code]
    assert suggestion.action == action
    assert number in suggestion.sentence


def test_repeated_rows_and_columns_are_suggested_for_dropping(tmp_path: Path) -> None:
    (tmp_path / "upload").write_text("a,b\n" + "1,1\n2,2\n3,3\n3,3\n")
    result = profile(tmp_path / "upload", filename="t.csv", workdir=tmp_path, progress=lambda share, say: None)
    told = {s.code: s for s in result.document.suggestions}
    assert told["duplicate_rows"].sentence.startswith("1 row of 4")
    assert (told["duplicate_column"].column, told["duplicate_column"].action) == ("b", "drop")


def test_every_rule_but_the_breakdown_is_shown_here() -> None:
    assert {rule.code for rule in RULES} - set(CASES) == {"unexamined", "duplicate_column"}


def test_a_clean_column_gets_no_suggestion(tmp_path: Path) -> None:
    assert set(suggested(tmp_path, [f"{rng.gauss(50, 9):.6f}" for _ in range(N)])) == set()


def test_the_gravest_come_first(tmp_path: Path) -> None:
    (tmp_path / "upload").write_text("mail,gap\n" + "".join(f"u{i}@corp.org,{i % 2 or ''}\n" for i in range(200)))
    result = profile(tmp_path / "upload", filename="t.csv", workdir=tmp_path, progress=lambda share, say: None)
    severities = [s.severity for s in result.document.suggestions]
    assert severities == sorted(severities, key=["high", "medium", "low"].index)
    assert severities[0] == "high"
