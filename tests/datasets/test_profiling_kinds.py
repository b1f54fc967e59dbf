"""Columns are typed by all their values, and what does not fit is counted, never guessed."""

from __future__ import annotations

import polars as pl
import pytest

from datasets.profiling.columns import cast, examine
from datasets.profiling.document import ColumnProfile
from datasets.profiling.kinds import meaning, present


def column(values: list[str | None], name: str = "x") -> ColumnProfile:
    return examine(name, 0, texts(values))[0]


def texts(values: list[str | None]) -> pl.Series:
    return present(pl.LazyFrame({"x": pl.Series(values, dtype=pl.String)})).collect().to_series()


def typed(values: list[str | None]) -> list[object]:
    cells = texts(values)
    values = cast(cells, meaning(cells)).to_list()
    return [value.isoformat() if hasattr(value, "isoformat") else value for value in values]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-2", "30"], [1, -2, 30]),
        (["1", "2.5", "1e3", ".5", "+4"], [1.0, 2.5, 1000.0, 0.5, 4.0]),
        (["1,234.50", "12,345", "(100)", "7"], [1234.5, 12345.0, -100.0, 7.0]),
        (["1,5", "2,25", "1.234,5"], [1.5, 2.25, 1234.5]),
        (["$1,234.50", "-$5", "($7)", "$ 8"], [1234.5, -5.0, -7.0, 8.0]),
        (["1,250 CHF", "EUR\u00a08", "$.50"], [1250.0, 8.0, 0.5]),
        (["12,50 €", "1.234,00 €", "3,99 €"], [12.5, 1234.0, 3.99]),
        (["10%", "2.5 %", "-3%"], [10.0, 2.5, -3.0]),
        (["01234", "94110", "60601"], ["01234", "94110", "60601"]),
        (["1" * 40, "2" * 40], ["1" * 40, "2" * 40]),
        (["2024-01-31", "2024-02-01"], ["2024-01-31T00:00:00", "2024-02-01T00:00:00"]),
        (["2024-01-31 10:00", "2024-01-31T10:00:30.5"],
         ["2024-01-31T10:00:00", "2024-01-31T10:00:30.500000"]),
        (["2024-01-31T10:00:00+02:00", "2024-01-31T10:00:00Z"],
         ["2024-01-31T08:00:00", "2024-01-31T10:00:00"]),
        (["31/01/2024", "05/02/2024"], ["2024-01-31T00:00:00", "2024-02-05T00:00:00"]),
        (["01/31/2024", "02/05/2024"], ["2024-01-31T00:00:00", "2024-02-05T00:00:00"]),
        (["31.01.2024", "05.02.2024"], ["2024-01-31T00:00:00", "2024-02-05T00:00:00"]),
        (["31-Jan-2024", "1-Feb-2024"], ["2024-01-31T00:00:00", "2024-02-01T00:00:00"]),
        (["Jan 31, 2024", "Feb 1, 2024"], ["2024-01-31T00:00:00", "2024-02-01T00:00:00"]),
        (["01/02/2024", "03/04/2024"], ["01/02/2024", "03/04/2024"]),
        (["31/01/2024", "01/31/2024"], ["31/01/2024", "01/31/2024"]),
        (["1.2.3", "1.2.4"], ["1.2.3", "1.2.4"]),
        ([" yes ", "No", None], ["yes", "No", None]),
    ],
)  # fmt: skip
def test_texts_become_what_they_say(values: list[str | None], expected: list[object]) -> None:
    assert typed(values) == expected


@pytest.mark.parametrize(
    ("name", "values", "kind", "storage"),
    [
        ("x", ["1", "2", "3"] * 9, "number", "number"),
        ("x", ["$1", "$2"], "currency", "number"),
        ("x", ["1%", "2%"], "percent", "number"),
        ("x", ["0", "1"] * 9, "boolean", "number"),
        ("x", ["Yes", "no"] * 9, "boolean", "text"),
        ("x", ["TRUE", "false"] * 9, "boolean", "text"),
        ("x", ["Yes", "No", "No phone service"] * 9, "category", "text"),
        ("x", [None, "", "NA"], "empty", "text"),
        ("x", ["7", "7", None], "constant", "number"),
        ("x", ["same"] * 3, "constant", "text"),
        ("row_id", [str(3**13 * i) for i in range(200)], "identifier", "number"),
        ("n", [str(i) for i in range(200)], "identifier", "number"),
        ("population", [str(i * i * 97) for i in range(200)], "number", "number"),
        ("weight", [f"{i}.5" for i in range(200)], "number", "number"),
        ("customer", [f"{i}-XK" for i in range(200)], "identifier", "text"),
        ("review", [f"I bought {i} of these and they were good" for i in range(200)], "text", "text"),
        ("ticket", [f"A{i % 150}" for i in range(200)], "category", "text"),
        ("when", [f"2024-{m:02}-{d:02}" for m in range(1, 10) for d in range(1, 28)], "datetime", "datetime"),
        ("when", [f"{m:02}/{d:02}/2024" for m in range(1, 12) for d in range(1, 12)], "text", "text"),
    ],
)
def test_each_column_gets_its_kind(name: str, values: list[str | None], kind: str, storage: str) -> None:
    found = column(values, name)
    assert found.error is None
    assert (found.kind, found.storage) == (kind, storage)


def test_one_late_word_does_not_cost_a_number_column() -> None:
    found = column([str(i % 500) for i in range(20_000)] + ["unknown", "inf"])
    assert (found.kind, found.invalid, found.examples, found.maximum) == (
        "number",
        2,
        ("unknown", "inf"),
        499,
    )


def test_blanks_among_numbers_are_missing_and_not_invalid() -> None:
    found = column(["29.85", " ", "1889.5", "", "108.15"])
    assert (found.kind, found.missing, found.invalid, found.missing_share) == ("number", 2, 0, 0.4)


def test_too_many_words_leave_the_column_text_with_a_note() -> None:
    found = column([str(i % 90) for i in range(90)] + ["N.A.", "unclear"] * 5)
    assert found.storage == "text"
    assert found.notes["misfit"] == pytest.approx(0.1)


def test_figures_of_a_number_column() -> None:
    found = column([str(i) for i in range(1, 102)] * 2 + [None])
    assert (found.minimum, found.maximum, found.mean, found.distinct.value) == (1, 101, 51, 101)
    assert found.distinct.basis == "exact"
    assert found.std == pytest.approx(29.227, abs=1e-3)
    assert found.percentiles == {"1": 2, "5": 6, "25": 26, "50": 51, "75": 76, "95": 96, "99": 100}
    assert found.outliers == 0


def test_two_wild_values_count_as_outliers() -> None:
    assert column([str(i) for i in range(100)] * 3 + ["1000000", "-1000000"]).outliers == 2


def test_top_values_and_the_rest_sum_to_the_filled_rows() -> None:
    found = column([f"level {i % 20}" for i in range(100)] + ["level 3"] * 50 + [None])
    assert found.top[0].value == "level 3"
    assert found.top[0].count == 55
    assert found.top_share == pytest.approx(55 / 150)
    assert sum(v.count for v in found.top) + found.other == 150


def test_levels_that_differ_only_in_case_are_noted() -> None:
    assert column(["Red", "red", "RED ", "blue"] * 5).notes["dirty"] == 2


def test_more_levels_than_are_judged_are_still_all_counted() -> None:
    levels = [f"Town {i}" for i in range(6000)] + ["town 7", "TOWN  7"]
    found = column([level for i, level in enumerate(levels) for _ in range(12 if 100 <= i < 104 else 2)])
    assert (found.kind, found.distinct.value, found.notes["dirty"]) == ("category", 6002, 2)
    assert [(v.value, v.count) for v in found.top[:4]] == [(f"Town {i}", 12) for i in range(100, 104)]
    assert sum(v.count for v in found.top) + found.other == 2 * 6002 + 40


def test_a_very_long_column_is_sampled_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.profiling.columns.EXACT_ROWS", 1000)
    monkeypatch.setattr("datasets.profiling.columns.SAMPLED_ROWS", 500)
    found = column([str(i % 700) for i in range(2100)] + [None])
    assert (found.basis, found.sample, found.distinct.value, found.distinct.basis) == (
        "sampled",
        500,
        700,
        "exact",
    )
    assert (found.minimum, found.maximum, found.missing) == (0, 699, 1)
    assert found.percentiles["50"] == pytest.approx(350, abs=60)
    assert found.histogram is not None
    assert (found.histogram.basis, found.histogram.sample) == ("sampled", 500)
    assert found.histogram.below + sum(found.histogram.counts) + found.histogram.above == 500


def test_a_broken_column_reports_itself_and_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise OverflowError("20 PiB, please: secret@corp.org")

    monkeypatch.setattr("datasets.profiling.columns.meaning", explode)
    found, understood = examine("x", 0, texts(["a", None]))
    assert found.error == "This column could not be examined (OverflowError)."
    assert (found.missing, understood.storage) == (1, "text")
