"""A small table that is ready to be learnt from, and runs on it."""

import csv
import hashlib
import random
from pathlib import Path

import pytest

from accounts.models import User
from datasets.models import Dataset, DatasetVersion, Profile
from datasets.profiling.job import Profiled, profile
from fynix import blobs
from fynix.queue import jobs
from fynix.queue.models import Job
from tests.cast import Cast
from tests.make import NOW
from tests.remembered import Memory
from tests.training.tables import Shelf, Watch
from training import engine, runs
from training.engine import RunConfig
from training.models import Run


@pytest.fixture(scope="session")
def churn_table(tmp_path_factory: pytest.TempPathFactory) -> Profiled:
    """400 customers whose leaving follows their months and plan, read the way an upload is read."""
    folder = tmp_path_factory.mktemp("churn")
    write_churn(folder / "churn.csv", rows=400)
    return profile(folder / "churn.csv", filename="churn.csv", workdir=folder, progress=lambda *_: None)


def write_churn(path: Path, *, rows: int) -> None:
    dice = random.Random(7)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["customer", "months", "plan", "spend", "churn"])
        for number in range(rows):
            months, plan = dice.randint(1, 60), dice.choice(["basic", "plus", "pro"])
            leaves = dice.random() < (0.75 if months < 20 else 0.15) - (0.1 if plan == "pro" else 0)
            out.writerow([f"C{number:05}", months, plan, round(dice.uniform(5, 90), 2), "yes" if leaves else "no"])


@pytest.fixture
def churn(cast: Cast, churn_table: Profiled, memory: Memory) -> DatasetVersion:
    """Acme's table of customers, read and ready."""
    return DatasetVersion.objects.get(pk=memory.have("churn", lambda: ready_version(cast, churn_table).pk))


def ready_version(cast: Cast, read: Profiled) -> DatasetVersion:
    dataset = Dataset.objects.create(
        project=cast.acme, slug="customers", name="Customers", created_by=cast.ben, created_at=NOW
    )
    job = jobs.enqueue(kind="profile", subject="x", project_id=cast.acme.pk, user_id=cast.ben.pk, at=NOW)
    table = blobs.put(read.table)
    version = DatasetVersion.objects.create(
        dataset=dataset, number=1, job=job, filename="churn.csv", size_bytes=1, sha256="0" * 64,
        table_sha256=table.sha256, table_bytes=table.size_bytes, rows=read.document.rows,
        columns=len(read.document.columns), created_by=cast.ben, created_at=NOW,
    )  # fmt: skip
    Profile.objects.create(version=version, document=read.document.to_json(), created_at=NOW)
    Job.objects.filter(pk=job.pk).update(state="succeeded", finished_at=NOW)
    version.refresh_from_db()
    return version


@pytest.fixture
def config() -> RunConfig:
    return RunConfig(target="churn", task="binary", exclude=("customer",), threads=1, parameters={"n_estimators": 60})


@pytest.fixture(scope="session")
def long_config() -> RunConfig:
    """Some seconds of rounds."""
    rounds = {"n_estimators": 700, "early_stopping_rounds": 700, "max_depth": 4}
    return RunConfig(target="churn", task="binary", exclude=("customer",), threads=1, parameters=rounds)


@pytest.fixture(scope="session")
def whole_model(churn_table: Profiled, long_config: RunConfig) -> str:
    """Hash of the model that a training in one go ends with."""
    learnt = engine.train(table=churn_table.table, config=long_config, observer=Watch(), checkpoints=Shelf())
    return hashlib.sha256(learnt.native).hexdigest()


def start(version: DatasetVersion, config: RunConfig, by: User) -> Run:
    return runs.start(
        project=version.dataset.project,
        version=version,
        config=config,
        name="First",
        model_name="churn",
        by=by,
        at=NOW,
    )


@pytest.fixture
def run(cast: Cast, churn: DatasetVersion, config: RunConfig) -> Run:
    """A run that Ben has started and no worker has taken."""
    return start(churn, config, cast.ben)
