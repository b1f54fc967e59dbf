"""Vic sees which columns give a target away before anybody trains on them."""

import random

import pytest

from datasets.models import DatasetVersion
from tests.cast import Cast, api, as_
from tests.datasets.uploading import read, uploaded

dice = random.Random(5)


def row(n: int) -> str:
    left = n % 3 == 0
    answer = "yes" if left else "no"
    months = dice.randint(0, 20) + (0 if left else 6)
    held = answer if dice.random() < 0.5 else ""
    return f"{months},{'2024-05-01' if left else ''},{held},{answer}"


TABLE = "\n".join(["months,closed,outcome,left", *(row(n) for n in range(600))]).encode() + b"\n"


@pytest.fixture
def leaky(cast: Cast) -> DatasetVersion:
    return read(uploaded(cast.ben, cast.acme, TABLE, "leaky.csv"))


def test_vic_is_told_which_columns_and_why(cast: Cast, leaky: DatasetVersion) -> None:
    address = f"{leaky.get_absolute_url()}/giveaways"
    assert f"{address}?target=left" in as_(cast.vic).get(f"{leaky.get_absolute_url()}?beside=left").content.decode()
    answer = api(cast.vic).get(f"/api/v1/dataset-versions/{leaky.pk}/giveaways?target=left").json()
    assert (answer["task"], answer["measure"], answer["rows"], answer["looked_at"]) == ("binary", "auc", 600, 3)
    verdicts = {each["column"]: each["verdict"] for each in answer["suspected"]}
    assert verdicts == {"closed": "certain", "outcome": "where_present"}
    page = as_(cast.vic).get(address, {"target": "left"}).content.decode()
    assert "It very likely holds the answer" in page
    assert "exact where it is there" in page
    assert "Look at every column" in as_(cast.vic).get(address).content.decode()


def test_an_honest_table_gives_nothing_away(cast: Cast, leaky: DatasetVersion) -> None:
    page = as_(cast.vic).get(f"{leaky.get_absolute_url()}/giveaways", {"target": "months"}).content.decode()
    assert "No column gives it away" in page


def test_a_target_that_suits_nothing_is_refused(cast: Cast, leaky: DatasetVersion) -> None:
    address = f"/api/v1/dataset-versions/{leaky.pk}/giveaways"
    assert api(cast.vic).get(f"{address}?target=nobody").json()["code"] == "target_invalid"
    unsuited = api(cast.vic).get(f"{address}?target=closed").json()
    assert (unsuited["code"], bool(unsuited["reason"])) == ("target_unsuited", True)
    assert as_(cast.vic).get(f"{leaky.get_absolute_url()}/giveaways", {"target": "closed"}).status_code == 422
    assert api(cast.mallory).get(f"{address}?target=left").status_code == 404
