"""Files by content: what is stored under a sha256 is exactly those bytes, in a folder or in a bucket."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import structlog
from botocore.exceptions import ClientError
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone
from django.utils.translation import gettext as _

from fynix.errors import DomainError

CHUNK = 1 << 20
LARGEST_COPY = 5 << 30  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
COPIED_PART = 1 << 30
log = structlog.get_logger(__name__)


class Corrupt(DomainError):
    code = "artifact_corrupt"
    status = 409


@dataclass(frozen=True)
class Blob:
    """Stored bytes: their hash in lower-case hexadecimal and their number."""

    sha256: str
    size_bytes: int


def digest(path: Path) -> str:
    """The sha256 of a file, read in chunks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put(path: Path) -> Blob:
    """Store a file's bytes and sync them to disk; storing the same bytes twice is one blob. `path` stays."""
    sha256, size = digest(path), path.stat().st_size
    if not (default_storage.exists(key(sha256)) and touch(sha256)):
        _store(path, sha256)
    return Blob(sha256, size)


def put_bytes(data: bytes) -> Blob:
    """Store bytes held in memory."""
    with tempfile.NamedTemporaryFile(dir=settings.SPOOL) as file:
        file.write(data)
        file.flush()
        return put(Path(file.name))


def adopt(path: Path) -> Blob:
    """Store a file by moving it where the store is a folder of the same disk; `path` is gone afterwards."""
    sha256, size = digest(path), path.stat().st_size
    if isinstance(default_storage_backend(), FileSystemStorage):
        _move(path, sha256)
    else:
        put(path)
        path.unlink()
    return Blob(sha256, size)


@contextmanager
def local(sha256: str) -> Iterator[Path]:
    """A readable local path of a blob, checked against its hash. Raises Corrupt when it is gone or has changed."""
    if isinstance(default_storage_backend(), FileSystemStorage):
        path = Path(default_storage.path(key(sha256)))
        _check(path, sha256)
        yield path
        return
    with tempfile.NamedTemporaryFile(dir=settings.SPOOL) as file:
        _fetch(sha256, file)
        _check(Path(file.name), sha256)
        yield Path(file.name)


def read(sha256: str) -> bytes:
    """All bytes of a small blob, checked."""
    with local(sha256) as path:
        return path.read_bytes()


def exists(sha256: str) -> bool:
    return bool(default_storage.exists(key(sha256)))


def touch(sha256: str) -> bool:
    """Make a blob as young as a new one, so that it is not removed before its row is written; False when it is gone."""
    backend: Any = default_storage_backend()
    try:
        if isinstance(backend, FileSystemStorage):
            os.utime(backend.path(key(sha256)))
        else:  # an object gets a new date by being copied onto itself, which asks for new metadata
            fresh = {"MetadataDirective": "REPLACE", "Metadata": {"touched": timezone.now().isoformat()}}
            copy(backend.connection.meta.client, backend.bucket_name, key(sha256), key(sha256), fresh)
    except (FileNotFoundError, ClientError):
        return False
    return True


def copy(client: Any, bucket: str, source: str, target: str, extra: Mapping[str, Any] | None = None) -> None:
    """Copy an object within a bucket, its bytes staying in the store, in parts where it refuses so large a copy.

    In one call first, since some stores copy any size at once and cannot copy parts. Raises ClientError.
    """
    place = {"Bucket": bucket, "Key": source}
    try:
        client.copy_object(Bucket=bucket, Key=target, CopySource=place, **(extra or {}))
    except ClientError:
        if client.head_object(**place)["ContentLength"] <= LARGEST_COPY:
            raise
        from boto3.s3.transfer import TransferConfig  # noqa: PLC0415  costs each process of a server without S3 0.2 s

        in_parts = TransferConfig(multipart_threshold=LARGEST_COPY, multipart_chunksize=COPIED_PART)
        client.copy(place, bucket, target, ExtraArgs=extra, Config=in_parts)


def remove(sha256: str) -> None:
    """Remove a blob that no row names; one that is gone already is no error."""
    default_storage.delete(key(sha256))


def everything() -> Iterator[str]:
    """The hash of every stored blob."""
    with suppress(FileNotFoundError):
        for folder in sorted(default_storage.listdir("")[0]):
            if len(folder) == 2:
                yield from sorted(default_storage.listdir(folder)[1])


def stored_at(sha256: str) -> datetime:
    """When a blob was stored; now for one that has just gone."""
    try:
        at: datetime = default_storage.get_modified_time(key(sha256))
    except FileNotFoundError:
        return timezone.now()
    return at


def default_storage_backend() -> object:
    """The storage behind Django's lazy default."""
    from django.core.files.storage import storages  # noqa: PLC0415  settings may switch it in tests

    return storages["default"]


def key(sha256: str) -> str:
    """What the store calls the blob of that hash. Raises ValueError."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError("not a sha256")
    return f"{sha256[:2]}/{sha256}"


def _fetch(sha256: str, into: IO[bytes]) -> None:
    try:
        with default_storage.open(key(sha256)) as source:
            for chunk in iter(lambda: source.read(CHUNK), b""):
                into.write(chunk)
    except FileNotFoundError:
        raise _gone() from None
    into.flush()


def _store(path: Path, sha256: str) -> None:
    if not isinstance(default_storage_backend(), FileSystemStorage):
        with path.open("rb") as file:
            default_storage.save(key(sha256), File(file))
        return
    with tempfile.NamedTemporaryFile(dir=settings.SPOOL, delete=False) as copy, path.open("rb") as source:
        try:
            for chunk in iter(lambda: source.read(CHUNK), b""):
                copy.write(chunk)
            copy.flush()
        except OSError:  # a full disk is not made fuller by half a copy
            Path(copy.name).unlink()
            raise
    _move(Path(copy.name), sha256)


def _move(path: Path, sha256: str) -> None:
    """Rename into place after a sync, and sync the folder, so that a crash leaves all or nothing."""
    target = Path(default_storage.path(key(sha256)))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    path.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _gone() -> Corrupt:
    return Corrupt(_("The stored file is missing. Tell the people who run this server; nothing else was changed."))


def _check(path: Path, sha256: str) -> None:
    if not path.exists():
        raise _gone()
    if digest(path) != sha256:
        log.error("blob_corrupt", sha256=sha256)
        raise Corrupt(
            _(
                "The stored file has changed since it was written, so it is not used. "
                "Tell the people who run this server."
            )
        )
