"""How far background work is, and stopping it."""

from datetime import timedelta

import pytest

from accounts.models import User
from fynix.queue import jobs
from fynix.queue.models import Job
from tests import make
from tests.cast import Cast, api

pytestmark = pytest.mark.django_db


def ask(cast: Cast, by: User, minutes: int = 0) -> Job:
    return jobs.enqueue(kind="package", subject="mv_1", project_id=cast.acme.pk, user_id=by.pk,
                        at=make.NOW + timedelta(minutes=minutes))  # fmt: skip


def task(person: User, job: Job) -> dict[str, object]:
    return api(person).get(f"/api/v1/tasks/{job.pk}").json()


def test_tasks_wait_in_line(cast: Cast) -> None:
    first, second = ask(cast, cast.ben), ask(cast, cast.ben, minutes=1)
    told = [task(cast.vic, job) for job in (first, second)]
    assert [(each["queue_position"], each["queue_ahead"]) for each in told] == [(1, 0), (2, 1)]
    assert told[0]["status"] == "queued"
    jobs.claim(job_id=first.pk, owner="here", at=make.NOW)
    assert task(cast.vic, second)["queue_position"] == 1


def test_a_task_at_work_says_how_far_it_is(cast: Cast) -> None:
    job = ask(cast, cast.ben)
    claimed = jobs.claim(job_id=job.pk, owner="here", at=make.NOW)
    jobs.report(claimed, stage="onnx", progress=40)
    told = task(cast.ben, job)
    assert (told["status"], told["stage"], told["progress"], told["attempt"]) == ("running", "onnx", 40.0, 1)
    assert told["queue_position"] is told["queue_ahead"] is None
    assert told["heartbeat_at"] == "2026-11-02T09:30:00Z"


def test_a_task_that_succeeded_names_what_it_made(cast: Cast, settings) -> None:
    settings.JOB_KINDS = {**settings.JOB_KINDS, "package": {"workshop": "", "ended": ""}}
    job = ask(cast, cast.ben)
    jobs.finish(jobs.claim(job_id=job.pk, owner="here", at=make.NOW), at=make.NOW)
    told = task(cast.ben, job)
    assert told["result"] == {"type": "model_version", "id": "mv_1", "url": "/api/v1/model-versions/mv_1"}
    assert told["error"] is None


def test_a_task_that_failed_says_why(cast: Cast) -> None:
    job = ask(cast, cast.ben)
    claimed = jobs.claim(job_id=job.pk, owner="here", at=make.NOW)
    jobs.fail(claimed, code="storage_full", detail="The disk is full.", at=make.NOW)
    told = task(cast.ben, job)
    assert (told["status"], told["result"]) == ("failed", None)
    assert told["error"] == {"code": "storage_full", "detail": "The disk is full.", "request_id": ""}


def test_ben_cancels_his_task_and_repeating_changes_nothing(cast: Cast) -> None:
    job = ask(cast, cast.ben)
    for _ in range(2):
        answer = api(cast.ben).post(f"/api/v1/tasks/{job.pk}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")


def test_a_task_at_work_is_asked_to_stop(cast: Cast) -> None:
    job = ask(cast, cast.ben)
    jobs.claim(job_id=job.pk, owner="here", at=make.NOW)
    assert api(cast.ben).post(f"/api/v1/tasks/{job.pk}/cancel").json()["status"] == "cancelling"


def test_a_task_that_has_ended_is_not_cancelled(cast: Cast) -> None:
    job = ask(cast, cast.ben)
    jobs.fail(jobs.claim(job_id=job.pk, owner="here", at=make.NOW), code="x", detail="y", at=make.NOW)
    answer = api(cast.ben).post(f"/api/v1/tasks/{job.pk}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "task_finished")


def test_who_may_cancel_whose_task(cast: Cast) -> None:
    codes = {
        name: api(cast.people()[name]).post(f"/api/v1/tasks/{ask(cast, cast.ada).pk}/cancel").status_code
        for name in ("mia", "ben", "vic", "mallory", "sue")
    }
    assert codes == {"mia": 202, "ben": 403, "vic": 403, "mallory": 404, "sue": 404}
