"""A model with two versions. Learning and proving happen once a session; everything else is the product's own way."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.utils.timezone import now

from datasets.models import DatasetVersion
from datasets.profiling.job import Profiled
from fynix.queue import jobs, work
from fynix.queue.models import Job, State
from registry import packaging
from registry.exporters.parity import Parity
from registry.models import ModelVersion, RegisteredModel
from tests.cast import Cast
from tests.remembered import Memory
from tests.training.conftest import churn, churn_table, config, start  # noqa: F401
from tests.training.tables import Shelf, Watch
from training import engine, execution
from training.engine import RunConfig
from training.models import Run

Finish = Callable[[Run], ModelVersion]


def claimed(job: Job) -> Job:
    taken = jobs.claim(job_id=job.pk, owner="tests", at=now())
    assert taken
    return taken


def do(job: Job) -> Job:
    """Do a queued job here and now, as a worker's child does it."""
    taken = claimed(job)
    work.execute(job_id=taken.pk, attempt=taken.attempt)
    return Job.objects.get(pk=job.pk)


@pytest.fixture(scope="session")
def learnt(churn_table: Profiled) -> engine.Outcome:  # noqa: F811
    """What training on the customers gives."""
    config = RunConfig(target="churn", task="binary", exclude=("customer",), parameters={"n_estimators": 24})  # noqa: F811
    return engine.train(table=churn_table.table, config=config, observer=Watch(), checkpoints=Shelf())


@pytest.fixture(scope="session")
def proofs() -> dict[str, Parity]:
    """The proof of each format, made by the first test that packages."""
    return {}


@pytest.fixture
def finish(learnt: engine.Outcome, proofs: dict[str, Parity], monkeypatch: pytest.MonkeyPatch) -> Finish:
    """Ends a run with what was learnt, and packages the version that comes of it."""
    prove = packaging.check

    def proved_once(key: str, data: bytes, **parts: object) -> Parity:
        if key not in proofs:
            proofs[key] = prove(key, data, **parts)  # type: ignore[arg-type]
        return proofs[key]

    def end(run: Run) -> ModelVersion:
        execution.conclude(run, work.Work(claimed(run.job)), learnt)
        version = ModelVersion.objects.get(run=run)
        with monkeypatch.context() as patch:
            patch.setattr(packaging, "check", proved_once)
            assert do(version.job).state == State.SUCCEEDED
        return _version(version.pk)

    return end


@pytest.fixture
def first(cast: Cast, churn: DatasetVersion, config: RunConfig, finish: Finish, memory: Memory) -> ModelVersion:  # noqa: F811
    """Version 1 of churn, ready."""
    return _version(memory.have(("first", churn.pk, str(config)), lambda: finish(start(churn, config, cast.ben)).pk))


@pytest.fixture
def second(
    first: ModelVersion,
    churn: DatasetVersion,  # noqa: F811
    config: RunConfig,  # noqa: F811
    finish: Finish,
    memory: Memory,
) -> ModelVersion:
    """Version 2 of churn, ready."""
    other, ben = replace(config, seed=11), first.run.created_by
    return _version(memory.have(("second", first.pk, str(other)), lambda: finish(start(churn, other, ben)).pk))


def _version(key: str) -> ModelVersion:
    return ModelVersion.objects.select_related("model__project", "run__outcome").get(pk=key)


@pytest.fixture
def model(first: ModelVersion) -> RegisteredModel:
    return first.model
