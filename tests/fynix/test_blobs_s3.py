"""Blobs in a bucket: the same verbs, on a real S3-compatible server that checks signatures."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from fynix import blobs
from tests import s3, strict_s3
from tests.datasets.uploading import MIB
from training.checkpoints import Kept


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3.running(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def bucket(endpoint: str, settings) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": s3.storage(endpoint)}


@pytest.fixture
def strict(endpoint: str, settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[strict_s3.Strict]:
    """A store that refuses to copy more than 6 MiB in one call, as Amazon's refuses more than 5 GiB."""
    monkeypatch.setattr(blobs, "LARGEST_COPY", 6 * MIB)
    monkeypatch.setattr(blobs, "COPIED_PART", 5 * MIB)
    with strict_s3.running(endpoint, largest=6 * MIB) as front:
        settings.STORAGES = {**settings.STORAGES, "default": s3.storage(front.address)}
        yield front


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


def test_a_blob_too_large_for_one_copy_is_made_young_in_parts(strict: strict_s3.Strict) -> None:
    data = random.Random(1).randbytes(12 * MIB)
    stored = blobs.put_bytes(data).sha256
    born = blobs.stored_at(stored)
    time.sleep(1.1)  # the store counts in seconds
    assert blobs.touch(stored)
    assert blobs.stored_at(stored) > born
    assert blobs.read(stored) == data
    assert sorted(strict.copied) == ["bytes=0-5242879", "bytes=10485760-12582911", "bytes=5242880-10485759"]
    assert strict.refused == [blobs.key(stored)]


def test_a_small_blob_is_copied_at_once_and_a_missing_one_is_gone(strict: strict_s3.Strict) -> None:
    assert blobs.touch(blobs.put_bytes(b"small").sha256)
    assert not blobs.touch("1" * 64)
    assert strict.copied == strict.refused == []
