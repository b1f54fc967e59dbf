"""Runs whose worker vanished: put back, and failed with a reason when it happens again and again."""

from datetime import timedelta

import pytest

from fynix.queue import jobs
from fynix.queue.models import State
from tests.make import NOW
from tests.training.test_execute import told
from training.models import Run

pytestmark = pytest.mark.django_db(transaction=True)

LATER = timedelta(hours=1)


def vanish(run: Run, times: int) -> None:
    """As many workers take the run and are never heard of again."""
    for place in range(times):
        assert jobs.claim(job_id=run.job_id, owner=f"worker {place}", at=NOW + place * LATER)
        jobs.sweep(at=NOW + (place + 0.5) * LATER)
    run.job.refresh_from_db()


def test_a_run_whose_worker_vanished_waits_again(run: Run) -> None:
    vanish(run, times=1)

    assert (run.job.state, run.job.losses) == (State.QUEUED, 1)
    assert [event["status"]["state"] for event in told(run, "status")] == ["queued"]


def test_a_run_that_kills_its_workers_fails_after_three(run: Run) -> None:
    vanish(run, times=3)

    assert (run.job.state, run.job.error_code) == (State.FAILED, "worker_lost")
    assert told(run, "error")[0]["error"]["message"].startswith("The worker was lost three times")
    assert told(run, "status")[-1]["status"]["state"] == "failed"


def test_a_run_whose_lease_holds_is_left_alone(run: Run) -> None:
    jobs.claim(job_id=run.job_id, owner="alive", at=NOW)
    jobs.sweep(at=NOW + timedelta(seconds=1))

    run.job.refresh_from_db()
    assert run.job.state == State.RUNNING
