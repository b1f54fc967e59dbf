"""Blobs in a bucket: the same verbs, on a real S3-compatible server that checks signatures."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from fynix import blobs
from tests import s3
from training.checkpoints import Kept


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3.running(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def bucket(endpoint: str, settings) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": s3.storage(endpoint)}


def test_what_is_stored_in_the_bucket_comes_back_checked(bucket: None, tmp_path: Path) -> None:
    data = b"a,b\n1,2\n" * 1000
    blob = blobs.put_bytes(data)
    assert blobs.put_bytes(data) == blob
    assert blobs.exists(blob.sha256)
    assert blobs.read(blob.sha256) == data
    with blobs.local(blob.sha256) as path:
        assert path.read_bytes() == data
    assert not blobs.exists("0" * 64)
    with pytest.raises(blobs.Corrupt):
        blobs.read("0" * 64)


def test_an_adopted_file_moves_into_the_bucket(bucket: None, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes(b"x" * 10_000)
    blob = blobs.adopt(file)
    assert not file.exists()
    assert blobs.read(blob.sha256) == b"x" * 10_000


def test_a_checkpoint_in_the_bucket_is_the_newest_whole_one(bucket: None) -> None:
    kept = Kept(run="run_1", attempt=1)
    assert kept.load() is None
    kept.save(b"first")
    kept.save(b"second")
    assert Kept(run="run_1", attempt=2).load() == b"second"
    kept.clear()
    assert kept.load() is None


@pytest.mark.django_db
def test_a_store_that_does_not_answer_is_told_by_the_health_check(settings, monkeypatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # the library would try for some seconds more
    settings.STORAGES = {**settings.STORAGES, "default": s3.storage("http://127.0.0.1:1")}
    told = Client().get("/health/ready")
    assert (told.status_code, told.json()["checks"]["storage"]) == (503, False)


def test_a_blob_is_made_young_and_removed_in_a_bucket(bucket: None) -> None:
    stored = blobs.put_bytes(b"to be touched").sha256
    born = blobs.stored_at(stored)
    time.sleep(1.1)  # the store counts in seconds
    assert blobs.touch(stored)
    assert blobs.stored_at(stored) > born
    assert blobs.read(stored) == b"to be touched"
    assert not blobs.touch("0" * 64)
    blobs.remove(stored)
    assert not blobs.exists(stored)
    assert blobs.put_bytes(b"to be touched").sha256 == stored
    assert blobs.exists(stored)
