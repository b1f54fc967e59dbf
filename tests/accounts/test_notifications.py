"""What people are told, by whom, how often, and how they mark it as read."""

from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts import notifications, projects, quotas
from accounts.models import Allowance, News, Notification, Role
from fynix import notices
from fynix.queue import jobs
from fynix.queue.models import Job
from registry import approvals, promotion
from registry.models import ModelVersion
from sandbox import batches
from sandbox.models import Source
from tests import make
from tests.cast import Cast, api, as_
from tests.registry.conftest import (  # noqa: F401
    Finish,
    churn,
    churn_table,
    claimed,
    config,
    finish,
    first,
    learnt,
    proofs,
)
from tests.training.conftest import run  # noqa: F401
from training import runs
from training.models import Run

pytestmark = pytest.mark.django_db


def told(cast: Cast, name: str, *kinds: News) -> list[str]:
    """The sentences that the person finds, the oldest first."""
    rows = notifications.listed(cast.people()[name]).filter(kind__in=kinds or list(News))
    return [notifications.sentence(row) for row in reversed(rows)]


ROLES = (News.ROLE_GIVEN, News.ROLE_CHANGED, News.ROLE_TAKEN)
WORK = (News.RUN_FINISHED, News.RUN_FAILED, News.RUN_CANCELLED, News.VERSION_READY, News.VERSION_FAILED)


def test_ben_hears_that_his_run_has_finished_and_that_its_version_is_ready(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    assert told(cast, "ben", *WORK) == ["“First” has finished.", "Version 1 of churn is ready."]
    assert told(cast, "ada", *WORK) == []
    row = notifications.listed(cast.ben).get(kind=News.RUN_FINISHED)
    assert row.detail.startswith("AUC 0.")
    assert as_(cast.ben).get(row.address).status_code == 200


def test_a_failure_comes_with_its_cause_and_only_once(cast: Cast, run: Run) -> None:  # noqa: F811
    job = claimed(run.job)
    jobs.fail(job, code="too_small", detail="The table has too few rows.", at=now())
    runs.ended(Job.objects.get(pk=job.pk), at=now())
    (row,) = notifications.listed(cast.ben).filter(kind=News.RUN_FAILED)
    assert (notifications.sentence(row), row.detail) == ("“First” failed.", "The table has too few rows.")


def test_ben_hears_who_cancelled_his_run_but_not_that_he_did_it_himself(cast: Cast, run: Run) -> None:  # noqa: F811
    runs.cancel(run=run, by=cast.mia, at=now())
    assert told(cast, "ben", *WORK) == ["Mia cancelled your run “First”."]
    own = runs.start(
        project=cast.acme, version=run.dataset_version, config=runs.RunConfig.from_json(run.config), name="Second",
        model_name="churn", by=cast.ben, at=now(),
    )  # fmt: skip
    runs.cancel(run=own, by=cast.ben, at=now())
    assert len(told(cast, "ben", *WORK)) == 1


def test_everybody_but_mia_hears_that_mia_moved_production(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    promotion.promote(
        version=first, by=cast.mia, said=promotion.Said("It beats the rule of thumb."), seen_revision=0, at=now()
    )
    sentence = "Mia put version 1 of churn into production."
    assert [told(cast, name, News.PROMOTED) for name in ("ada", "ben", "vic")] == [[sentence]] * 3
    assert told(cast, "mia", News.PROMOTED) == told(cast, "mallory") == []
    row = notifications.listed(cast.vic).get(kind=News.PROMOTED)
    assert row.detail == "It beats the rule of thumb."


def test_a_question_goes_to_all_who_may_answer_and_the_answer_to_who_asked(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    kinds = (News.APPROVAL_REQUESTED, News.APPROVAL_GIVEN, News.APPROVAL_REFUSED)
    approvals.request(version=first, by=cast.mia, reason="Better on the newest customers.", at=now())
    asked = "Mia asks whether version 1 of churn may go into production."
    assert [told(cast, name, *kinds) for name in ("ada", "mia", "ben", "vic")] == [[asked], [], [], []]
    approvals.decide(version=first, approved=False, by=cast.ada, reason="Too few rows.", at=now())
    approvals.request(version=first, by=cast.ben, reason="More rows now, so once more.", at=now())
    approvals.decide(version=first, approved=True, by=cast.ada, reason="That is enough.", at=now())
    assert told(cast, "mia", News.APPROVAL_REFUSED) == ["Ada did not approve version 1 of churn."]
    assert told(cast, "ben", *kinds) == ["Ada approved version 1 of churn."]
    row = notifications.listed(cast.ben).get(kind=News.APPROVAL_GIVEN)
    assert (row.detail, as_(cast.ben).get(row.address).status_code) == ("That is enough.", 200)
    assert len(told(cast, "ada", News.APPROVAL_REQUESTED)) == 2


def test_who_asked_for_a_test_of_many_rows_hears_how_it_ended(cast: Cast, first: ModelVersion) -> None:  # noqa: F811
    rows = batches.Rows(Source.HOLDOUT, holdout_of=first)
    kinds = (News.TEST_FINISHED, News.TEST_FAILED)
    for end in ("finish", "fail", "cancel"):
        batch = batches.start(versions=[first], rows=rows, label="", by=cast.ben, at=now())
        job = claimed(batch.job)
        if end == "finish":
            jobs.finish(job, at=now())
        elif end == "fail":
            jobs.fail(job, code="internal", detail="Something broke.", at=now())
        else:
            jobs.stop(job, at=now())
    assert told(cast, "ben", *kinds) == ["Your test of churn has finished.", "Your test of churn failed."]
    assert told(cast, "ada", *kinds) == []
    row = notifications.listed(cast.ben).get(kind=News.TEST_FAILED)
    assert row.detail == "Something broke."
    assert row.address == f"/p/acme/tests/{row.subject}"


def test_vic_hears_of_her_role_from_beginning_to_end(cast: Cast) -> None:
    member = cast.acme.memberships.get(user=cast.vic)
    projects.change_role(member, role=Role.ANALYST, by=cast.mia, at=make.NOW + timedelta(days=1))
    assert told(cast, "vic", *ROLES) == ["Ada added you to Acme as viewer.", "Mia made you analyst of Acme."]
    projects.remove_member(member, by=cast.ada, at=make.NOW + timedelta(days=2))
    assert told(cast, "vic") == ["Ada removed you from Acme."], "of a project that she left she keeps only that word"


def test_who_leaves_is_not_told_so(cast: Cast) -> None:
    projects.remove_member(cast.acme.memberships.get(user=cast.vic), by=cast.vic, at=now())
    assert told(cast, "vic", News.ROLE_TAKEN) == []


@pytest.mark.parametrize(("size", "mark"), [(79, None), (80, 80), (94, 80), (95, 95), (100, 95)])
def test_a_store_that_passes_a_mark_tells_maintainers_and_owners(cast: Cast, size: int, mark: int | None) -> None:
    Allowance.objects.filter(project=cast.acme).update(limit_bytes=100)
    quotas.reserve(project=cast.acme, size_bytes=size, at=make.NOW)
    expected = [f"Acme uses more than {mark} % of its storage."] if mark else []
    assert told(cast, "ada", News.STORAGE_NEAR_LIMIT) == told(cast, "mia", News.STORAGE_NEAR_LIMIT) == expected
    assert told(cast, "ben", News.STORAGE_NEAR_LIMIT) == []


def test_a_store_around_its_mark_tells_once_a_day(cast: Cast) -> None:
    Allowance.objects.filter(project=cast.acme).update(limit_bytes=100)
    for hours in (0, 1, 2, 25):
        quotas.reserve(project=cast.acme, size_bytes=85, at=make.NOW + timedelta(hours=hours))
        quotas.release(project=cast.acme, size_bytes=85)
    assert len(told(cast, "ada", News.STORAGE_NEAR_LIMIT)) == 2


def test_the_database_refuses_to_tell_the_same_twice(cast: Cast) -> None:
    row = cast.vic.notifications.get()
    row.pk = "ntf_other"
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_the_bell_counts_and_the_page_marks_one_or_all(cast: Cast) -> None:
    projects.change_role(cast.acme.memberships.get(user=cast.vic), role=Role.ANALYST, by=cast.ada, at=now())
    vic = as_(cast.vic)
    assert 'aria-label="Notifications, 2 unread"' in vic.get("/home").content.decode()
    newest = notifications.listed(cast.vic)[0]
    assert vic.post(f"/notifications/{newest.pk}/read", follow=True).status_code == 200
    text = vic.get("/notifications").content.decode()
    assert 'aria-label="Notifications, 1 unread"' in text
    assert text.count("Mark as read") == 1
    text = vic.post("/notifications/read", follow=True).content.decode()
    assert 'aria-label="Notifications"' in text
    assert "Mark as read" not in text
    assert "Mark all as read" not in text


def test_a_person_without_news_reads_what_will_come_here(cast: Cast) -> None:
    assert "Nothing has been told to you yet" in as_(cast.ada).get("/notifications").content.decode()


def test_nobody_reads_or_marks_what_was_told_to_another(cast: Cast) -> None:
    row = cast.vic.notifications.get()
    assert as_(cast.ada).post(f"/notifications/{row.pk}/read").status_code == 404
    assert api(cast.ada).get("/api/v1/notifications").json()["data"] == []
    api(cast.ada).post("/api/v1/notifications/read", {"ids": [row.pk]})
    assert cast.vic.notifications.get().read_at is None


def test_a_program_reads_and_marks(cast: Cast) -> None:
    vic = api(cast.vic)
    (row,) = vic.get("/api/v1/notifications").json()["data"]
    assert (row["sentence"], row["url"], row["read_at"]) == ("Ada added you to Acme as viewer.", "/p/acme", None)
    assert vic.post("/api/v1/notifications/read", {"ids": ["ntf_unknown"]}).json() == {"unread": 1}
    assert vic.post("/api/v1/notifications/read", {"ids": [row["id"]]}).json() == {"unread": 0}
    assert vic.get("/api/v1/notifications").json()["data"][0]["read_at"]
    answer = vic.post("/api/v1/notifications/read", {"ids": "all"})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


def test_marking_all_leaves_what_came_in_the_meantime(cast: Cast) -> None:
    seen = now()
    notifications.tell(
        [cast.vic.pk], News.RUN_FAILED, project=cast.acme, subject="run_x", at=seen + timedelta(seconds=1)
    )
    notifications.read(user=cast.vic, at=seen)
    assert notifications.unread(cast.vic) == 1


def test_old_news_is_forgotten(cast: Cast) -> None:
    notifications.expire(at=make.NOW + timedelta(days=179))
    assert cast.vic.notifications.exists()
    notifications.expire(at=make.NOW + timedelta(days=181))
    assert not Notification.objects.exists()


def test_each_kind_has_its_sentence() -> None:
    assert set(notifications.SENTENCES) == set(News)


@pytest.mark.django_db(transaction=True)
async def test_the_sockets_of_a_person_hear_of_news(cast: Cast) -> None:
    layer = get_channel_layer()
    assert layer is not None
    channel = await layer.new_channel()
    await layer.group_add(notices._group(cast.vic.pk), channel)
    member = await database_sync_to_async(cast.acme.memberships.select_related("user", "project").get)(user=cast.vic)
    await database_sync_to_async(projects.change_role)(member, role=Role.ANALYST, by=cast.ada, at=now())
    assert await layer.receive(channel) == {"type": "news"}


def test_single_keys_are_turned_off_and_on_for_one_person(cast: Cast) -> None:
    vic = as_(cast.vic)
    assert "data-shortcuts" in vic.get("/home").content.decode()
    assert "Single keys are off for you." in vic.post("/settings/shortcuts", follow=True).content.decode()
    assert "data-shortcuts" not in vic.get("/home").content.decode()
    assert "data-shortcuts" in as_(cast.ben).get("/home").content.decode()
    vic.post("/settings/shortcuts", {"shortcuts": "on"})
    assert "data-shortcuts" in vic.get("/home").content.decode()


def test_all_projects_are_found_by_a_part_of_their_name(cast: Cast) -> None:
    for number in range(60):
        make.project(f"Study {number}", owner=cast.ben)
    ben = as_(cast.ben)
    page = ben.get("/projects?q=study 4")
    assert [row.name for row in page.context["page"]] == ["Study 4", *(f"Study {n}" for n in range(40, 50))]
    assert "1 to 50 of 61" in ben.get("/projects").content.decode()
    assert "No project has this name" in ben.get("/projects?q=elsewhere").content.decode()
    assert "Filter your projects" in page.content.decode()
    assert "Filter your projects" not in as_(cast.vic).get("/home").content.decode()
    assert "No projects yet" in as_(cast.sue).get("/projects").content.decode()
