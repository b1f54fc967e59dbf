"""What happens by the clock."""

from datetime import timedelta

import pytest
from django.utils import timezone

from fynix import schedule
from fynix.queue import jobs
from fynix.queue.models import State
from tests.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_turn_puts_back_what_a_vanished_worker_held(cast: Cast) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    job = jobs.enqueue(kind="train", subject="x", project_id=cast.acme.pk, user_id=cast.ben.pk, at=long_ago)
    jobs.claim(job_id=job.pk, owner="vanished", at=long_ago)
    _, sweep = schedule.TABLE["sweep jobs"]

    schedule.turn("sweep jobs", sweep)

    job.refresh_from_db()
    assert (job.state, job.losses) == (State.QUEUED, 1)


def test_a_turn_that_fails_does_not_stop_the_clock(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*, at: object) -> None:
        raise OSError("the disk is away")

    schedule.turn("broken", broken)

    assert "turn_failed" in caplog.text


def test_every_line_of_the_table_is_on_the_clock_and_overlaps_nothing() -> None:
    lines = {line.name: line for line in schedule.build().get_jobs()}

    assert set(lines) == set(schedule.TABLE)
    assert all(line.coalesce and line.max_instances == 1 for line in lines.values())
