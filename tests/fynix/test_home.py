"""The first page, and the overview of a project."""

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts import audit
from accounts.models import Allowance, Membership
from benchmarks import rows
from fynix import activity, loop
from fynix.queue import jobs
from registry import promotion
from registry.models import ModelVersion
from tests import make, plans
from tests.cast import Cast, api, as_
from tests.registry.conftest import (  # noqa: F401
    churn,
    churn_table,
    claimed,
    config,
    finish,
    first,
    learnt,
    proofs,
    second,
)
from tests.training.conftest import run  # noqa: F401
from training.models import Run

pytestmark = pytest.mark.django_db


def test_a_new_person_meets_two_ways_to_begin_and_the_loop(cast: Cast) -> None:
    page = as_(cast.ada).get("/home")
    text = page.content.decode()
    assert "Upload your table" in text
    assert "Start with a sample" in text
    assert [step.done for step in page.context["loop"].steps] == [False] * 7


def test_vic_who_may_not_upload_is_led_to_a_project_of_her_own(cast: Cast) -> None:
    text = as_(cast.vic).get("/home").content.decode()
    assert "Upload your table" not in text
    assert "New project" in text


def test_a_table_turns_home_into_what_runs_and_what_needs_you(cast: Cast) -> None:
    browser = as_(cast.ada)
    browser.post("/p/acme/samples/penguins")
    page = browser.get("/home")
    assert [step.done for step in page.context["loop"].steps][:2] == [True, False]
    assert "Penguins" in page.content.decode()
    assert "Nothing waits for you." in page.content.decode()


def test_a_project_that_is_nearly_full_asks_for_its_people(cast: Cast) -> None:
    as_(cast.ada).post("/p/acme/samples/penguins")
    Allowance.objects.filter(project=cast.acme).update(limit_bytes=F("reserved_bytes"))
    assert "Nearly full" in as_(cast.ada).get("/home").content.decode()


def test_the_overview_counts_what_the_project_has(cast: Cast) -> None:
    assert "An analyst of this project can upload one." in as_(cast.vic).get("/p/acme").content.decode()
    as_(cast.ben).post("/p/acme/samples/penguins")
    page = as_(cast.vic).get("/p/acme")
    assert (page.context["tables"], page.context["members"]) == (1, 4)
    assert as_(cast.mallory).get("/p/acme").status_code == 404


def text(cast: Cast, name: str, address: str = "/home") -> str:
    return as_(cast.people()[name]).get(address).content.decode()


def test_the_first_steps_shrink_to_a_line_and_end_with_the_first_promotion(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    assert "4 of 7 steps to a model in production" in text(cast, "ben")
    assert 'href="/p/acme/models/churn/v/1/test"' in text(cast, "ben")
    promotion.promote(
        version=first, by=cast.mia, said=promotion.Said("The first that works."), seen_revision=0, at=now()
    )
    assert "steps to a model in production" not in text(cast, "ben")


def test_ben_puts_the_first_steps_away_for_himself_alone(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    answer = as_(cast.ben).post("/settings/first-steps", follow=True)
    assert "steps to a model in production" not in answer.content.decode()
    assert "steps to a model in production" in text(cast, "vic")


def test_a_ready_version_waits_for_those_who_may_promote_it(cast: Cast, second: ModelVersion) -> None:  # noqa: F811
    assert "Version 2 of churn" in text(cast, "mia")
    assert "Nobody has decided about it." in text(cast, "mia")
    assert "Nobody has decided about it." not in text(cast, "ben")
    promotion.promote(
        version=second, by=cast.mia, said=promotion.Said("Better than the first."), seen_revision=0, at=now()
    )
    assert "Nothing waits for you." in text(cast, "mia"), "version 1 is older than what is in production"


def test_a_failed_run_stands_with_its_cause_before_whoever_started_it(cast: Cast, run: Run) -> None:  # noqa: F811
    assert 'data-job="' in text(cast, "vic", "/home/running")
    jobs.fail(claimed(run.job), code="too_small", detail="The table has too few rows.", at=now())
    assert "The table has too few rows." in text(cast, "ben")
    assert "Nothing waits for you." in text(cast, "vic")
    assert "Nothing runs at the moment." in text(cast, "vic", "/home/running?project=acme")
    assert as_(cast.mallory).get("/home/running?project=acme").status_code == 404


def test_production_says_since_when_and_when_it_was_tested(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    promotion.promote(
        version=first, by=cast.mia, said=promotion.Said("The first that works."), seen_revision=0, at=now()
    )
    assert "Never tested by hand" in text(cast, "vic")
    api(cast.vic).post(f"/api/v1/model-versions/{first.pk}/predictions", {"inputs": {"months": 3}})
    assert "Last tested" in text(cast, "vic")
    assert "Never tested by hand" not in text(cast, "vic")


def test_recent_activity_are_sentences_for_members_only(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    promotion.promote(
        version=first, by=cast.mia, said=promotion.Said("The <first> that works."), seen_revision=0, at=now()
    )
    page = text(cast, "vic")
    assert "Mia put version 1 of churn into production: “The &lt;first&gt; that works.”" in page
    assert "Ben started “First”." in page
    assert "Version 1 of churn is ready." in page
    assert "that works" not in text(cast, "mallory")


def test_every_kind_of_action_that_is_told_has_words(cast: Cast) -> None:
    for action in activity.SENTENCES:
        audit.record(audit.Act(action), actor=None, project=cast.acme, subject="unknown", at=make.NOW)
    lines = [line for _ in activity.SENTENCES for line in activity.latest(type(cast.acme).objects.all())]
    assert all("{" not in line.sentence for line in lines)


def test_home_costs_the_same_with_fifty_projects(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    ben = as_(cast.ben)

    def queries() -> int:
        ben.get("/home")
        with CaptureQueriesContext(connection) as captured:
            ben.get("/home")
        return len(captured)

    make.project("Second study", owner=cast.ben)
    before = queries()
    for number in range(50):
        make.project(f"Study {number}", owner=cast.ben)
    assert queries() == before


def test_the_first_steps_end_for_whoever_has_many_runs(cast: Cast) -> None:
    made = rows.runs(cast.ben, rows.table(cast.ben, rows.project(cast.ben)), loop.A_FEW)
    assert as_(cast.ben).get("/home").context["loop"]
    rows.runs(cast.ben, made[0].dataset_version, 1, since=len(made))
    assert as_(cast.ben).get("/home").context["loop"] is None
    assert as_(cast.vic).get("/home").context["loop"], "she takes part in none of these"


@pytest.mark.parametrize("address", ["/home", "/p/one"])
def test_what_the_first_page_and_the_overview_ask_is_found_by_indexes(cast: Cast, address: str) -> None:
    for name in ("One", "Two"):
        rows.versions(cast.ben, rows.runs(cast.ben, rows.table(cast.ben, rows.project(cast.ben, name)), 2000))
    with plans.taken() as found:
        assert as_(cast.ben).get(address).status_code == 200
    long = ("training_run", "queue_job", "registry_modelversion", "accounts_auditevent")
    if connection.vendor == "sqlite":  # PostgreSQL reads a table from its start where half of it is the person's
        assert not [plan for plan in found for way in plans.WHOLE for table in long if f"{way}{table}" in plan]
    if address == "/home":
        assert len([plan for plan in found if "job_by_person" in plan]) == 3
    else:
        orders = ("run_by_age", "audit_by_project", "accounts_auditevent_pkey")
        newest = [plan for plan in found if any(index in plan for index in orders)]
        assert len(newest) >= 2
        assert not [plan for plan in newest for way in plans.SORTED if way in plan]


def test_a_failure_is_no_longer_told_to_whoever_left_the_project(cast: Cast, run: Run) -> None:  # noqa: F811
    jobs.fail(claimed(run.job), code="too_small", detail="The table has too few rows.", at=now())
    assert "The table has too few rows." in text(cast, "ben")
    Membership.objects.filter(user=cast.ben, project=cast.acme).delete()
    assert "The table has too few rows." not in text(cast, "ben")
