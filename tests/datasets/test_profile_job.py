"""An uploaded file becomes a profile and a typed table, or a sentence; no job is ever left open."""

import hashlib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.utils import timezone

from accounts.models import Allowance, Project, StorageCharge
from datasets import profiles, storage, versions
from datasets.models import DatasetVersion, Profile
from fynix import blobs
from fynix.queue import jobs, work
from fynix.queue.models import State
from tests.cast import Cast
from tests.datasets.uploading import SMALL, begin, complete, read, send, take, uploaded

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


def held(project: Project) -> tuple[int, int]:
    """Bytes charged and bytes promised."""
    allowance = Allowance.objects.get(project=project)
    return allowance.used_bytes, allowance.reserved_bytes


def test_bens_table_is_read_typed_and_charged(cast: Cast) -> None:
    version = read(uploaded(cast.ben, cast.acme, SMALL))
    assert version.job.state == State.SUCCEEDED
    assert (version.rows, version.columns) == (3, 3)
    assert version.sha256 == hashlib.sha256(SMALL).hexdigest()
    assert blobs.read(version.sha256) == SMALL
    with versions.table(version) as path:
        table = pl.read_parquet(path)
    assert table["age"].to_list() == [31, 44, 52]
    assert versions.document(version).column("plan").kind == "category"
    assert not storage.path(str(version.upload_id)).exists()
    assert held(cast.acme) == (len(SMALL) + version.table_bytes, 0)
    assert StorageCharge.objects.get(subject=version.pk).user == cast.ben


def test_a_second_version_is_numbered_and_the_first_stays(cast: Cast) -> None:
    first = read(uploaded(cast.ben, cast.acme, SMALL))
    second = read(uploaded(cast.mia, cast.acme, SMALL + b"60,plus,no\n", dataset=first.dataset.slug))
    assert (second.dataset_id, second.number, second.rows) == (first.dataset_id, 2, 4)
    assert versions.document(first).rows == 3
    assert versions.latest(first.dataset) == second


@pytest.mark.parametrize(
    ("data", "filename", "says"),
    [
        (b"\n", "blank.csv", "empty"),
        (b"age,plan\n", "header.csv", "no rows"),
        (PNG, "picture.csv", "PNG picture"),
        (b"PK\x03\x04" + bytes(100), "book.xlsx", "damaged"),
        (b"\x00" * 64, "zeros.csv", "empty"),
    ],
)
def test_what_is_no_table_ends_with_a_sentence_and_leaves_nothing(
    cast: Cast, django_capture_on_commit_callbacks: Any, data: bytes, filename: str, says: str
) -> None:
    version = uploaded(cast.ben, cast.acme, data, filename)
    with django_capture_on_commit_callbacks(execute=True):
        version = read(version)
    assert (version.job.state, version.job.error_code) == (State.FAILED, "unparseable_file")
    assert says in version.job.error_detail
    assert held(cast.acme) == (0, 0)
    assert not storage.path(str(version.upload_id)).exists()
    assert not blobs.exists(hashlib.sha256(data).hexdigest())
    with pytest.raises(versions.NotReady):
        versions.document(version)


def test_names_that_repeat_are_told_apart(cast: Cast) -> None:
    version = read(uploaded(cast.ben, cast.acme, b"age,age,\n31,1,a\n44,2,b\n"))
    names = [column.name for column in versions.document(version).columns]
    assert len(set(names)) == 3
    assert names[0] == "age"


def test_a_file_that_is_not_what_ben_said_is_refused(cast: Cast) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    send(opened, SMALL)
    answer = complete(cast.ben, opened["upload_id"], sha256=hashlib.sha256(b"other").hexdigest()).json()
    version = read(DatasetVersion.objects.get(pk=answer["dataset_version_id"]))
    assert (version.job.state, version.job.error_code) == (State.FAILED, "checksum_mismatch")
    assert held(cast.acme) == (0, 0)


def test_the_same_file_twice_is_stored_once_and_both_can_be_used(cast: Cast) -> None:
    first, second = (read(uploaded(cast.ben, cast.acme, SMALL)) for _ in range(2))
    assert first.sha256 == second.sha256
    assert versions.ready(first)
    assert versions.ready(second)


def test_ben_cancels_the_reading_and_gets_his_room_back(cast: Cast) -> None:
    version = uploaded(cast.ben, cast.acme, SMALL)
    assert jobs.request_cancel(version.job, at=timezone.now())
    version.job.refresh_from_db()
    assert version.job.state == State.CANCELLED
    assert held(cast.acme) == (0, 0)


def test_a_cancelled_reading_stops_while_it_runs(cast: Cast) -> None:
    version = uploaded(cast.ben, cast.acme, SMALL)
    job = take(version)
    jobs.request_cancel(job, at=timezone.now())
    work.execute(job_id=job.pk, attempt=job.attempt)
    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert not Profile.objects.exists()
    assert held(cast.acme) == (0, 0)


@pytest.mark.parametrize("dies_in", ["adopt", "put"])
def test_a_worker_that_dies_between_storing_and_writing_loses_nothing(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    version = uploaded(cast.ben, cast.acme, SMALL)
    job = take(version)
    whole = getattr(blobs, dies_in)

    def last_breath(path: Path) -> blobs.Blob:
        whole(path)
        raise KeyboardInterrupt

    monkeypatch.setattr(profiles.blobs, dies_in, last_breath)
    with pytest.raises(KeyboardInterrupt):
        work.execute(job_id=job.pk, attempt=job.attempt)
    monkeypatch.undo()
    jobs.lose(job, at=timezone.now())
    version = read(version)
    assert (version.job.state, version.job.attempt) == (State.SUCCEEDED, 2)
    assert blobs.read(version.sha256) == SMALL
    assert held(cast.acme) == (len(SMALL) + version.table_bytes, 0)


def test_a_worker_that_was_thought_dead_changes_nothing(cast: Cast) -> None:
    version = uploaded(cast.ben, cast.acme, SMALL)
    slow = take(version)
    jobs.lose(slow, at=timezone.now())
    version = read(version)
    work.execute(job_id=slow.pk, attempt=slow.attempt)
    with pytest.raises(jobs.LeaseLost):
        jobs.report(slow, stage="late", progress=1)
    assert held(cast.acme) == (len(SMALL) + version.table_bytes, 0)


def test_a_table_that_outgrows_the_room_leaves_no_byte_behind(cast: Cast) -> None:
    data = SMALL.replace(b"31", b"97")
    Allowance.objects.filter(project=cast.acme).update(limit_bytes=len(data) + 1)
    version = read(uploaded(cast.ben, cast.acme, data))
    assert (version.job.state, version.job.error_code) == (State.FAILED, "quota_exceeded")
    assert held(cast.acme) == (0, 0)
    assert not blobs.exists(hashlib.sha256(data).hexdigest())
