"""A backup made while Ben trains comes back whole on an empty server, and what was under way there begins again."""

import io
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import CharField, F
from django.utils import timezone

from accounts.models import Allowance, AuditHead
from datasets.models import DatasetVersion
from fynix import blobs, env
from fynix.queue.models import Job
from fynix.safekeeping import invariants, references
from registry import promotion
from registry.models import ModelVersion
from tests.cast import Cast
from tests.datasets.uploading import SMALL, begin, read, uploaded
from tests.registry.conftest import Finish, churn_table, config, finish, learnt, proofs  # noqa: F401
from tests.training.conftest import long_config, start, write_churn  # noqa: F401
from tests.training.worker import checkpointed, child_of, supervise, wait_for
from training.engine import RunConfig
from training.models import RunEvent

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "The first one that is good enough."


@pytest.fixture
def version(cast: Cast, tmp_path: Path) -> DatasetVersion:
    """Acme's table of customers, uploaded and read."""
    write_churn(tmp_path / "churn.csv", rows=400)
    return read(uploaded(cast.ben, cast.acme, (tmp_path / "churn.csv").read_bytes(), "churn.csv"))


@pytest.fixture
def lived_in(cast: Cast, version: DatasetVersion, config: RunConfig, finish: Finish) -> ModelVersion:  # noqa: F811
    """A server on which a version is in production."""
    first = finish(start(version, config, cast.ben))
    promotion.promote(version=first, by=cast.ada, said=promotion.Said(REASON), seen_revision=0, at=timezone.now())
    return first


@dataclass(frozen=True)
class Elsewhere:
    """An empty server: the environment of its commands, its data folder, its database."""

    environment: dict[str, str]
    data: Path
    database: str

    def restore(self, folder: Path) -> subprocess.CompletedProcess[str]:
        return manage("restore", folder, self.environment)

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        """Rows of its database."""
        if connection.vendor == "postgresql":
            with psycopg.connect(self.environment["DATABASE_URL"]) as there:
                return there.execute(question).fetchall()
        with closing(sqlite3.connect(self.database)) as there:
            return there.execute(question).fetchall()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    data = tmp_path / "elsewhere"
    kept = {name: value for name, value in os.environ.items() if name not in {"FYNIX_TEST_DATA", "REDIS_URL"}}
    place = {**kept, "FYNIX_DATA": str(data), "DJANGO_SETTINGS_MODULE": "fynix.settings"}
    if connection.vendor == "sqlite":
        yield Elsewhere(place, data, str(data / "fynix.sqlite3"))
        return
    name = f"restored_{os.getpid()}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    facts = {**dj_database_url.parse(os.environ["DATABASE_URL"]), "NAME": name}
    place["DATABASE_URL"] = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**facts)
    yield Elsewhere(place, data, name)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def manage(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(env.ROOT / "manage.py"), command, str(folder)]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)


def back_up(folder: Path) -> subprocess.CompletedProcess[str]:
    """A backup by a process of its own, as an operator makes it beside the running product."""
    return manage("backup", folder, dict(os.environ))


def test_a_backup_made_during_a_training_comes_back_whole(
    *,
    cast: Cast,
    version: DatasetVersion,
    lived_in: ModelVersion,
    long_config: RunConfig,  # noqa: F811
    elsewhere: Elsewhere,
    tmp_path: Path,
) -> None:
    unread = uploaded(cast.ben, cast.acme, SMALL)
    halfway = begin(cast.ben, cast.acme, SMALL, "half.csv").json()["upload_id"]
    run = start(version, long_config, cast.ben)
    working = supervise(run)
    wait_for(lambda: checkpointed(run))

    os.kill(child_of(run), signal.SIGSTOP)  # a training that is under way, however long the backup takes
    made = back_up(tmp_path / "backup")
    os.kill(child_of(run), signal.SIGKILL)
    working.join()
    done = elsewhere.restore(tmp_path / "backup")

    assert made.returncode == 0, made.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\nok ") == len(invariants.THOROUGH)
    store = elsewhere.data / "blobs"
    artifacts = elsewhere.ask("SELECT sha256 FROM registry_artifact")
    assert len(artifacts) == lived_in.artifacts.count()
    for (sha256,) in artifacts:
        assert blobs.digest(store / sha256[:2] / sha256) == sha256
    assert elsewhere.ask("SELECT id FROM registry_modelversion WHERE is_production") == [(lived_in.pk,)]
    queued = elsewhere.ask("SELECT id, losses FROM queue_job WHERE state = 'queued' AND lease_until IS NULL")
    assert set(queued) == {(run.job_id, 0), (unread.job_id, 0)}
    assert list((store / "checkpoints" / run.pk).iterdir())
    assert (elsewhere.data / "spool" / "uploads" / f"{unread.upload_id}.part").read_bytes() == SMALL
    assert (halfway, "expired") in elsewhere.ask("SELECT id, state FROM datasets_upload")

    twice = elsewhere.restore(tmp_path / "backup")
    assert (twice.returncode, "has tables already" in twice.stderr) == (1, True)


def test_a_backup_that_changed_or_was_not_finished_is_refused(
    lived_in: ModelVersion, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    assert back_up(folder).returncode == 0
    assert "not empty" in back_up(folder).stderr
    blob = next((folder / "blobs").glob("*/*"))
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    assert f"The file {blob.name} of this backup is not what was written" in elsewhere.restore(folder).stderr
    (folder / "manifest.json").unlink()
    assert "was not finished" in elsewhere.restore(folder).stderr


def test_a_file_that_is_gone_is_missing_from_the_backup_by_name(lived_in: ModelVersion, tmp_path: Path) -> None:
    gone = path_of(lived_in.sha256)
    gone.rename(tmp_path / "away")
    made = back_up(tmp_path / "backup")
    (tmp_path / "away").rename(gone)
    assert made.returncode == 1
    assert lived_in.sha256 in made.stderr


def path_of(sha256: str) -> Path:
    return Path(default_storage.path(f"{sha256[:2]}/{sha256}"))


def verified() -> str:
    """What `manage.py verify` says, good or bad."""
    out = io.StringIO()
    try:
        call_command("verify", stdout=out)
    except CommandError:
        assert "BROKEN" in out.getvalue()
    return out.getvalue()


def flip(version: ModelVersion) -> None:
    path_of(version.sha256).write_bytes(b"other bytes")


def stray(version: ModelVersion) -> None:
    old = (timezone.now() - timedelta(days=2)).timestamp()
    os.utime(path_of(blobs.put_bytes(b"nobody's").sha256), (old, old))


def step_down(version: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(is_production=False)


def overdraw(version: ModelVersion) -> None:
    Allowance.objects.filter(project=version.model.project).update(used_bytes=F("used_bytes") + 1)


def promise(version: ModelVersion) -> None:
    Allowance.objects.filter(project=version.model.project).update(reserved_bytes=7)


def lose_an_event(version: ModelVersion) -> None:
    RunEvent.objects.filter(run=version.run, seq=2).delete()


def cut_the_record(version: ModelVersion) -> None:
    AuditHead.objects.update(hash="f" * 64)


def abandon(version: ModelVersion) -> None:
    long_ago = timezone.now() - timedelta(minutes=5)
    Job.objects.filter(pk=version.job_id).update(state="running", lease_until=long_ago, finished_at=None)


DAMAGES: tuple[tuple[Callable[[ModelVersion], None], str], ...] = (
    (flip, "has other bytes"),
    (stray, "belongs to no row"),
    (step_down, "nothing in production"),
    (overdraw, "its ledger says"),
    (promise, "its uploads need 0"),
    (lose_an_event, "events, 1 to"),
    (cut_the_record, "is broken at event"),
    (abandon, "nobody has held it"),
)


def test_verify_finds_what_is_broken_and_nothing_else(lived_in: ModelVersion) -> None:
    assert "BROKEN" not in verified()
    whole = path_of(lived_in.sha256).read_bytes()
    for damage, words in DAMAGES:
        with transaction.atomic():
            damage(lived_in)
            said = verified()
            transaction.set_rollback(True)
        path_of(lived_in.sha256).write_bytes(whole)
        path_of(blobs.put_bytes(b"nobody's").sha256).unlink()
        assert said.count("BROKEN") == 1, said
        assert words in said


def test_every_hash_in_the_database_is_known_to_name_a_file_or_not() -> None:
    """A column that is added and forgotten would be missing from every backup."""
    fields = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, CharField) and field.name.endswith("sha256")
    ]
    files = {f"{reference.model._meta.label}.{reference.column}" for reference in references.REFERENCES}
    assert set(fields) == files | references.OTHER_HASHES
