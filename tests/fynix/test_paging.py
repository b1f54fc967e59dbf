"""Long lists come in pages that neither repeat nor skip a row."""

import base64
import json
from datetime import timedelta

import pytest

from accounts import projects
from tests import make
from tests.cast import Cast, api

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/projects"


def walk(cast: Cast, limit: int) -> list[str]:
    ben, cursor, found = api(cast.ben), "", []
    while cursor is not None:
        page = ben.get(ADDRESS, {"limit": limit} | ({"cursor": cursor} if cursor else {})).json()
        assert len(page["data"]) <= limit
        found += [row["name"] for row in page["data"]]
        cursor = page["next_cursor"]
    return found


def test_pages_hold_every_row_once_newest_first_though_some_were_made_at_once(cast: Cast) -> None:
    for number in range(5):
        # Three of five at one moment, and moments that differ by less than a millisecond.
        at = make.NOW + timedelta(microseconds=max(number - 2, 0))
        projects.create(name=f"Study {number}", by=cast.ben, at=at)
    whole = [row["name"] for row in api(cast.ben).get(ADDRESS).json()["data"]]
    assert whole[:2] == ["Study 4", "Study 3"]
    assert len(whole) == len(set(whole)) == 6
    for limit in (1, 2, 5, 6):
        assert walk(cast, limit) == whole


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"limit": "all"}])
def test_a_limit_out_of_range_is_refused(cast: Cast, query: dict[str, object]) -> None:
    answer = api(cast.ben).get(ADDRESS, query)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/limit")


@pytest.mark.parametrize("cursor", ["x", "bm9wZQ", "WzEsMl0", "WyJ4IiwieSJd", "////", "é"])
def test_a_cursor_that_no_page_gave_is_refused(cast: Cast, cursor: str) -> None:
    answer = api(cast.ben).get(ADDRESS, {"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/cursor")


@pytest.mark.parametrize("list_", ["runs", "datasets"])
@pytest.mark.parametrize("values", [[1e999], [3], ["0001-01-01T00:00:00+23:00", "x"], ["2026-01-01", "\ud800"]])
def test_values_of_a_clients_own_never_reach_the_database(cast: Cast, list_: str, values: list[object]) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
    assert api(cast.ben).get(f"/api/v1/projects/acme/{list_}", {"cursor": cursor}).status_code == 422


def test_a_cursor_of_one_list_is_none_of_another(cast: Cast) -> None:
    for name in ("One", "Two"):
        make.project(name, owner=cast.ben)
    cursor = api(cast.ben).get(ADDRESS, {"limit": 1}).json()["next_cursor"]
    assert api(cast.ben).get(ADDRESS, {"cursor": cursor}).status_code == 200
    assert api(cast.ben).get("/api/v1/projects/acme/datasets", {"cursor": cursor}).status_code == 422
