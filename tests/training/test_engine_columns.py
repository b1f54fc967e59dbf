"""Which columns a model reads, and that fast encoding equals encoding cell by cell."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.engine import InputColumn
from training.engine.columns import choose, encode_series, learn
from training.engine.schema import encode_column

LEVELS = InputColumn("level", "category", categories=("red", "green", "1", "True"))
NUMBER = InputColumn("number", "number")
words = st.sampled_from(["red", " green ", "1", "blue", "NA", "", "None", "-", "?", "Red"]) | st.none()


@settings(max_examples=50, deadline=None)
@given(st.lists(words, min_size=1))
def test_categories_get_the_codes_of_the_cell_by_cell_encoder(values):
    fast = encode_series(LEVELS, pl.Series("level", values, dtype=pl.String))
    np.testing.assert_array_equal(fast, encode_column(LEVELS, values))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.floats(-1e30, 1e30) | st.just(float("nan")), min_size=1))
def test_floats_get_the_numbers_of_the_cell_by_cell_encoder(values):
    fast = encode_series(NUMBER, pl.Series("number", values, dtype=pl.Float64, strict=False))
    np.testing.assert_array_equal(fast, encode_column(NUMBER, values))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_get_the_numbers_of_the_cell_by_cell_encoder(values):
    fast = encode_series(NUMBER, pl.Series("number", values, dtype=pl.Int64))
    np.testing.assert_array_equal(fast, encode_column(NUMBER, values))


@pytest.mark.parametrize("values", [pl.Series("level", [True, False, None]), pl.Series("level", [1, 2, None])])
def test_other_types_in_a_category_column_encode_alike(values):
    np.testing.assert_array_equal(encode_series(LEVELS, values), encode_column(LEVELS, values.to_list()))


def test_numbers_written_as_text_encode_alike():
    values = ["1.5", " 2 ", "", None]
    fast = encode_series(NUMBER, pl.Series("number", values))
    np.testing.assert_array_equal(fast, [1.5, 2, np.nan, np.nan])


def test_the_hundred_most_frequent_levels_are_frozen():
    values = [f"v{row}" for row in range(120) for _ in range(200 - row)] + ["NA"] * 10
    column = learn(pl.Series("city", values))
    assert column.categories == tuple(f"v{row}" for row in range(100))
    assert column.missing_share == pytest.approx(10 / len(values))


def test_a_number_keeps_its_range():
    column = learn(pl.Series("age", [3.0, 1.0, None, 2.0]))
    assert (column.minimum, column.median, column.maximum, column.missing_share) == (1.0, 2.0, 3.0, 0.25)


TABLE = pl.DataFrame(
    {
        "target": [0, 1] * 30,
        "age": [row % 9 for row in range(60)],
        "order_id": range(60),
        "pid": [row * 3 for row in range(60)],
        "email": [f"a{row}" for row in range(60)],
        "when": [date(2024, 1, 1)] * 60,
        "blank": ["", "NA"] * 30,
        "same": ["x"] * 60,
        "colour": ["red", "blue"] * 30,
    }
)


def test_each_kind_of_useless_column_is_left_out_with_its_reason():
    kept, left = choose(TABLE, "target", ["colour"])
    assert kept == ["age", "pid"]
    assert {column.name: column.code for column in left} == {
        "order_id": "identifier",
        "email": "identifier",
        "when": "date",
        "blank": "empty",
        "same": "constant",
        "colour": "asked",
    }


NAMES = {
    "customerID": True,
    "ID": True,
    "row": True,
    "Unnamed: 0": True,
    "paid": False,
    "humidity": False,
    "LIQUID": False,
}


@pytest.mark.parametrize(("name", "left"), NAMES.items())
def test_only_integers_named_like_identifiers_count_as_such(name, left):
    table = pl.DataFrame({"target": [0, 1] * 30, name: range(60), "age": [1, 2] * 30})
    assert (name not in choose(table, "target", [])[0]) == left
