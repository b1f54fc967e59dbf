"""Uploads straight into the bucket: S3's multipart protocol, its parts PUT to signed addresses of the store.

Only when S3_PUBLIC_ENDPOINT_URL names where browsers reach the store; our server then sees no byte of a file until
a worker reads it. The server alone opens, lists, completes and gives up; a browser that has an address can do nothing
but send that one part, of exactly its size.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.utils.translation import gettext as _

from datasets.models import Upload
from fynix import blobs
from fynix.errors import DomainError

PREFIX = "uploads/"
URL_LIFE = timedelta(hours=1)
GONE = {"NoSuchUpload", "NoSuchKey", "404"}
QUIET = Config(
    signature_version="s3v4",
    # Newer versions of the library add checksums in trailers, on which other stores than Amazon's choke.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


class StoreAway(DomainError):
    """The store does not answer, or refuses what we ask."""

    code = "storage_unavailable"
    status = 503


def enabled() -> bool:
    """Whether browsers send parts to the store instead of to us."""
    return bool(settings.S3_PUBLIC_ENDPOINT_URL) and "bucket_name" in _options()


def bucket() -> str:
    """The bucket that all files are in."""
    return str(_options()["bucket_name"])


def endpoint() -> str | None:
    """Where our server reaches the store; None for Amazon's."""
    found: str | None = _options()["endpoint_url"]
    return found


def begin(upload_id: str) -> str:
    """Open a multipart upload; what the store calls it. Raises StoreAway."""
    with _answering():
        return str(_store().create_multipart_upload(Bucket=bucket(), Key=_key(upload_id))["UploadId"])


def part_url(upload: Upload, number: int, size_bytes: int) -> str:
    """An address that takes this one part, of exactly its size, for an hour."""
    wanted = {**_names(upload), "PartNumber": number, "ContentLength": size_bytes}
    return str(
        _signer().generate_presigned_url("upload_part", Params=wanted, ExpiresIn=int(URL_LIFE.total_seconds()))
    )  # fmt: skip


def received(upload: Upload) -> dict[int, tuple[int, str]] | None:
    """The parts that the store holds, each with its size and ETag; None once it holds the whole file instead.

    Raises StoreAway.
    """
    with _answering():
        try:
            pages = _store().get_paginator("list_parts").paginate(**_names(upload))
            return {p["PartNumber"]: (p["Size"], p["ETag"]) for page in pages for p in page.get("Parts", ())}
        except ClientError as error:
            if _code(error) in GONE and size(upload.pk) == upload.size_bytes:
                return None
            raise


def finish(upload: Upload, parts: Mapping[int, tuple[int, str]]) -> None:
    """Make one object of the parts; again is well. Raises StoreAway."""
    listed = [{"PartNumber": number, "ETag": etag} for number, (_, etag) in sorted(parts.items())]
    with _answering():
        try:
            _store().complete_multipart_upload(**_names(upload), MultipartUpload={"Parts": listed})
        except ClientError as error:
            if _code(error) not in GONE or size(upload.pk) != upload.size_bytes:
                raise


def size(upload_id: str) -> int | None:
    """Bytes of the whole file in the store; None when it is not there. Raises StoreAway."""
    with _answering():
        try:
            return int(_store().head_object(Bucket=bucket(), Key=_key(upload_id))["ContentLength"])
        except ClientError as error:
            if _code(error) in GONE:
                return None
            raise


def fetch(upload_id: str, into: Path) -> bool:
    """Copy the whole file to `into`, all or nothing; False when the store has none. Raises StoreAway."""
    if size(upload_id) is None:
        return False
    passing = into.with_suffix(".fetching")
    with _answering():
        _store().download_file(bucket(), _key(upload_id), str(passing))
    passing.replace(into)
    return True


def adopt(upload_id: str, sha256: str) -> bool:
    """Let the whole file be the blob of that hash, without its bytes passing here; False when it is not there."""
    if size(upload_id) is None:
        return False
    with _answering():
        blobs.copy(_store(), bucket(), _key(upload_id), blobs.key(sha256))
    remove(upload_id)
    return True


def abort(upload: Upload) -> None:
    """Give up the parts. Raises StoreAway."""
    with _answering():
        try:
            _store().abort_multipart_upload(**_names(upload))
        except ClientError as error:
            if _code(error) not in GONE:
                raise
    remove(upload.pk)


def remove(upload_id: str) -> None:
    with _answering(), suppress(FileNotFoundError):
        _store().delete_object(Bucket=bucket(), Key=_key(upload_id))


def strays(*, before: datetime) -> list[tuple[str, str]]:
    """Uploads that the store has held open since before then: our id and what the store calls it. Raises StoreAway."""
    with _answering():
        try:
            pages = _store().get_paginator("list_multipart_uploads").paginate(Bucket=bucket(), Prefix=PREFIX)
            found = [one for page in pages for one in page.get("Uploads", ())]
        except ClientError as error:
            if _code(error) not in GONE:  # what some stores say when there are none
                raise
            return []
    return [(one["Key"].removeprefix(PREFIX), one["UploadId"]) for one in found if one["Initiated"] < before]


def give_up(upload_id: str, multipart_id: str) -> None:
    """End a multipart upload that no row knows."""
    with _answering():
        _store().abort_multipart_upload(Bucket=bucket(), Key=_key(upload_id), UploadId=multipart_id)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise StoreAway(
            _("The file store does not answer as it should. What has arrived is safe; try again in a moment.")
        ) from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _names(upload: Upload) -> dict[str, Any]:
    return {"Bucket": bucket(), "Key": _key(upload.pk), "UploadId": upload.multipart_id}


def _key(upload_id: str) -> str:
    return f"{PREFIX}{upload_id}"


def _options() -> dict[str, Any]:
    stores: dict[str, Any] = settings.STORAGES
    options: dict[str, Any] = stores["default"].get("OPTIONS", {})
    return options


def _store() -> Any:
    """The client that speaks with the store."""
    return _client(endpoint(), *_credentials())


def _signer() -> Any:
    """The client that signs for browsers, with the address that they know; it never speaks with the store."""
    return _client(settings.S3_PUBLIC_ENDPOINT_URL, *_credentials())


def _credentials() -> tuple[str, str, str, str]:
    options = _options()
    return options["region_name"], options["access_key"], options["secret_key"], options["addressing_style"]


@lru_cache(maxsize=4)
def _client(endpoint: str | None, region: str, access_key: str, secret_key: str, addressing: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name=region, aws_access_key_id=access_key or None,
        aws_secret_access_key=secret_key or None, config=QUIET.merge(Config(s3={"addressing_style": addressing})),
    )  # fmt: skip
