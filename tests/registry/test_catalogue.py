"""The list of every run and version: filters, order, pages, and nothing of other people's projects."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from datasets.models import DatasetVersion
from registry import labels
from registry.models import ModelVersion
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
    rows = listed(cast.vic)
    assert [row["version_number"] for row in rows] == [None, 2, 1]
    assert rows[0]["state"] == "queued"
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


def test_by_a_metric_the_best_come_first_page_by_page_and_none_twice(cast: Cast, many: list[float]) -> None:
    seen, cursor = [], {}
    for _ in range(20):
        page = api(cast.vic).get("/api/v1/registry", {"sort": "-auc", "limit": 2, **cursor}).json()
        seen += page["data"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    values = [row["value"] for row in seen]
    assert values == sorted(values, reverse=True)
    assert len({row["run_id"] for row in seen}) == len(seen) == len(many) + 2
    runs = api(cast.vic).get("/api/v1/projects/acme/runs", {"sort": "-auc"}).json()["data"]
    assert [row["run_id"] for row in runs] == [row["run_id"] for row in seen]


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
