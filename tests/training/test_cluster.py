"""A training on a Dask cluster of two processes: the same events, cancel and artifacts as on one machine."""

import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import distributed
import pytest
from django.utils import timezone

from fynix.queue import jobs, work
from fynix.queue.models import State
from tests.composed import Composed, service
from tests.servers import free_port
from tests.training import tables
from tests.training.tables import Shelf, Watch
from training.engine import Cancelled, Outcome, RoundPoint, RunConfig, Untrainable, cluster, train
from training.engine.own import OwnMetric
from training.engine.recipes import patience
from training.models import Outcome as Stored
from training.models import Run, RunEvent

ROWS = 12_000
CONFIG = RunConfig(target="churn", task="binary", threads=1, parameters={"n_estimators": 400, "learning_rate": 0.1})


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the cluster of compose.yaml's profile: its scheduler and two of its workers."""
    ports = {port: str(free_port()) for port in ("8786", "8787", "8788")}
    places = {"//dask:8786": f"//127.0.0.1:{ports['8786']}", **ports}
    stack = Composed(tmp_path_factory.mktemp("dask"), {"DASK_SCHEDULER": "tcp://dask:8786"}, places)
    names = ("dask", "daskworker", "daskworker-2")
    try:
        for name in names:
            stack.start(name)
        for name in names:
            stack.wait_for(name)
        address = stack.text(stack.environment("trainer")["DASK_SCHEDULER"])
        with cluster.connect(address) as client:
            client.wait_for_workers(service("daskworker")["scale"], timeout=60)
        yield address
    finally:
        stack.kill()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spread") / "churn.parquet"
    tables.churn(ROWS).write_parquet(path)
    return path


def spread(scheduler: str, table: Path, config: RunConfig = CONFIG, watch: Watch | None = None) -> Outcome:
    with cluster.connect(scheduler) as client:
        return train(
            table=table, config=config, observer=watch or Watch(), checkpoints=Shelf(), lay=cluster.lay_on(client)
        )


def test_two_workers_learn_what_one_machine_learns_and_tell_every_round(scheduler: str, table: Path) -> None:
    watch = Watch()
    there = spread(scheduler, table, watch=watch)
    here = train(table=table, config=CONFIG, observer=Watch(), checkpoints=Shelf())

    assert there.report.test["auc"].value == pytest.approx(here.report.test["auc"].value, abs=0.01)
    assert [point.step for point in watch.points] == list(range(1, there.report.rounds_run + 1))
    assert set(watch.points[0].metrics) == {"train-logloss", "valid-logloss", "valid-auc"}
    assert 0 < there.report.best_round < there.report.rounds_run < 400, "it stops by itself"
    rows = there.report.sizes["train"]
    assert there.report.rounds_run == there.report.best_round + patience(there.report.best_round, rows)
    assert len(there.native) > 1000


def test_the_same_cluster_gives_the_same_bytes_also_after_a_break(scheduler: str, table: Path) -> None:
    config = RunConfig(target="churn", task="binary", threads=1, parameters={"n_estimators": 120})
    shelf, watch = Shelf(), Watch(stop_after=70)
    with cluster.connect(scheduler) as client:
        lay = cluster.lay_on(client)
        with pytest.raises(Cancelled):
            train(table=table, config=config, observer=watch, checkpoints=shelf, lay=lay)
        resumed = train(table=table, config=config, observer=Watch(), checkpoints=shelf, lay=lay)
    assert shelf.data is not None
    assert spread(scheduler, table, config).native == resumed.native


def test_a_cancelled_training_leaves_the_cluster_free_within_seconds(scheduler: str, table: Path) -> None:
    long = RunConfig(target="churn", task="binary", threads=1, parameters={"n_estimators": 5000, "max_depth": 8})
    started = time.monotonic()
    with pytest.raises(Cancelled):
        spread(scheduler, table, long, Watch(stop_after=3))
    with cluster.connect(scheduler) as client:
        assert client.submit(sum, [1, 2]).result(timeout=20) == 3
        assert not any(client.processing().values())
    assert time.monotonic() - started < 40


@pytest.mark.parametrize(
    ("task", "name", "same"),
    [
        ("binary", "pr_auc", ("mean(-log(p_true))", "logloss")),
        ("multiclass", "top3", ("mean(-log(p_true))", "mlogloss")),
        ("regression", "p90_ae", ("sqrt(mean((y - p) ** 2))", "rmse")),
    ],
)
def test_what_ada_follows_is_measured_every_round_on_the_rows_of_all_workers(
    scheduler: str, tmp_path: Path, task: str, name: str, same: tuple[str, str]
) -> None:
    make, target = tables.TASKS[task]
    make(ROWS).write_parquet(tmp_path / "table.parquet")
    own = OwnMetric("the same", same[0]), OwnMetric("no number", "log(0 * mean(y) - 1)")
    config = RunConfig(target, task, threads=1, metrics=(name,), own=own, parameters={"n_estimators": 4})
    watch = Watch()
    spread(scheduler, tmp_path / "table.parquet", config, watch)
    assert [point.step for point in watch.points] == [1, 2, 3, 4]
    for point in watch.points:
        assert point.metrics[f"valid-{own[0].key}"] == pytest.approx(point.metrics[f"valid-{same[1]}"], rel=1e-4)
        assert point.metrics[f"valid-{name}"] > 0
    assert len([line for line in watch.lines if "“no number” is not available in the first round" in line]) == 1


@dataclass
class Killer(Watch):
    """Kills workers once, at round 60; `workers` says how many."""

    scheduler: str = ""
    workers: int = 1

    def rounds(self, points: Sequence[RoundPoint]) -> None:
        super().rounds(points)
        if len(self.points) == 60:
            with distributed.Client(self.scheduler) as client:
                for pid in list(client.run(os.getpid).values())[: self.workers]:
                    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def whole(scheduler: str) -> Iterator[None]:
    """Afterwards both workers are there again: what started them starts them anew."""
    yield
    with cluster.connect(scheduler) as client:
        client.wait_for_workers(2, timeout=60)


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("comes_back", [True, False])
def test_a_killed_worker_costs_a_few_rounds_and_not_the_run(
    scheduler: str, table: Path, comes_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "RETURN_S", 30 if comes_back else 0)
    config = RunConfig(target="churn", task="binary", threads=1, parameters={"n_estimators": 300})
    killer = Killer(scheduler=scheduler)
    found = spread(scheduler, table, config, killer)
    # On a busy machine the cluster may be in a later segment than the one that round 60 is in when the worker dies.
    vanished = next(line for line in killer.lines if "vanished" in line)
    again = int(vanished.partition("after round ")[2].partition(" ")[0]) + 1
    steps = [point.step for point in killer.points]
    lost = len(steps) - steps[::-1].index(again) - 1
    assert again > 50
    assert steps == [*range(1, lost + 1), *range(again, found.report.rounds_run + 1)]
    assert found.report.rounds_run == len(found.report.curves.values["valid-logloss"]) > 60
    assert found.report.test["auc"].value > 0.9
    if comes_back:
        assert found.native == spread(scheduler, table, config).native, "as many workers, the same bytes"


@pytest.mark.usefixtures("whole")
def test_when_no_worker_comes_back_the_run_ends_with_a_sentence(
    scheduler: str, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ALONE_S", 0.2)
    with pytest.raises(Untrainable, match="No worker of the Dask cluster was left") as refusal:
        spread(scheduler, table, watch=Killer(scheduler=scheduler, workers=2))
    assert refusal.value.code == "cluster_lost"


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_are_spread_too(scheduler: str, tmp_path: Path, task: str) -> None:
    make, target = tables.TASKS[task]
    make(ROWS).write_parquet(tmp_path / "table.parquet")
    config = RunConfig(target=target, task=task, threads=1, parameters={"n_estimators": 40})
    found = spread(scheduler, tmp_path / "table.parquet", config)
    assert found.report.headline.value > 0.8 or task == "regression"
    assert found.report.best_round > 0


@pytest.mark.django_db(transaction=True)
def test_bens_run_goes_to_the_cluster_that_the_server_names(scheduler: str, run: Run, settings: object) -> None:
    settings.DASK_SCHEDULER = scheduler
    trained(run)
    assert run.job.state == State.SUCCEEDED
    assert Stored.objects.get(run=run).model_bytes > 0
    lines = [event.payload["log"]["message"] for event in RunEvent.objects.filter(run=run, type="log")]
    assert "Training on a cluster: 2 workers, 2 threads." in lines


@pytest.mark.django_db(transaction=True)
def test_a_cluster_that_is_away_ends_the_run_with_a_sentence(
    run: Run, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE_S", 1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.DASK_SCHEDULER = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        trained(run)
    assert (run.job.state, run.job.error_code) == (State.FAILED, "cluster_unavailable")
    assert "does not answer" in run.job.error_detail


def trained(run: Run) -> None:
    job = jobs.claim(job_id=run.job_id, owner="test", at=timezone.now())
    assert job is not None
    work.execute(job_id=job.pk, attempt=job.attempt)
    run.refresh_from_db()
