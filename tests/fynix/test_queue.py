"""Jobs while something breaks: a worker dies, wakes again or runs out of memory, Redis is away or was emptied."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import dramatiq
import polars as pl
import pytest
from django.utils import timezone
from dramatiq.brokers.redis import RedisBroker
from pytest_django import Settings

from datasets.models import DatasetVersion
from fynix import blobs, env, redis
from fynix.queue import jobs, supervision
from fynix.queue.models import Job, State
from tests.cast import Cast, api
from tests.make import NOW
from tests.training.conftest import churn, churn_table, config, long_config, run, start  # noqa: F401
from tests.training.worker import child_of, training, wait_for
from training.engine import RunConfig
from training.models import Run

pytestmark = pytest.mark.django_db(transaction=True)

NOWHERE = "unix:///nowhere/redis.sock"
WORKER = """
import sys, django
django.setup()
from fynix.queue import supervision
supervision.supervise(job_id=sys.argv[1])
"""


# Workers


@pytest.mark.parametrize(
    "write",
    [
        lambda job: jobs.report(job, stage="train", progress=99),
        lambda job: jobs.finish(job, at=NOW),
        lambda job: jobs.fail(job, code="internal", detail="Too late.", at=NOW),
        lambda job: jobs.stop(job, at=NOW),
    ],
)
def test_a_worker_that_was_thought_dead_and_wakes_writes_nothing(run: Run, write: Callable[[Job], None]) -> None:  # noqa: F811
    asleep = jobs.claim(job_id=run.job_id, owner="asleep", at=NOW)
    assert asleep is not None
    jobs.sweep(at=NOW + timedelta(minutes=2))
    assert jobs.claim(job_id=run.job_id, owner="awake", at=NOW + timedelta(minutes=2))
    before = Job.objects.values().get(pk=run.job_id)

    assert not jobs.renew(asleep, at=NOW)
    with pytest.raises(jobs.LeaseLost):
        write(asleep)
    jobs.lose(asleep, at=NOW)
    jobs.release(asleep, at=NOW)

    assert Job.objects.values().get(pk=run.job_id) == before
    assert before["attempt"] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child outlives its worker until it asks for its lease")
def test_a_killed_worker_takes_its_child_along_and_the_run_goes_on_elsewhere(
    cast: Cast,
    churn: DatasetVersion,  # noqa: F811
    long_config: RunConfig,  # noqa: F811
) -> None:
    run = start(churn, long_config, cast.ben)  # noqa: F811
    worker = subprocess.Popen([sys.executable, "-c", WORKER, run.job_id], cwd=env.ROOT)
    wait_for(lambda: worker.poll() is not None or training(run))
    child = child_of(run)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()

    wait_for(lambda: not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text())
    jobs.sweep(at=timezone.now() + timedelta(seconds=20))
    following = jobs.claim(job_id=run.job_id, owner="another", at=timezone.now())
    assert following is not None
    assert (following.attempt, following.losses) == (2, 1)


def test_a_training_without_memory_says_so_and_what_to_do(
    run: Run,  # noqa: F811
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    table_of = DatasetVersion.objects.filter(pk=run.dataset_version_id)
    with blobs.local(table_of.get().table_sha256) as path:
        small = pl.read_parquet(path)
    pl.concat([small] * 10_000).write_parquet(tmp_path / "long.parquet")
    table = blobs.put(tmp_path / "long.parquet")
    table_of.update(table_sha256=table.sha256)
    settings.JOB_MEMORY_BYTES = 512 << 20
    monkeypatch.setenv("FYNIX_JOB_MEMORY_BYTES", str(512 << 20))  # for the child

    supervision.supervise(job_id=run.job_id)

    told = api(run.created_by).get(f"/api/v1/tasks/{run.job_id}").json()
    assert (told["status"], told["error"]["code"]) == ("failed", "out_of_memory")
    assert "Try fewer rows or columns" in told["error"]["detail"]


def test_no_child_gets_less_memory_than_its_libraries_take() -> None:
    outside = {**os.environ, "FYNIX_JOB_MEMORY_BYTES": "100000000"}
    argv = [sys.executable, "-c", "import fynix.settings"]
    started = subprocess.run(argv, cwd=env.ROOT, env=outside, capture_output=True, text=True, check=False)
    assert "FYNIX_JOB_MEMORY_BYTES must be 0 or at least 536870912" in started.stderr


# Messages


def test_a_message_that_comes_too_late_starts_nothing(
    cast: Cast,
    run: Run,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[Job] = []
    monkeypatch.setattr(supervision, "_see_through", started.append)
    assert api(cast.ben).post(f"/api/v1/runs/{run.pk}/cancellation").status_code == 202

    for job in (run.job_id, "tsk_00000000000000000000000000"):
        supervision.supervise(job_id=job)

    run.job.refresh_from_db()
    assert (started, run.job.state, run.job.attempt) == ([], State.CANCELLED, 0)


def waiting() -> int:
    """Messages in Redis for the trainers."""
    return int(redis.client(redis.QUEUE).llen("dramatiq:train"))


@pytest.fixture
def through_redis(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets the trainers' messages go to the Redis at that address."""

    def go(address: str) -> None:
        broker = RedisBroker(url=address)  # type: ignore[no-untyped-call]
        broker.declare_queue("train")
        monkeypatch.setattr(dramatiq.get_broker().get_actor("train"), "broker", broker)

    return go


def test_a_run_started_while_redis_is_away_waits_and_is_told_later(
    cast: Cast,
    churn: DatasetVersion,  # noqa: F811
    through_redis: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wish = {"dataset_version_id": churn.pk, "target": "churn", "task": "binary", "model_name": "churn"}
    with monkeypatch.context() as away:
        away.setenv("REDIS_URL", NOWHERE)
        redis._client.cache_clear()
        through_redis(NOWHERE)
        answer = api(cast.ben).post("/api/v1/projects/acme/runs", wish)
        assert answer.status_code == 202, answer.content
        assert as_told(cast, answer.json()["run_id"]) == "queued"
    redis._client.cache_clear()
    through_redis(redis.url(redis.QUEUE))

    jobs.sweep(at=timezone.now() + timedelta(seconds=5))
    assert waiting() == 0
    jobs.sweep(at=timezone.now() + timedelta(seconds=16))
    assert waiting() == 1


def as_told(cast: Cast, run: str) -> str:  # noqa: F811
    return str(api(cast.vic).get(f"/api/v1/runs/{run}").json()["state"])


def test_an_emptied_redis_is_told_again_of_what_waits(
    cast: Cast,
    churn: DatasetVersion,  # noqa: F811
    config: RunConfig,  # noqa: F811
    through_redis: Callable[[str], None],
) -> None:
    through_redis(redis.url(redis.QUEUE))
    run = start(churn, config, cast.ben)  # noqa: F811
    assert waiting() == 1
    redis.client(redis.QUEUE).flushall()

    for seconds in (16, 20):  # the second time it was told a moment ago
        jobs.sweep(at=NOW + timedelta(seconds=seconds))
        assert waiting() == 1
    jobs.claim(job_id=run.job_id, owner="here", at=NOW + timedelta(seconds=21))
    jobs.sweep(at=NOW + timedelta(seconds=35))
    assert waiting() == 1
