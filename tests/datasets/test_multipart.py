"""Parts go straight to the bucket, on a real S3 server: signed, listed, resumed, completed once, given up."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import time_machine
from django.utils import timezone

from accounts.models import Allowance
from datasets import multipart, samples, storage, uploads, versions
from datasets.models import DatasetVersion, Upload, UploadState
from fynix import blobs
from fynix.queue.models import State
from tests import s3, strict_s3
from tests.cast import Cast, api
from tests.datasets.uploading import MIB, SMALL, begin, complete, part, read, table

BIG = table(5 * MIB // 2)
FINGERPRINT = "plans-2026-11"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3.running(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture(autouse=True)
def _bucket(endpoint: str, settings: Any, small_parts: None) -> Iterator[None]:
    settings.STORAGES = {**settings.STORAGES, "default": s3.storage(endpoint)}
    settings.S3_PUBLIC_ENDPOINT_URL = endpoint
    for identity, multipart_id in multipart.strays(before=timezone.now() + timedelta(days=1)):
        multipart.give_up(identity, multipart_id)  # of the tests before
    for name in waiting():
        multipart.remove(name.removeprefix(multipart.PREFIX))
    yield
    multipart._store().close()
    multipart._client.cache_clear()


def put(url: str, body: bytes) -> int:
    return httpx.put(url, content=body, headers={"Content-Type": "application/octet-stream"}).status_code


def send(opened: dict[str, Any], data: bytes, numbers: tuple[int, ...]) -> None:
    urls = {signed["number"]: signed["url"] for signed in opened["parts"]}
    for number in numbers:
        assert put(urls[number], part(data, number, opened["part_size_bytes"])) == 200


def waiting() -> list[str]:
    """What the bucket holds of uploads: open ones and whole ones."""
    store, bucket = multipart._store(), s3.BUCKET
    open_ones = [multipart.PREFIX + name for name, _ in multipart.strays(before=timezone.now() + timedelta(days=1))]
    return open_ones + [f["Key"] for f in store.list_objects_v2(Bucket=bucket, Prefix="uploads/").get("Contents", ())]


def test_bens_file_goes_to_the_bucket_and_becomes_a_table(cast: Cast, endpoint: str) -> None:
    opened = begin(cast.ben, cast.acme, BIG).json()
    assert (opened["mode"], opened["part_count"]) == ("s3", 3)
    signed = urlsplit(opened["parts"][0]["url"])
    assert f"{signed.scheme}://{signed.netloc}" == endpoint
    query = parse_qs(signed.query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert "content-length" in query["X-Amz-SignedHeaders"][0]
    assert not storage.path(opened["upload_id"]).exists()
    send(opened, BIG, (3, 1, 2))
    answer = complete(cast.ben, opened["upload_id"])
    assert answer.status_code == 202, answer.content
    version = read(DatasetVersion.objects.get(pk=answer.json()["dataset_version_id"]))
    assert version.job.state == State.SUCCEEDED
    assert blobs.read(version.sha256) == BIG
    assert versions.document(version).rows == BIG.count(b"\n") - 1
    assert waiting() == []
    assert not storage.path(opened["upload_id"]).exists()
    assert Allowance.objects.get(project=cast.acme).reserved_bytes == 0


def test_a_file_too_large_for_one_copy_becomes_a_table_in_parts(
    cast: Cast, endpoint: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "LARGEST_COPY", 2 * MIB)
    data = table(6 * MIB)
    with strict_s3.running(endpoint, largest=2 * MIB) as front:
        settings.STORAGES = {**settings.STORAGES, "default": s3.storage(front.address)}
        opened = begin(cast.ben, cast.acme, data).json()
        send(opened, data, tuple(part["number"] for part in opened["parts"]))
        complete(cast.ben, opened["upload_id"])
        monkeypatch.setattr(blobs, "COPIED_PART", 5 * MIB)
        version = read(DatasetVersion.objects.get(upload_id=opened["upload_id"]))
        assert version.job.state == State.SUCCEEDED
        assert blobs.read(version.sha256) == data
        assert len(front.copied) == 2
        assert waiting() == []


def test_ben_goes_on_where_the_bucket_says_he_stopped(cast: Cast) -> None:
    first = begin(cast.ben, cast.acme, BIG, fingerprint=FINGERPRINT).json()
    send(first, BIG, (2,))
    told = api(cast.ben).get(f"/api/v1/uploads/{first['upload_id']}").json()
    assert [(p["number"], p["size_bytes"]) for p in told["received_parts"]] == [(2, first["part_size_bytes"])]
    refused = complete(cast.ben, first["upload_id"])
    assert (refused.status_code, refused.json()["numbers"]) == (409, [1, 3])
    again = begin(cast.ben, cast.acme, BIG, fingerprint=FINGERPRINT).json()
    assert again["upload_id"] == first["upload_id"]
    assert [p["number"] for p in again["parts"]] == [1, 3]
    send(again, BIG, (1, 3))
    assert complete(cast.ben, first["upload_id"]).status_code == 202


def test_an_address_takes_its_own_part_in_its_own_length_for_its_own_time(cast: Cast) -> None:
    opened, other = (begin(cast.ben, cast.acme, BIG, name).json() for name in ("a.csv", "b.csv"))
    url, body = opened["parts"][0]["url"], part(BIG, 1, opened["part_size_bytes"])
    with time_machine.travel(timezone.now() - timedelta(hours=2)):
        late = multipart.part_url(Upload.objects.get(pk=opened["upload_id"]), 1, len(body))
    assert put(late, body) in {400, 403}
    assert put(url.replace("partNumber=1", "partNumber=2"), body) == 403
    assert put(url, body + b"more") == 403
    assert put(url.replace(opened["upload_id"], other["upload_id"]), body) == 403
    assert api(cast.ben).get(f"/api/v1/uploads/{opened['upload_id']}").json()["received_parts"] == []


def test_completing_again_gives_the_same_version_also_after_a_fall(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = begin(cast.ben, cast.acme, BIG).json()
    send(opened, BIG, (1, 2, 3))

    def fall(**_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(versions, "begin", fall)
        with pytest.raises(KeyboardInterrupt):
            complete(cast.ben, opened["upload_id"])
    assert Upload.objects.get(pk=opened["upload_id"]).state == UploadState.OPEN
    first = complete(cast.ben, opened["upload_id"])
    assert first.status_code == 202, first.content
    assert complete(cast.ben, opened["upload_id"]).json() == first.json()
    assert DatasetVersion.objects.count() == 1


def test_what_is_given_up_or_left_is_gone_from_the_bucket(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    given_up = begin(cast.ben, cast.acme, BIG).json()
    left = begin(cast.ben, cast.acme, BIG, "left.csv").json()
    send(given_up, BIG, (1,))
    assert len(waiting()) == 2
    with django_capture_on_commit_callbacks(execute=True):
        assert api(cast.ben).delete(f"/api/v1/uploads/{given_up['upload_id']}").status_code == 204
    assert waiting() == [f"uploads/{left['upload_id']}"]
    with django_capture_on_commit_callbacks(execute=True):
        assert uploads.expire(at=timezone.now() + timedelta(days=8)) == 1
    assert waiting() == []
    assert Allowance.objects.get(project=cast.acme).reserved_bytes == 0


def test_what_no_row_knows_is_given_up_after_a_day(cast: Cast) -> None:
    multipart.begin("up_unknown")
    known = begin(cast.ben, cast.acme, BIG).json()
    uploads.expire(at=timezone.now())
    assert len(waiting()) == 2
    uploads.expire(at=timezone.now() + timedelta(days=2))
    assert waiting() == [f"uploads/{known['upload_id']}"]
    multipart.abort(Upload.objects.get(pk=known["upload_id"]))


def test_a_file_that_is_no_table_leaves_nothing_in_the_bucket(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    data = b"\x89PNG\r\n\x1a\n" + bytes(200)
    opened = begin(cast.ben, cast.acme, data).json()
    send(opened, data, (1,))
    answer = complete(cast.ben, opened["upload_id"]).json()
    with django_capture_on_commit_callbacks(execute=True):
        version = read(DatasetVersion.objects.get(pk=answer["dataset_version_id"]))
    assert version.job.state == State.FAILED
    assert waiting() == []


def test_a_sample_comes_from_this_machine_all_the_same(cast: Cast) -> None:
    version = read(samples.add(project=cast.acme, key="penguins", by=cast.ben, at=timezone.now()))
    assert version.job.state == State.SUCCEEDED
    assert blobs.exists(version.sha256)


def test_a_store_that_does_not_answer_is_said_in_a_sentence(
    cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    settings.STORAGES = {**settings.STORAGES, "default": s3.storage("http://127.0.0.1:1")}
    answer = begin(cast.ben, cast.acme, SMALL)
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert Allowance.objects.get(project=cast.acme).reserved_bytes == 0
