"""From a queued run to a stored model, in this process and in a worker's child."""

import hashlib
import json
import os
import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Allowance
from datasets.models import DatasetVersion
from datasets.profiling.job import Profiled, profile
from fynix import blobs, env
from fynix.queue import jobs, supervision, work
from fynix.queue.models import State
from tests.cast import Cast, as_
from tests.training.conftest import ready_version, start
from tests.training.tables import Shelf, Watch
from tests.training.worker import checkpointed, child_of, supervise, wait_for
from training import engine
from training.checkpoints import Kept
from training.engine import RunConfig
from training.models import Outcome, Run, RunEvent
from training.runs import TargetInvalid
from training.signals import run_finished

pytestmark = pytest.mark.django_db(transaction=True)


def train_here(run: Run) -> None:
    job = jobs.claim(job_id=run.job_id, owner="test", at=timezone.now())
    assert job is not None
    work.execute(job_id=job.pk, attempt=job.attempt)
    run.refresh_from_db()


def told(run: Run, kind: str) -> list[dict[str, Any]]:
    rows = RunEvent.objects.filter(run=run, type=kind).order_by("seq")
    return [row.payload for row in rows]


def model_of(run: Run) -> str:
    return Outcome.objects.get(run=run).model_sha256


def learnt(run: Run, *, after: int = 0) -> list[str]:
    """The parameter sets of every round that was told after an event, in order."""
    rows = RunEvent.objects.filter(run=run, type="metric", seq__gt=after).order_by("seq")
    return [point["candidate"] for row in rows for point in row.payload["points"]]


def numbers_of(run: Run) -> list[int]:
    return list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))


def test_a_run_ends_with_a_model_a_report_and_a_story(run: Run) -> None:
    heard = []

    def hear(run: Run, **_: object) -> None:
        heard.append(run.pk)

    run_finished.connect(hear)
    train_here(run)
    run_finished.disconnect(hear)

    outcome = Outcome.objects.get(run=run)
    assert run.job.state == State.SUCCEEDED
    assert heard == [run.pk]
    assert (run.main_metric, run.main_value) == ("auc", outcome.report["test"]["auc"]["value"])
    assert run.main_value > 0.6
    assert len(blobs.read(outcome.model_sha256)) == outcome.model_bytes
    assert blobs.exists(outcome.holdout_sha256)
    assert outcome.narrative["claims"]
    assert Kept(run=run.pk, attempt=9).load() is None


def test_the_feed_tells_the_whole_life_in_order(run: Run) -> None:
    train_here(run)

    states = [event["status"]["state"] for event in told(run, "status")]
    stages = list(dict.fromkeys(event["stage"] for event in told(run, "progress")))
    steps = [point["step"] for event in told(run, "metric") for point in event["points"]]
    shares = [event["progress"] for event in told(run, "progress")]
    assert states == ["queued", "running", "succeeded"]
    assert stages == ["load", "check", "split", "train", "evaluate", "explain", "package"]
    assert steps == list(range(1, len(steps) + 1))
    assert shares == sorted(shares)
    assert shares[-1] == 90
    assert [event["artifact"]["kind"] for event in told(run, "artifact")] == ["model", "holdout"]
    assert told(run, "explain_ready")[0]["explain"]["claims"] > 0


def test_a_table_without_an_answer_fails_with_a_sentence(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    run = start(churn, replace(config, target="customer", exclude=(), task="multiclass"), cast.ben)
    train_here(run)

    run.job.refresh_from_db()
    assert (run.job.state, run.job.error_code) == (State.FAILED, "too_many_classes")
    assert told(run, "error")[0]["error"]["code"] == "too_many_classes"
    assert [event["status"]["state"] for event in told(run, "status")][-1] == "failed"


def test_a_message_that_comes_twice_trains_once(run: Run) -> None:
    supervision.supervise(job_id=run.job_id)
    supervision.supervise(job_id=run.job_id)

    run.job.refresh_from_db()
    assert (run.job.state, run.job.attempt) == (State.SUCCEEDED, 1)
    assert Outcome.objects.filter(run=run).count() == 1


FAREWELL = """
import atexit, pathlib, sys, time

if "work" in sys.argv:
    atexit.register(lambda: (time.sleep(1), pathlib.Path({said!r}).touch()))
"""


def test_a_child_that_has_ended_its_job_may_send_what_it_still_holds(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(FAREWELL.format(said=str(tmp_path / "said")))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(supervision, "RENEW_S", 0)
    supervision.supervise(job_id=run.job_id)

    run.job.refresh_from_db()
    assert run.job.state == State.SUCCEEDED
    assert (tmp_path / "said").exists()


def test_an_interrupted_run_goes_on_and_ends_with_the_same_model(
    cast: Cast, churn: DatasetVersion, long_config: RunConfig, whole_model: str
) -> None:
    cut = start(churn, long_config, cast.ben)
    supervised = supervise(cut)
    wait_for(lambda: checkpointed(cut))
    os.kill(child_of(cut), signal.SIGTERM)
    supervised.join()
    cut.job.refresh_from_db()
    assert cut.job.state == State.QUEUED

    supervise(cut).join()

    assert model_of(cut) == whole_model
    assert numbers_of(cut) == list(range(1, len(numbers_of(cut)) + 1))


def test_a_killed_run_goes_on_and_ends_with_the_same_model(
    cast: Cast, churn: DatasetVersion, long_config: RunConfig, whole_model: str
) -> None:
    killed = start(churn, long_config, cast.ben)
    supervised = supervise(killed)
    wait_for(lambda: checkpointed(killed))
    os.kill(child_of(killed), signal.SIGKILL)
    supervised.join()
    killed.job.refresh_from_db()
    assert (killed.job.state, killed.job.losses) == (State.QUEUED, 1)

    supervise(killed).join()

    killed.refresh_from_db()
    assert model_of(killed) == whole_model
    assert [event["status"]["attempt"] for event in told(killed, "status")][1:] == [1, 2, 2]
    assert any("Continuing after round" in event["log"]["message"] for event in told(killed, "log"))


EVERY_SEGMENT = """
import sys

if "work" in sys.argv:
    sys.path.insert(0, {root!r})
    from training.engine import boost
    boost.CHECKPOINT_SECONDS = 0.0
"""


@pytest.fixture
def every_segment_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker's child writes a checkpoint after each segment, not every ten seconds."""
    (tmp_path / "sitecustomize.py").write_text(EVERY_SEGMENT.format(root=str(env.ROOT)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.usefixtures("every_segment_is_kept")
def test_a_run_killed_among_its_folds_goes_on_with_the_next_and_ends_with_the_same_model(
    cast: Cast, churn: DatasetVersion, churn_table: Profiled, config: RunConfig
) -> None:
    folded = replace(config, recipe="thorough", parameters={"n_estimators": 60, "early_stopping_rounds": 60})
    whole = engine.train(table=churn_table.table, config=folded, observer=Watch(), checkpoints=Shelf())
    killed = start(churn, folded, cast.ben)
    supervised = supervise(killed)
    wait_for(lambda: "tuned-defaults, fold 2 of 5" in learnt(killed))
    os.kill(child_of(killed), signal.SIGKILL)
    supervised.join()
    before = RunEvent.objects.filter(run=killed).count()

    supervise(killed).join()

    killed.job.refresh_from_db()
    assert (killed.job.state, killed.job.attempt, killed.job.losses) == (State.SUCCEEDED, 2, 1)
    assert learnt(killed)[0] == "tuned-defaults, fold 1 of 5"
    assert "tuned-defaults, fold 1 of 5" not in learnt(killed, after=before)
    assert model_of(killed) == hashlib.sha256(whole.native).hexdigest()


def test_a_model_without_room_is_not_stored(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[bytes] = []
    monkeypatch.setattr(blobs, "put_bytes", stored.append)
    Allowance.objects.filter(project=run.project).update(limit_bytes=10)
    train_here(run)
    run.job.refresh_from_db()
    assert (run.job.state, run.job.error_code) == (State.FAILED, "quota_exceeded")
    assert stored == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_a_disk_that_is_full_at_the_end_leaves_no_model_and_no_half_of_one(
    cast: Cast, churn: DatasetVersion, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(churn, replace(config, seed=19), cast.ben)  # a model whose bytes no other test has stored
    spool = Path(settings.SPOOL)
    before = {file.name for file in spool.iterdir()}
    create = tempfile.NamedTemporaryFile

    with Path("/dev/full").open("wb", buffering=0) as device:

        def full(*args: Any, **options: Any) -> Any:
            """A file of which the disk takes no byte."""
            file = create(*args, **options)
            if options.get("delete") is False:
                monkeypatch.setattr(file, "write", device.write)
            return file

        monkeypatch.setattr(tempfile, "NamedTemporaryFile", full)
        train_here(run)
    run.job.refresh_from_db()
    assert (run.job.state, run.job.error_code) == (State.FAILED, "storage_full")
    assert "free some space and try again" in told(run, "error")[0]["error"]["message"]
    assert not Outcome.objects.filter(run=run).exists()
    assert {file.name for file in spool.iterdir()} == before


@pytest.fixture
def contacts(cast: Cast, tmp_path: Path) -> DatasetVersion:
    """Customers with addresses that come again and again, so that they look like a category."""
    lines = [f"{n % 60},ann{n % 40}@example.org,{'yes' if n % 60 < 25 else 'no'}" for n in range(400)]
    (tmp_path / "contacts.csv").write_text("\n".join(["months,contact,churn", *lines]))
    read = profile(tmp_path / "contacts.csv", filename="contacts.csv", workdir=tmp_path, progress=lambda *_: None)
    return ready_version(cast, read)


def test_no_model_carries_the_personal_data_of_its_table(
    cast: Cast, contacts: DatasetVersion, config: RunConfig
) -> None:
    run = start(contacts, replace(config, exclude=()), cast.ben)
    train_here(run)
    outcome = run.outcome
    assert [(column["name"], column["code"]) for column in outcome.report["excluded"]] == [("contact", "personal")]
    kept = json.dumps([outcome.report, outcome.narrative, outcome.schema, [e.payload for e in run.events.all()]])
    assert "@example.org" not in kept
    with pytest.raises(TargetInvalid):
        start(contacts, replace(config, exclude=(), target="contact", task="multiclass"), cast.ben)
    page = as_(cast.ben).get(f"/p/acme/runs/new?version={contacts.pk}").content.decode()
    assert "It seems to hold email addresses" in page
