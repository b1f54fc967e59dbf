"""Vic sees what differs between two versions of a table, the differences first."""

import random

import pytest

from datasets.models import DatasetVersion
from tests.cast import Cast, api, as_
from tests.datasets.uploading import read, uploaded

dice = random.Random(11)


def table(rows: int, *, shift: float, gaps: int, code: str, last: str) -> bytes:
    lines = [f"age,plan,calls,code,{last}"]
    for n in range(rows):
        plan = dice.choice(("basic", "plus"))
        calls = "" if n % 100 < gaps else str(dice.randint(0, 9))
        lines.append(f"{dice.gauss(40 + shift, 9):.3f},{plan},{calls},{code}{n % 9},{n % 3}")
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture
def both(cast: Cast) -> tuple[DatasetVersion, DatasetVersion]:
    first = read(uploaded(cast.ben, cast.acme, table(800, shift=0, gaps=0, code="", last="old"), "people.csv"))
    data = table(600, shift=8, gaps=20, code="k", last="new")
    return first, read(uploaded(cast.ben, cast.acme, data, "people.csv", dataset=first.dataset.slug))


def test_differences_come_first_with_their_figures(cast: Cast, both: tuple[DatasetVersion, DatasetVersion]) -> None:
    first, second = both
    found = api(cast.vic).get(f"/api/v1/dataset-versions/{second.pk}/comparison").json()
    assert (found["before"]["number"], found["after"]["number"]) == (1, 2)
    assert (found["added"], found["removed"]) == (["new"], ["old"])
    columns = {column["name"]: column for column in found["columns"]}
    assert [name for name, column in columns.items() if column["differs"]] == ["code", "calls", "age"]
    assert columns["age"]["stability"]["index"] > 0.5
    assert columns["plan"]["stability"]["has_moved"] is False
    assert columns["code"]["stability"] is None
    assert columns["calls"]["after"]["missing_share"] == pytest.approx(0.2)
    page = as_(cast.vic).get(f"{second.get_absolute_url()}/compare").content.decode()
    assert page.index("<bdi>code</bdi>") < page.index("<bdi>calls</bdi>") < page.index("What is the same")
    assert page.index("What is the same") < page.index("<bdi>plan</bdi>")
    assert f"{first.get_absolute_url()}/compare" in as_(cast.vic).get(first.get_absolute_url()).content.decode()


def test_a_lonely_or_unknown_version_is_told(cast: Cast) -> None:
    only = read(uploaded(cast.ben, cast.acme, table(60, shift=0, gaps=0, code="", last="old"), "people.csv"))
    read(uploaded(cast.ben, cast.acme, b"\0\1 no table", "people.csv", dataset=only.dataset.slug))
    lonely = as_(cast.vic).get(f"{only.get_absolute_url()}/compare").content.decode()
    assert "There is only one version" in lonely
    assert "Another version" not in lonely  # nothing to choose from: the second could not be read
    answer = as_(cast.vic).get(f"{only.get_absolute_url()}/compare?against=9x")
    assert (answer.status_code, "no other version 9x" in answer.content.decode()) == (422, True)
    address = f"/api/v1/dataset-versions/{only.pk}/comparison"
    assert api(cast.vic).get(address).json()["code"] == "unknown_version"
    assert api(cast.vic).get(f"{address}?against=7").json()["code"] == "unknown_version"
    assert api(cast.mallory).get(address).status_code == 404
