"""Where the parts of an upload go that come to us: one preallocated file on the disk, reached by signed addresses."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from accounts.models import User
from datasets.models import Upload
from fynix.errors import DomainError, Invalid, NotAllowed
from fynix.templatetags.figures import bytes_

CHUNK = 1 << 20
URL_LIFE = timedelta(hours=1)
PART_ADDRESS = re.compile(r"/u/([a-z0-9_]{1,40})/([0-9]{1,9})")
KEPT_FREE = 256 << 20  # bytes of the disk that uploads leave to the database and the logs
_sync = os.fsync if sys.platform == "darwin" else os.fdatasync


class StorageFull(DomainError):
    code = "storage_full"
    status = 507


class ChecksumMismatch(Invalid):
    code = "checksum_mismatch"


class SignatureInvalid(NotAllowed):
    code = "signature_invalid"


class UrlExpired(NotAllowed):
    code = "url_expired"


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def path(upload_id: str) -> Path:
    """The spool file; its name is made here, never from what a client sent."""
    return _folder() / f"{upload_id}.part"


def reserve(upload_id: str, size_bytes: int) -> None:
    """Take the file's whole space now, so that a full disk refuses before the first byte is sent."""
    require_room(size_bytes)
    descriptor = os.open(path(upload_id), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if sys.platform == "darwin":
            os.ftruncate(descriptor, size_bytes)
        else:
            os.posix_fallocate(descriptor, 0, size_bytes)
    except OSError as error:
        remove(upload_id)
        if error.errno in {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}:
            raise _full(size_bytes) from None
        raise
    finally:
        os.close(descriptor)


def require_room(size_bytes: int) -> None:
    """Raise StorageFull unless the disk has room for so much and some more."""
    if shutil.disk_usage(_folder()).free - size_bytes < KEPT_FREE:
        raise _full(size_bytes)


@contextmanager
def opened(upload_id: str) -> Iterator[int]:
    """A descriptor to write parts through. `settle` waits for everyone who holds one."""
    descriptor = os.open(path(upload_id), os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield descriptor
    finally:
        os.close(descriptor)


def settle(upload_id: str) -> None:
    """Wait until no part is being written any more."""
    descriptor = os.open(path(upload_id), os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def write(descriptor: int, source: Readable, *, offset: int, size_bytes: int) -> str:
    """Copy `size_bytes` of `source` to `offset`, sync, return their sha256. Raises Invalid, StorageFull."""
    digest, done = hashlib.sha256(), 0
    try:
        while done < size_bytes and (chunk := source.read(min(CHUNK, size_bytes - done))):
            digest.update(chunk)
            _write_all(descriptor, chunk, offset + done)
            done += len(chunk)
        _sync(descriptor)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise _full(size_bytes) from None
        raise
    if done < size_bytes:
        raise Invalid(
            _("This part ended after {done:,} of {size:,} bytes. Send it again.").format(done=done, size=size_bytes)
        )
    return digest.hexdigest()


def remove(upload_id: str) -> None:
    path(upload_id).unlink(missing_ok=True)


def strays(*, before: datetime) -> Iterator[str]:
    """Ids of the spool files last written before then."""
    for file in _folder().glob("*.part"):
        if file.stat().st_mtime < before.timestamp():
            yield file.stem


def part_url(upload: Upload, number: int, *, by: User, at: datetime) -> str:
    """An address that takes this one part, of exactly its size, from this person for an hour."""
    expires = int((at + URL_LIFE).timestamp())
    query = urlencode({"u": by.pk, "e": expires, "s": _signature(upload.pk, number, str(by.pk), expires)})
    return f"{reverse('upload-part', args=[upload.pk, number])}?{query}"


def check_url(upload_id: str, number: int, *, user: str, expires: str, signature: str, at: datetime) -> None:
    """Raise SignatureInvalid or UrlExpired unless we made this address and its time has not run out."""
    whole = int(expires) if expires.isascii() and expires.isdigit() and len(expires) < 12 else 0
    if not constant_time_compare(signature, _signature(upload_id, number, user, whole)):
        raise _forged()
    if whole < at.timestamp():
        raise UrlExpired(_("This address has expired. Ask for a new one; the parts that are here stay here."))


def refusal(target: bytes) -> DomainError | None:
    """Why the address of a request may bring no part, from its signature alone; None when it may.

    The web process asks before it gives a sender one of its few places: whoever cannot sign takes none.
    """
    address = urlsplit(target.decode("ascii", "replace"))
    named, query = PART_ADDRESS.fullmatch(address.path), parse_qs(address.query)
    user, expires, signature = (query.get(name, [""])[0] for name in "ues")
    try:
        if named is None:
            raise _forged()
        number, at = int(named[2]), timezone.now()
        check_url(named[1], number, user=user, expires=expires, signature=signature, at=at)
    except NotAllowed as error:
        return error
    return None


def _forged() -> SignatureInvalid:
    return SignatureInvalid(_("This address was changed or is not for this part. Ask for a new one."))


def _signature(upload_id: str, number: int, user: str, expires: int) -> str:
    facts = f"{upload_id}:{number}:{user}:{expires}"
    return salted_hmac("datasets.storage.part", facts, algorithm="sha256").hexdigest()


def _folder() -> Path:
    folder = Path(settings.SPOOL) / "uploads"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _full(size_bytes: int) -> StorageFull:
    return StorageFull(
        _(
            "The server's disk has no room for {size} more. Nothing was lost; "
            "ask the people who run it to make room, then try again."
        ).format(size=bytes_(size_bytes))
    )
