"""Ben says what a column is; he sees what that costs first, and a new version is made with it."""

from typing import Any

import polars as pl
import pytest

from datasets import versions
from datasets.models import DatasetVersion
from fynix.queue.models import State
from tests.cast import Cast, api, as_
from tests.datasets.uploading import read, uploaded

PLANS = ("basic", "plus", "gold")
ROWS = [
    f"{n % 5},{'unknown' if n % 10 == 0 else n * 3},{'yes' if n % 2 else 'no'},{n % 12 + 1:02}/{n % 9 + 1:02}/2024,"
    f"{20240101 + n % 28},{PLANS[n % 3] if n else 'odd'},{2 ** (n % 30)},u{n}@mail.example"
    for n in range(200)
]
TABLE = "\n".join(["rating,amount,open,day,stamp,plan,size,mail", *ROWS]).encode() + b"\n"


@pytest.fixture
def orders(cast: Cast) -> DatasetVersion:
    return read(uploaded(cast.ben, cast.acme, TABLE, "orders.csv"))


def table(version: DatasetVersion) -> pl.DataFrame:
    with versions.table(version) as path:
        return pl.read_parquet(path)


def asked(person: Any, version: DatasetVersion, column: str, to: str) -> Any:
    return api(person).get(f"/api/v1/dataset-versions/{version.pk}/column-change?column={column}&to={to}")


def derived(person: Any, version: DatasetVersion, *steps: dict[str, str]) -> Any:
    return api(person).post(f"/api/v1/dataset-versions/{version.pk}/derivations", {"steps": list(steps)})


def test_ben_reads_a_text_as_a_number_and_is_told_first_what_goes_missing(cast: Cast, orders: DatasetVersion) -> None:
    address = f"{orders.get_absolute_url()}/column"
    assert f"{address}?column=amount" in as_(cast.ben).get(orders.get_absolute_url()).content.decode()
    told = as_(cast.ben).get(address, {"column": "amount", "to": "number"}).content.decode()
    assert "Values that cannot be read like this" in told
    assert "unknown</code> in 20 rows" in told
    assert DatasetVersion.objects.count() == 1
    answer = as_(cast.ben).post(address, {"column": "amount", "to": "number"})
    second = read(DatasetVersion.objects.get(number=2))
    assert answer["Location"] == second.get_absolute_url()
    column = versions.document(second).column("amount")
    assert (column.kind, column.invalid, column.chosen) == ("number", 20, "number")
    assert table(second)["amount"].null_count() == 20
    told = as_(cast.vic).get(second.get_absolute_url()).content.decode()
    assert "Read amount as numbers" in told
    assert "set by a person" in told
    assert "Change what it is" not in told


def test_every_type_is_what_was_counted_before(cast: Cast, orders: DatasetVersion) -> None:
    wanted = {"rating": "category", "open": "boolean", "stamp": "datetime", "day": "days_first", "amount": "number"}
    told = {column: asked(cast.ben, orders, column, to).json() for column, to in wanted.items()}
    assert {column: answer["missing"] for column, answer in told.items()} == {**dict.fromkeys(wanted, 0), "amount": 20}
    derived(cast.ben, orders, *[step for answer in told.values() for step in answer["steps"]])
    second = read(DatasetVersion.objects.get(number=2))
    document, found = versions.document(second), table(second)
    kinds = {column: document.column(column).kind for column in wanted}
    assert kinds == {
        "rating": "category", "open": "boolean", "stamp": "datetime", "day": "datetime", "amount": "number"
    }  # fmt: skip
    assert {column: document.column(column).invalid for column in wanted} == {
        column: answer["missing"] for column, answer in told.items()
    }
    assert (found["stamp"][3].day, found["day"][1].day, found["open"][1]) == (4, 2, 1)
    assert found["rating"].dtype == pl.String


def test_a_type_holds_for_the_next_file(cast: Cast, orders: DatasetVersion) -> None:
    derived(
        cast.ben,
        orders,
        {"action": "retype", "column": "rating", "to": "category"},
        {"action": "drop", "column": "mail"},
    )
    read(DatasetVersion.objects.get(number=2))
    third = read(uploaded(cast.ben, cast.acme, TABLE, "orders.csv", dataset=orders.dataset.slug))
    document = versions.document(third)
    assert (document.column("rating").kind, document.column("mail").kind) == ("category", "identifier")


def test_what_cannot_be_done_is_refused_in_a_sentence(cast: Cast, orders: DatasetVersion) -> None:
    def code(column: str, to: str) -> Any:
        return asked(cast.ben, orders, column, to).json()["code"]

    assert code("plan", "number") == "unreadable_as_type"
    assert code("day", "datetime") == "unreadable_as_type"
    assert code("nobody", "text") == "unknown_column"
    assert code("plan", "log") == "unsuited_column"
    assert code("mail", "one_hot") == "unsuited_column"
    assert code("plan", "colour") == "validation_error"
    step = {"action": "retype", "column": "plan", "to": "number"}
    assert derived(cast.ben, orders, step).json()["code"] == "unreadable_as_type"
    assert derived(cast.ben, orders, {**step, "to": "log"}).status_code == 422
    assert derived(cast.ben, orders, {"action": "drop", "column": "plan", "to": "text"}).status_code == 422
    page = as_(cast.ben).get(f"{orders.get_absolute_url()}/column", {"column": "plan", "to": "number"})
    assert page.status_code == 422
    assert "Choose another type" in page.content.decode()
    assert as_(cast.vic).get(f"{orders.get_absolute_url()}/column").status_code == 403
    assert DatasetVersion.objects.count() == 1


def test_values_that_are_hidden_are_counted_but_not_shown(cast: Cast, orders: DatasetVersion) -> None:
    for column in ("amount", "mail"):
        body = {"column": column, "treatment": "redact"}
        assert api(cast.mia).post(f"/api/v1/dataset-versions/{orders.pk}/privacy", body).status_code == 201
    assert asked(cast.ben, orders, "amount", "number").json()["code"] == "decision_pending"
    derived(cast.ben, orders)
    second = read(DatasetVersion.objects.get(number=2))
    answer = asked(cast.ben, second, "amount", "number")
    assert answer.json()["code"] == "unreadable_as_type"
    assert "unknown" not in answer.content.decode()


def test_encodings_make_numbers_of_categories(cast: Cast, orders: DatasetVersion) -> None:
    page = as_(cast.ben).get(orders.get_absolute_url()).content.decode()
    for offered in ("retype:rating:category", "encode:size:log"):
        assert f'value="{offered}"' in page
    assert asked(cast.ben, orders, "plan", "one_hot").json()["columns"] == 4
    derived(
        cast.ben, orders, {"action": "encode", "column": "plan", "to": "rare"},
        {"action": "encode", "column": "plan", "to": "one_hot"},
        {"action": "encode", "column": "open", "to": "frequency"},
        {"action": "encode", "column": "size", "to": "log"},
    )  # fmt: skip
    second = read(DatasetVersion.objects.get(number=2))
    assert second.job.state == State.SUCCEEDED
    found = table(second)
    assert [name for name in found.columns if name.startswith("plan")] == [
        "plan=plus", "plan=basic", "plan=gold", "plan=other"
    ]  # fmt: skip
    assert found["plan=other"].to_list() == [1, *[0] * 199]
    assert set(found["open"]) == {0.5}
    assert found["size"].max() == pytest.approx(20.1, abs=0.01)


def test_gaps_of_a_retyped_column_are_filled_with_what_was_unreadable(cast: Cast, orders: DatasetVersion) -> None:
    steps = ({"action": "retype", "column": "amount", "to": "number"}, {"action": "impute", "column": "amount"})
    derived(cast.ben, orders, *steps)
    second = read(DatasetVersion.objects.get(number=2))
    assert table(second)["amount"].null_count() == 0
    assert versions.document(second).column("amount").invalid == 0
