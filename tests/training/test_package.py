"""From a finished run to a version that is ready, told in the run's own feed and on its page."""

import pytest
from django.utils import timezone

from fynix.queue import jobs, work
from fynix.queue.models import Job
from tests.cast import Cast, api, as_
from tests.training.test_execute import told, train_here
from training.models import Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def learnt(run: Run) -> Run:
    """A run that has ended with a model whose files are not made yet."""
    train_here(run)
    return run


def packaging(run: Run) -> Job:
    job = jobs.claim(job_id=run.model_version.job_id, owner="test", at=timezone.now())
    assert job is not None
    return job


def page_of(run: Run, cast: Cast) -> str:
    return as_(cast.vic).get(f"/p/acme/runs/{run.number}").content.decode()


def stages(run: Run, cast: Cast) -> dict[str, str]:
    snapshot = api(cast.vic).get(f"/api/v1/runs/{run.pk}/snapshot").json()
    return {stage["name"]: stage["state"] for stage in snapshot["stages"]}


def test_the_page_stays_live_until_the_version_is_ready(learnt: Run, cast: Cast) -> None:
    page = page_of(learnt, cast)

    assert "Version 1 of churn is being packaged: test AUC" in page
    assert "<fx-live-run>" in page
    assert stages(learnt, cast)["package"] == "active"
    assert api(cast.vic).get(f"/api/v1/runs/{learnt.pk}").json()["model_version"]["state"] == "building"


def test_a_version_that_is_ready_can_be_tested_from_the_page(learnt: Run, cast: Cast) -> None:
    job = packaging(learnt)
    work.execute(job_id=job.pk, attempt=job.attempt)
    page = page_of(Run.objects.get(), cast)
    found = api(cast.vic).get(f"/api/v1/runs/{learnt.pk}").json()["model_version"]

    assert "Version 1 of churn is ready:" in page
    assert 'href="/p/acme/models/churn/v/1/test"' in page
    assert 'href="/p/acme/models/churn/v/1"' in page
    assert "<fx-live-run>" not in page
    assert (found["number"], found["state"], found["id"]) == (1, "ready", learnt.model_version.pk)
    assert [event["status"]["state"] for event in told(learnt, "status")][-2:] == ["succeeded", "packaged"]
    assert [event["progress"] for event in told(learnt, "progress")][-5:] == [92, 94, 96, 98, 100]
    assert set(stages(learnt, cast).values()) == {"done"}


def test_a_version_whose_files_could_not_be_made_says_why(learnt: Run, cast: Cast) -> None:
    jobs.fail(packaging(learnt), code="parity_failed", detail="The ONNX file disagrees.", at=timezone.now())
    page = page_of(Run.objects.get(), cast)

    assert "it cannot be tested or promoted." in page
    assert "The ONNX file disagrees." in page
    assert "<fx-live-run>" not in page
    assert told(learnt, "status")[-1]["status"]["state"] == "packaging_failed"
    assert told(learnt, "log")[-1]["log"]["level"] == "error"
    assert stages(learnt, cast)["package"] == "failed"
