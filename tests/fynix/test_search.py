"""Finding anything by a few letters or a number, within what a person may see, at the same cost for everybody."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Project
from datasets.models import DatasetVersion
from fynix import search
from fynix.queue.models import Job
from registry.models import ModelVersion
from tests import make
from tests.cast import Cast, api, as_
from tests.registry.conftest import churn, churn_table, config, finish, first, learnt, proofs  # noqa: F401
from training.engine import RunConfig
from training.models import Run

pytestmark = pytest.mark.django_db


def titles(cast: Cast, name: str, words: str, **more: str) -> list[tuple[str, str]]:
    return [(hit.kind, hit.title) for hit in search.find(cast.people()[name], words, **more)]


def many(version: DatasetVersion, config: RunConfig, count: int) -> None:  # noqa: F811
    """Runs 1001 and on, of which only rows exist."""
    project, by = version.dataset.project, version.created_by
    work = [
        Job(kind="train", subject=f"x{n}", project_id=project.pk, user_id=by.pk, created_at=make.NOW)
        for n in range(count)
    ]
    Job.objects.bulk_create(work)
    Run.objects.bulk_create(
        Run(
            project=project, number=1001 + at, name=f"Nightly {at:05}", model_name="night", dataset_version=version,
            job=job, config=config.to_json(), target="churn", task="binary", created_by=by, created_at=make.NOW,
        )
        for at, job in enumerate(work)
    )  # fmt: skip


def test_vic_finds_everything_of_acme_by_a_few_letters(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    assert titles(cast, "vic", "cust") == [("dataset", "Customers")]
    assert ("model", "churn") in titles(cast, "vic", "CHU")
    assert ("run", "First (#1)") in titles(cast, "vic", "fir")
    assert ("version", "churn version 1") in titles(cast, "vic", "churn v1")
    assert ("project", "Acme") in titles(cast, "vic", "acm")


@pytest.mark.parametrize("words", ["1", "#1", "run 1", "Run #1"])
def test_a_number_finds_the_run(cast: Cast, first: ModelVersion, words: str) -> None:  # noqa: F811
    assert ("run", "First (#1)") in titles(cast, "vic", words)


@pytest.mark.parametrize("words", ["stomer", "churn", "1", "fir", "acme", "run 1", "churn v1"])
def test_mallory_finds_nothing_of_acme(cast: Cast, first: ModelVersion, words: str) -> None:  # noqa: F811
    assert {hit.kind for hit in search.find(cast.mallory, words)} <= {"action"}
    assert search.find(cast.mallory, words, within="acme") == search.find(cast.mallory, words)


def test_actions_are_those_that_the_role_allows(cast: Cast) -> None:
    assert ("action", "Train a model") in titles(cast, "ben", "train", within="acme")
    assert ("action", "Train a model") not in titles(cast, "vic", "train", within="acme")
    assert titles(cast, "ben", "train") == [], "without a project at hand there is nothing to train in"
    assert ("action", "New project") in titles(cast, "sue", "project")


@pytest.mark.parametrize(
    "words", ["%", "_", "\\", "'", "\0", "é", "🐧", "x" * 500, "999999999", "9" * 30, "(", "v", "#"]
)
def test_odd_words_find_nothing_and_break_nothing(cast: Cast, first: ModelVersion, words: str) -> None:  # noqa: F811
    assert {kind for kind, _ in titles(cast, "vic", words)} <= {"action", "project", "dataset", "model", "run"}
    assert as_(cast.vic).get("/search", {"q": words}).status_code == 200


def test_an_old_run_among_many_is_found_by_number_and_by_the_beginning_of_its_name(
    cast: Cast, first: ModelVersion, config: RunConfig # noqa: F811
) -> None:  # fmt: skip
    many(first.dataset_version, config, search.NEWEST + 100)
    assert titles(cast, "vic", "1007")[0] == ("run", "Nightly 00006 (#1007)")
    assert titles(cast, "vic", "nightly 00006")[0] == ("run", "Nightly 00006 (#1007)")
    assert len(titles(cast, "vic", "nightly")) == search.EACH
    assert all(len(search.find(cast.ada, words, within="acme")) <= search.MOST for words in ("", "n", "a", "1"))


def test_the_beginning_of_a_name_is_answered_by_an_index(
    cast: Cast, first: ModelVersion, config: RunConfig # noqa: F811
) -> None:  # fmt: skip
    many(first.dataset_version, config, 3000)
    rows = Run.objects.filter(project__in=[cast.acme.pk], name_key__begins="nightly 0299")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert "run_by_name" in rows[:6].explain()
    assert rows.count() == 10


def test_the_number_of_queries_is_the_same_for_one_project_and_for_fifty(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    def queries(words: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            search.find(cast.ben, words)
        return len(captured)

    before = {words: queries(words) for words in ("churn", "17", "churn v1")}
    for number in range(50):
        make.project(f"Churn {number}", owner=cast.ben)
    assert {words: queries(words) for words in before} == before
    assert max(before.values()) <= 10


def test_the_inactive_find_nothing(cast: Cast) -> None:
    cast.ben.is_active = False
    assert {hit.kind for hit in search.find(cast.ben, "acme")} <= {"action"}


def test_a_program_searches(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    answer = api(cast.vic).get("/api/v1/search", {"q": "cust"})
    assert answer.json() == {
        "data": [
            {"kind": "dataset", "title": "Customers", "detail": "Acme", "url": "/p/acme/datasets/customers"},
        ]
    }
    assert api(cast.vic).get("/api/v1/search", {"q": "x" * 201}).status_code == 422
    assert api(None).get("/api/v1/search").status_code == 401


def test_what_lies_in_the_project_at_hand_comes_first(cast: Cast) -> None:
    lab = make.project("Lab", owner=cast.ben)
    for project in (cast.acme, lab):
        assert as_(cast.ben).post(f"/p/{project.slug}/samples/penguins").status_code == 302
    for slug in ("acme", "lab"):
        assert search.find(cast.ben, "penguins", within=slug)[0].url.startswith(f"/p/{slug}/")
    assert Project.objects.filter(slug="lab").exists()


def test_the_search_page_works_without_scripts(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    text = as_(cast.vic).get("/search?q=cust").content.decode()
    assert 'href="/p/acme/datasets/customers"' in text
    assert "Nothing found" in as_(cast.vic).get("/search?q=zebra").content.decode()
    assert "Where you can go" in as_(cast.vic).get("/search").content.decode()
