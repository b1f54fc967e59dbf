"""Cancelling: who may, when it takes effect, what is left."""

import pytest
from django.utils import timezone

from datasets.models import DatasetVersion
from fynix.queue import jobs
from fynix.queue.models import State
from tests.cast import Cast
from tests.make import NOW
from tests.training.conftest import start
from tests.training.test_execute import told
from tests.training.worker import checkpointed, supervise, training, wait_for
from training import runs
from training.engine import RunConfig
from training.models import Outcome, Run

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_waiting_run_ends_at_once(run: Run, cast: Cast) -> None:
    runs.cancel(run=run, by=cast.ben, at=NOW)

    run.job.refresh_from_db()
    assert run.job.state == State.CANCELLED
    assert [event["status"]["state"] for event in told(run, "status")] == ["queued", "cancelled"]
    assert jobs.claim(job_id=run.job_id, owner="late", at=NOW) is None


def test_a_running_run_stops_within_its_round_and_leaves_no_model(
    cast: Cast, churn: DatasetVersion, long_config: RunConfig
) -> None:
    run = start(churn, long_config, cast.ben)
    worker = supervise(run)
    wait_for(lambda: training(run))

    runs.cancel(run=run, by=cast.ben, at=timezone.now())
    worker.join(timeout=15)

    run.job.refresh_from_db()
    assert run.job.state == State.CANCELLED
    assert [event["status"]["state"] for event in told(run, "status")][-2:] == ["cancelling", "cancelled"]
    assert not Outcome.objects.filter(run=run).exists()
    assert not checkpointed(run)


def test_a_run_that_has_ended_cannot_be_cancelled(run: Run, cast: Cast) -> None:
    job = jobs.claim(job_id=run.job_id, owner="test", at=NOW)
    assert job is not None
    jobs.fail(job, code="internal", detail="Broken.", at=NOW)

    with pytest.raises(runs.RunFinished):
        runs.cancel(run=run, by=cast.ben, at=NOW)
