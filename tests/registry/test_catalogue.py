"""The list of every run and version: filters, order, pages, and nothing of other people's projects."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts.models import Project
from benchmarks import rows
from datasets.models import DatasetVersion
from registry import catalogue, labels
from registry.models import ModelVersion
from tests import plans
from tests.cast import Cast, api, as_
from tests.training.conftest import start
from training.engine import RunConfig
from training.models import Run, RunMetric


def listed(person, **query: object) -> list[dict]:
    answer = api(person).get("/api/v1/registry", query)
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def test_vic_sees_runs_with_their_versions_and_mallory_none(
    cast: Cast, second: ModelVersion, churn: DatasetVersion, config: RunConfig
) -> None:
    start(churn, config, cast.ada)
    found = listed(cast.vic)
    assert [row["version_number"] for row in found] == [None, 2, 1]
    assert found[0]["state"] == "queued"
    assert listed(cast.mallory) == []
    page = as_(cast.vic).get("/registry").content.decode()
    assert "churn v2" in page
    assert "No runs yet" in as_(cast.mallory).get("/registry").content.decode()


def test_each_filter_keeps_what_it_says(
    cast: Cast, second: ModelVersion, churn: DatasetVersion, config: RunConfig
) -> None:
    start(churn, config, cast.ada)
    labels.tag(version=second, text="nightly", by=cast.mia, at=now())
    labels.pin(version=second, by=cast.mia, at=now())
    found = {
        "tag": [row["version_number"] for row in listed(cast.vic, tag="nightly")],
        "pinned": [row["version_number"] for row in listed(cast.vic, state="pinned")],
        "queued": [row["version_number"] for row in listed(cast.vic, state="queued")],
        "creator": [row["created_by"] for row in listed(cast.vic, creator="ada")],
        "table": len(listed(cast.vic, table="customers v1")),
        "other table": len(listed(cast.vic, table="customers v2")),
        "text": len(listed(cast.vic, text="fir")),
        "model": len(listed(cast.vic, text="churn")),
        "project": len(listed(cast.vic, project="elsewhere")),
        "since": len(listed(cast.vic, since="2999-01-01")),
        "metric": len(listed(cast.vic, metric="auc", least=0.99)),
        "within": len(listed(cast.vic, metric="auc", least=0.1, most=1)),
    }
    assert found == {
        "tag": [2], "pinned": [2], "queued": [None], "creator": ["ada@example.org"], "table": 3, "other table": 0,
        "text": 3, "model": 3, "project": 0, "since": 0, "metric": 0, "within": 2,
    }  # fmt: skip


@pytest.fixture
def many(cast: Cast, second: ModelVersion) -> list[float]:
    """AUC of some runs, in the order in which they were made."""
    values = [0.9, 0.7, 0.8, 0.8, 0.6]
    for number, value in enumerate(values):
        run = Run.objects.get(pk=second.run_id)
        run.pk, run.number, run.name = f"run_{number}", 100 + number, f"Made {number}"
        run.job = _copy(run.job)
        run.save(force_insert=True)
        RunMetric.objects.create(run=run, project=cast.acme, name="auc", value=value)
    return values


def _copy(job):
    job.pk = None
    job.id = f"tsk_{type(job).objects.count()}"
    job.save(force_insert=True)
    return job


def walked(person, address: str, **query: object) -> list[list[dict]]:
    """Every page of a list, by its cursors."""
    found, cursor = [], {}
    while cursor is not None:
        page = api(person).get(address, {**query, **cursor}).json()
        found.append(page["data"])
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    return found


@pytest.mark.parametrize("address", ["/api/v1/registry", "/api/v1/projects/acme/runs"])
def test_by_a_metric_the_best_come_first_page_by_page_and_none_twice(
    cast: Cast, many: list[float], address: str
) -> None:
    pages = walked(cast.vic, address, sort="-auc", limit=2)
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    seen = [row["run_id"] for page in pages for row in page]
    assert len(set(seen)) == len(seen) == len(many) + 2
    values = dict(RunMetric.objects.filter(name="auc").values_list("run_id", "value"))
    assert [values[run] for run in seen] == sorted(values.values(), reverse=True)


@pytest.fixture
def spread(cast: Cast) -> list[Project]:
    """Three projects of Ben's, two of them with eleven runs each, of which ten have values that repeat."""
    labs = [rows.project(cast.ben, name) for name in ("One", "Two", "Three")]
    for lab in labs[:2]:
        rows.runs(cast.ben, rows.table(cast.ben, lab), 11)
    RunMetric.objects.filter(run__number__gt=5).update(value=0.5)
    return labs


@pytest.mark.parametrize("limit", [1, 3, 5, 20])
@pytest.mark.parametrize("sort", ["newest", "oldest", "-auc", "auc", "-logloss", "logloss"])
def test_over_several_projects_pages_hold_every_row_once_in_every_order(
    cast: Cast, spread: list[Project], sort: str, limit: int
) -> None:
    (whole,) = walked(cast.ben, "/api/v1/registry", sort=sort, limit=200)
    falls = sort == "newest" or sort.startswith("-")
    facts = [row["created_at" if sort in catalogue.BY_TIME else "value"] for row in whole]
    assert facts == sorted(facts, reverse=falls)
    assert len(whole) == (22 if sort in catalogue.BY_TIME else 20)
    assert {row["project"] for row in whole} == {"one", "two"}
    pages = walked(cast.ben, "/api/v1/registry", sort=sort, limit=limit)
    assert {len(page) for page in pages[:-1]} <= {limit}
    assert [row for page in pages for row in page] == whole


@pytest.mark.parametrize("limit", ["0", "201", "all", "1.5", "9" * 2000])
def test_a_limit_that_no_page_has_is_refused_in_plain_words(cast: Cast, limit: str) -> None:
    answer = api(cast.vic).get("/api/v1/registry", {"limit": limit})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["pointer"]) == (422, "/limit")
    assert error["detail"] == "Ask for 1 to 200 rows in one page."


def test_a_cursor_of_another_list_is_refused(cast: Cast) -> None:
    answer = api(cast.vic).get("/api/v1/registry", {"cursor": "forged"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/cursor")


@pytest.mark.parametrize(
    ("sort", "index", "entered"),
    [
        ("newest", "run_by_age", "created_at"),
        ("oldest", "run_by_age", "created_at"),
        ("-auc", "run_metric_by_value", "value"),
    ],
)
def test_each_of_several_projects_is_read_from_its_own_index_and_not_to_its_end(
    cast: Cast, sort: str, index: str, entered: str
) -> None:
    for name in ("One", "Two"):
        rows.runs(cast.ben, rows.table(cast.ben, rows.project(cast.ben, name)), 3000)
    with plans.taken() as found:
        ben, query = api(cast.ben), {"sort": sort}
        after = ben.get("/api/v1/registry", query).json()["next_cursor"]
        assert ben.get("/api/v1/registry", {**query, "cursor": after}).json()["next_cursor"]
    asked = [plan for plan in found if index in plan]
    nearest, keys, nearest_after, keys_after = asked[:4]
    for plan in asked[:4]:
        assert not [whole for whole in plans.WHOLE if f"{whole}training" in plan], plan
    for plan in (nearest, nearest_after):
        assert not [sorting for sorting in plans.SORTED if sorting in plan], plan
    for plan in (keys, nearest_after, keys_after):  # entered where the page is, and left where it ends
        assert re.search(rf"project_id.*{entered}\b ?[<>]", plan), plan


@pytest.mark.parametrize("address", ["/registry", "/registry?sort=-auc", "/p/acme/runs", "/p/acme/runs?sort=-auc"])
def test_the_number_of_queries_does_not_grow_with_the_rows(cast: Cast, many: list[float], address: str) -> None:
    vic = as_(cast.vic)

    def queries() -> int:
        vic.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert vic.get(address).status_code == 200
        return len(captured)

    with_many = queries()
    Run.objects.filter(name__startswith="Made").delete()
    assert queries() == with_many


def test_what_cannot_be_read_is_said_beside_its_field(cast: Cast, first: ModelVersion) -> None:
    answer = as_(cast.vic).get("/registry", {"least": "much", "since": "yesterday", "state": "odd"})
    assert answer.status_code == 422
    assert "Enter a number" in answer.content.decode()
    assert api(cast.vic).get("/api/v1/registry", {"sort": "colour"}).status_code == 422
    assert "Nothing is like that" in as_(cast.vic).get("/registry", {"tag": "none"}).content.decode()
    assert as_(cast.vic).get("/registry", {"cursor": "forged"}).status_code == 200
