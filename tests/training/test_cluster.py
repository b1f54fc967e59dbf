"""A training on a Dask cluster of two processes: the same events, cancel and artifacts as on one machine."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import distributed
import pytest
from django.utils import timezone

from fynix.queue import jobs, work
from fynix.queue.models import State
from tests.composed import Composed, service
from tests.servers import free_port
from tests.training import tables
from tests.training.tables import Shelf, Watch
from training.engine import Cancelled, Outcome, RoundPoint, RunConfig, Untrainable, cluster, presence, train
from training.engine.own import OwnMetric
from training.engine.recipes import patience
from training.models import Outcome as Stored
from training.models import Run, RunEvent

ROWS = 12_000
CONFIG = RunConfig(target="churn", task="binary", threads=1, parameters={"n_estimators": 400, "learning_rate": 0.1})
LONG = RunConfig(target="churn", task="binary", threads=1, parameters={"n_estimators": 300})


NAMES = ("dask", "daskworker", "daskworker-2")


@pytest.fixture(autouse=True)
def short_wakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are taken from trainings that died after seconds: some of the tests below leave such behind."""
    monkeypatch.setattr(presence, "IDLE_S", 3)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The cluster of compose.yaml's profile: its scheduler and two of its workers."""
    ports = {port: str(free_port()) for port in ("8786", "8787", "8788")}
    places = {"//dask:8786": f"//127.0.0.1:{ports['8786']}", **ports}
    stack = Composed(tmp_path_factory.mktemp("dask"), {"DASK_SCHEDULER": "tcp://dask:8786"}, places)
    try:
        for name in NAMES:
            stack.start(name)
        yield stack
    finally:
        stack.kill()


@pytest.fixture(scope="module")
def scheduler(stack: Composed) -> str:
    """The address of the cluster, whose workers are there."""
    address = stack.text(stack.environment("trainer")["DASK_SCHEDULER"])
    with cluster.connect(address) as client:
        client.wait_for_workers(service("daskworker")["scale"], timeout=60)
    for name in NAMES:  # only now: each question is a process, and takes from those that start
        stack.wait_for(name)
    return address


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
    """Does `strike` once, at round 60."""

    strike: Callable[[], object] = field(kw_only=True)

    def rounds(self, points: Sequence[RoundPoint]) -> None:
        super().rounds(points)
        if len(self.points) == 60:
            self.strike()


def killing(scheduler: str, workers: int) -> Callable[[], None]:
    """Kills so many workers."""

    def strike() -> None:
        with distributed.Client(scheduler, set_as_default=False) as client:
            for pid in list(client.run(os.getpid).values())[:workers]:
                os.kill(pid, signal.SIGKILL)

    return strike


def revive(stack: Composed) -> None:
    """Start all anew where the scheduler was killed, as an engine does. Workers would end by themselves, in 30 s."""
    if stack.running["dask"].poll() is not None:
        stack.kill()
        for name in NAMES:
            stack.start(name)


@pytest.fixture
def whole(stack: Composed, scheduler: str) -> Iterator[None]:
    """Afterwards the scheduler and both workers are there again."""
    yield
    stack.running["dask"].send_signal(signal.SIGCONT)
    revive(stack)
    with distributed.Client(scheduler, timeout=60) as client:
        client.wait_for_workers(2, timeout=60)


@pytest.fixture(scope="module")
def calm(scheduler: str, table: Path) -> Outcome:
    """What LONG comes to when nothing happens."""
    return spread(scheduler, table, LONG)


def steps_of(killer: Killer) -> list[int]:
    """The rounds that were told: once to where somebody vanished, and on from the last round that was safe."""
    # On a busy machine the cluster may be in a later segment than the one that round 60 is in when somebody dies.
    vanished = next(line for line in killer.lines if "vanished" in line)
    again = int(vanished.partition("after round ")[2].partition(" ")[0]) + 1
    steps = [point.step for point in killer.points]
    lost = len(steps) - steps[::-1].index(again) - 1
    assert again > 50
    assert steps == [*range(1, lost + 1), *range(again, steps[-1] + 1)]
    return steps


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("comes_back", [True, False])
def test_a_killed_worker_costs_a_few_rounds_and_not_the_run(
    scheduler: str, table: Path, calm: Outcome, comes_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "RETURN_S", 30 if comes_back else 0)
    killer = Killer(strike=killing(scheduler, 1))
    found = spread(scheduler, table, LONG, killer)
    assert steps_of(killer)[-1] == found.report.rounds_run
    assert found.report.rounds_run == len(found.report.curves.values["valid-logloss"]) > 60
    assert found.report.test["auc"].value > 0.9
    if comes_back:
        assert found.native == calm.native, "as many workers, the same bytes"


@pytest.mark.usefixtures("whole")
def test_a_killed_scheduler_that_comes_back_costs_a_few_rounds_and_not_the_run(
    stack: Composed, scheduler: str, table: Path, calm: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "RETURN_S", 30)
    engine = Thread(target=revive, args=(stack,))

    def strike() -> None:
        stack.running["dask"].kill()
        stack.running["dask"].wait()
        engine.start()

    killer = Killer(strike=strike)
    found = spread(scheduler, table, LONG, killer)
    engine.join()
    assert any("The scheduler of the cluster vanished. Rounds after round" in line for line in killer.lines)
    assert steps_of(killer)[-1] == found.report.rounds_run
    assert found.native == calm.native


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_a_scheduler_that_is_gone_or_says_nothing_ends_the_run_with_a_sentence(
    stack: Composed, scheduler: str, table: Path, blow: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "PATIENCE_S", 5)
    monkeypatch.setattr(cluster, "RETRY_S", 1)
    monkeypatch.setattr(cluster, "ALONE_S", 1 if blow == signal.SIGSTOP else 60)
    struck: list[float] = []

    def strike() -> None:
        stack.running["dask"].send_signal(blow)
        if blow == signal.SIGKILL:
            stack.running["dask"].wait()
        struck.append(time.monotonic())

    with pytest.raises(Untrainable, match="scheduler of the Dask cluster vanished and did not come back") as refusal:
        spread(scheduler, table, LONG, Killer(strike=strike))
    assert refusal.value.code == "cluster_lost"
    assert time.monotonic() - struck[0] < 30


@pytest.mark.usefixtures("whole")
def test_when_no_worker_comes_back_the_run_ends_with_a_sentence(
    scheduler: str, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ALONE_S", 0.2)
    with pytest.raises(Untrainable, match="No worker of the Dask cluster was left") as refusal:
        spread(scheduler, table, watch=Killer(strike=killing(scheduler, 2)))
    assert refusal.value.code == "cluster_lost"


def test_a_training_that_was_killed_holds_the_workers_for_seconds_and_not_for_ever(scheduler: str, table: Path) -> None:
    with distributed.Client(scheduler, set_as_default=False) as killed:
        # The lock that xgboost.dask takes. Nobody releases it; it may be late, behind that of another one that died.
        distributed.MultiLock(list(killed.nthreads()), killed).acquire(timeout="1s")
    short = RunConfig(target="churn", task="binary", threads=1, parameters={"n_estimators": 4})
    assert spread(scheduler, table, short).report.rounds_run == 4


def test_what_xgboost_refuses_is_said_in_the_words_of_one_machine(
    scheduler: str, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "NOTICE_S", 1)
    half = RunConfig(target="churn", task="binary", threads=1, parameters={"max_depth": 2.5})
    with pytest.raises(Untrainable) as here:
        train(table=table, config=half, observer=Watch(), checkpoints=Shelf())
    with pytest.raises(Untrainable, match=r"XGBoost refused the settings: .*max_depth") as there:
        spread(scheduler, table, half)
    assert (there.value.code, there.value.message) == (here.value.code, here.value.message)


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
    monkeypatch.setattr(presence, "PATIENCE_S", 1)
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
