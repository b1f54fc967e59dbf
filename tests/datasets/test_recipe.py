"""Ben ticks fixes; a new version is made with them, says what was done, and the one before stays."""

from typing import Any

import polars as pl
import pytest

from datasets import versions
from datasets.models import DatasetVersion
from fynix.queue.models import State
from tests.cast import Cast, api, as_
from tests.datasets.uploading import read, uploaded

ROWS = [
    f"{n},{'' if n % 10 == 0 else n % 7},{('Red', 'red', 'blue')[n % 3]},{n % 12 + 1:02}/{n % 9 + 1:02}/2024,same"
    for n in range(200)
]
MESSY = "\n".join(["key,gaps,colour,day,flat", *ROWS, *ROWS[:5]]).encode() + b"\n"


@pytest.fixture
def messy(cast: Cast) -> DatasetVersion:
    return read(uploaded(cast.ben, cast.acme, MESSY, "messy.csv"))


def table(version: DatasetVersion) -> pl.DataFrame:
    with versions.table(version) as path:
        return pl.read_parquet(path)


def ticked(person: Any, version: DatasetVersion, *fixes: str) -> Any:
    return as_(person).post(f"{version.get_absolute_url()}/recipe", {"fix": list(fixes)})


def test_ticked_fixes_make_version_two(cast: Cast, messy: DatasetVersion) -> None:
    page = as_(cast.ben).get(messy.get_absolute_url()).content.decode()
    fixes = ("drop_repeated:", "drop:flat", "impute:gaps", "merge:colour", "days_first:day")
    for fix in fixes:
        assert f'value="{fix}"' in page
    answer = ticked(cast.ben, messy, *fixes)
    second = read(DatasetVersion.objects.get(number=2))
    assert answer["Location"] == second.get_absolute_url()
    assert second.job.state == State.SUCCEEDED
    found = table(second)
    assert found.columns == ["key", "gaps", "colour", "day"]
    assert found.height == second.rows == 200
    assert found["gaps"].null_count() == 0
    assert found["gaps"][10] == 3
    assert set(found["colour"]) == {"Red", "blue"}
    assert found["day"].dtype == pl.Datetime("us")
    assert (found["day"][1].day, found["day"][1].month) == (2, 2)
    assert table(messy).height == 205
    told = as_(cast.vic).get(second.get_absolute_url()).content.decode()
    assert "What was done to it" in told
    assert "Fill the gaps of gaps" in told


def test_a_program_goes_on_from_a_recipe(cast: Cast, messy: DatasetVersion) -> None:
    def derive(version: DatasetVersion, *steps: dict[str, str]) -> Any:
        return api(cast.ben).post(f"/api/v1/dataset-versions/{version.pk}/derivations", {"steps": list(steps)})

    derive(messy, {"action": "drop", "column": "flat"})
    second = read(DatasetVersion.objects.get(number=2))
    derive(second, {"action": "months_first", "column": "day"}, {"action": "drop", "column": "key"})
    third = read(DatasetVersion.objects.get(number=3))
    found = table(third)
    assert found.columns == ["gaps", "colour", "day"]
    assert (found["day"][8].month, found["day"][8].day) == (9, 9)
    assert [step.action for step in versions.plan(third).steps] == ["drop", "months_first", "drop"]
    assert derive(messy, {"action": "drop", "column": "nobody"}).json()["code"] == "unknown_column"
    assert derive(messy, {"action": "burn", "column": "flat"}).status_code == 422


def test_a_text_with_gaps_gets_a_level_of_its_own(cast: Cast) -> None:
    data = b"id,plan\n" + b"".join(f"{n},{('', 'a', 'b')[n % 3]}\n".encode() for n in range(30))
    version = read(uploaded(cast.ben, cast.acme, data, "plans.csv"))
    ticked(cast.ben, version, "impute:plan")
    assert set(table(read(DatasetVersion.objects.get(number=2)))["plan"]) == {"missing", "a", "b"}


def test_nothing_ticked_or_offered_makes_no_version(cast: Cast, messy: DatasetVersion) -> None:
    for fixes in ((), ("drop:key_that_is_not",), ("burn:flat",)):
        assert ticked(cast.ben, messy, *fixes)["Location"] == messy.get_absolute_url()
    assert ticked(cast.vic, messy, "drop:flat").status_code == 403
    assert DatasetVersion.objects.count() == 1


def test_a_recipe_that_leaves_one_column_fails_with_a_sentence(cast: Cast) -> None:
    data = b"flat,other\n" + b"".join(f"same,{n % 7}\n".encode() for n in range(30))
    version = read(uploaded(cast.ben, cast.acme, data, "two.csv"))
    ticked(cast.ben, version, "drop:flat")
    second = read(DatasetVersion.objects.get(number=2))
    assert (second.job.state, second.job.error_code) == (State.FAILED, "unparseable_file")
