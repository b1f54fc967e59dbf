"""The parts of an upload: addresses for them, receiving them, and which are still missing.

The bytes of a part are synced to disk before its row is written, so a row is a promise. Whoever writes holds
a shared lock on the file and looks at the upload's state under it; the profile job waits for all of them
before it reads, so nobody can change a table after it was completed.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from datasets import multipart, storage
from datasets.models import Upload, UploadPart, UploadState
from fynix.errors import Conflict, Invalid

MAX_PARALLEL = 4
SIGNED_AT_ONCE = 100
LIFE = timedelta(days=7)
SHA256 = re.compile(r"[0-9a-f]{64}")


class NotOpen(Conflict):
    code = "upload_not_open"


class PartsMissing(Conflict):
    code = "parts_missing"


def part_size(upload: Upload, number: int) -> int:
    """Bytes of part `number`, counted from 1; all are equal but the last. Raises Invalid."""
    if not 1 <= number <= upload.part_count:
        raise Invalid(
            _("This upload has the parts 1 to {last:,}; there is no part {number:,}.").format(
                last=upload.part_count, number=number
            ),
            field="numbers",
        )
    return min(upload.part_size_bytes, upload.size_bytes - (number - 1) * upload.part_size_bytes)


def sign(*, upload: Upload, numbers: Iterable[int], by: User, at: datetime) -> list[dict[str, object]]:
    """Addresses for these parts that work for this person, as `{number, url}`. Raises NotOpen, Invalid."""
    if upload.state != UploadState.OPEN or upload.expires_at <= at:
        raise not_open(upload)
    sizes = {number: part_size(upload, number) for number in sorted(set(numbers))}
    if upload.multipart_id:
        return [{"number": n, "url": multipart.part_url(upload, n, size)} for n, size in sizes.items()]
    return [{"number": n, "url": storage.part_url(upload, n, by=by, at=at)} for n in sizes]


def notice(*, upload: Upload, at: datetime) -> dict[int, tuple[int, str]] | None:
    """Note the parts that went straight to the bucket; what it holds, None for the whole file. Raises StoreAway.

    A part of a wrong size is none: it has to be sent again.
    """
    held = multipart.received(upload)
    if held is None:
        return None
    right = {n: part for n, part in held.items() if n <= upload.part_count and part[0] == part_size(upload, n)}
    known = set(upload.parts.values_list("number", flat=True))
    fresh = [UploadPart(upload=upload, number=n, size_bytes=right[n][0]) for n in sorted(set(right) - known)]
    with transaction.atomic():
        upload.parts.exclude(number__in=right).delete()
        UploadPart.objects.bulk_create(fresh, ignore_conflicts=True)
        if fresh:
            Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN).update(expires_at=at + LIFE)
    return right


def missing(upload: Upload) -> list[int]:
    """The numbers of the parts that are not here yet, in order."""
    here = set(upload.parts.values_list("number", flat=True))
    return [number for number in range(1, upload.part_count + 1) if number not in here]


def receive(
    *,
    upload: Upload,
    number: int,
    body: storage.Readable,
    length: int | None,
    sha256: str | None,
    at: datetime,
) -> str:
    """Store one part and return its sha256; the same part again is stored over itself.

    Raises Invalid for a wrong size, storage.ChecksumMismatch, storage.StorageFull, NotOpen.
    """
    expected = part_size(upload, number)
    if length != expected:
        said = _("no length") if length is None else ngettext("{n:,} byte", "{n:,} bytes", length).format(n=length)
        raise Invalid(
            _("Part {number:,} has exactly {expected:,} bytes; this request says {said}.").format(
                number=number, expected=expected, said=said
            )
        )
    try:
        with storage.opened(upload.pk) as file:
            _take_away(upload, number, at=at)
            offset = (number - 1) * upload.part_size_bytes
            found = storage.write(file, body, offset=offset, size_bytes=expected)
            if sha256 is not None and sha256 != found:
                raise storage.ChecksumMismatch(_("This part changed on its way here. Send it again."))
            _note_part(upload, number, expected, found, at=at)
    except FileNotFoundError:
        raise not_open(upload) from None
    return found


def require_all(upload: Upload) -> None:
    if gaps := missing(upload):
        raise PartsMissing(
            ngettext(
                "{n:,} of {all:,} parts is not here yet. Send it, then try again.",
                "{n:,} of {all:,} parts are not here yet. Send them, then try again.",
                len(gaps),
            ).format(n=len(gaps), all=upload.part_count),
            extra={"numbers": gaps[:1000]},
        )


def offered_digest(content_digest: str, plain: str) -> str | None:
    """The sha256 that a request names, in hex: X-Fynix-Sha256 or Content-Digest. Raises Invalid."""
    if plain:
        return _hexadecimal(plain.lower())
    found = re.search(r"sha-256=:([A-Za-z0-9+/=]+):", content_digest)
    if found is None:
        return None
    try:
        return _hexadecimal(base64.b64decode(found[1], validate=True).hex())
    except binascii.Error:
        raise storage.ChecksumMismatch(_("Content-Digest holds no base64. Send sha-256=:<base64>:.")) from None


def _hexadecimal(text: str) -> str:
    if not SHA256.fullmatch(text):
        raise storage.ChecksumMismatch(_("The checksum is not a sha256: 64 hexadecimal digits."))
    return text


def not_open(upload: Upload) -> NotOpen:
    return NotOpen(
        _("This upload is {state}; it takes no more parts. Start a new one.").format(
            state=upload.get_state_display().lower()
        )
    )


def _take_away(upload: Upload, number: int, *, at: datetime) -> None:
    """A part that is written again is not here until it is here again. Raises NotOpen.

    The upload's row is held meanwhile: whoever completes it is either first, or misses this part.
    """
    with transaction.atomic():
        held = Upload.objects.select_for_update().filter(pk=upload.pk, state=UploadState.OPEN, expires_at__gt=at)
        if held.first() is None:
            upload.refresh_from_db()
            raise not_open(upload)
        UploadPart.objects.filter(upload=upload, number=number).delete()


def _note_part(upload: Upload, number: int, size_bytes: int, sha256: str, *, at: datetime) -> None:
    with transaction.atomic():
        alive = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN)
        if not alive.update(expires_at=at + LIFE):
            upload.refresh_from_db()
            raise not_open(upload)
        UploadPart.objects.update_or_create(
            upload=upload, number=number, defaults={"size_bytes": size_bytes, "sha256": sha256}
        )
