"""The desk where tables come in: begin, receive a part, complete, abort, expire.

The bytes of a part are synced to disk before its row is written, so a row is a promise. Whoever writes holds
a shared lock on the file and looks at the upload's state under it; the profile job waits for all of them
before it reads, so nobody can change a table after it was completed.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import audit, quotas
from accounts.access import Action
from accounts.models import Project, User
from datasets import multipart, storage, versions
from datasets.models import Dataset, DatasetVersion, Upload, UploadPart, UploadState
from datasets.profiling import ReadingChoice
from fynix.errors import Conflict, DomainError, Invalid
from fynix.templatetags.figures import bytes_

MIB = 1 << 20
LEAST_PART, LARGEST_PART, USUAL_PARTS = 8 * MIB, 32 * MIB, 10_000
MAX_PARALLEL = 4
SIGNED_AT_ONCE = 100
LIFE = timedelta(days=7)
STRAY_AFTER = timedelta(days=1)
SPOOLED_STATES = (UploadState.OPEN, UploadState.COMPLETED)
LONGEST_NAME_BYTES = 255
SHA256 = re.compile(r"[0-9a-f]{64}")


class EmptyFile(Invalid):
    code = "empty_file"


class FileTooLarge(DomainError):
    code = "file_too_large"
    status = 413


class NotOpen(Conflict):
    code = "upload_not_open"


class Expired(DomainError):
    code = "upload_expired"
    status = 410


class AlreadyCompleted(Conflict):
    code = "upload_already_completed"


class PartsMissing(Conflict):
    code = "parts_missing"


@dataclass(frozen=True)
class Destination:
    """Where a table goes: a version of `dataset`, or a new dataset called `name` (else after the file)."""

    dataset: Dataset | None = None
    name: str = ""


def begin(
    *,
    project: Project,
    by: User,
    filename: str,
    size_bytes: int,
    to: Destination,
    fingerprint: str = "",
    comes_to_us: bool = False,
    at: datetime,
) -> tuple[Upload, bool]:
    """Open an upload and take its space; the same file again finds the one that is open already (False).

    Its parts go to the bucket where browsers reach one, unless it `comes_to_us`. Raises EmptyFile, FileTooLarge,
    storage.StorageFull, multipart.StoreAway, and quotas' refusal when the project has no room.
    """
    _check_size(size_bytes)
    same = Upload.objects.filter(
        project=project, created_by=by, fingerprint=fingerprint, size_bytes=size_bytes, state=UploadState.OPEN
    )
    if fingerprint and (found := _resumed(same, to, at=at)):
        return found, False
    name = clean_filename(filename)
    is_multipart = multipart.enabled() and not comes_to_us
    part_size = max(LEAST_PART, ceil(size_bytes / USUAL_PARTS / MIB) * MIB)
    part_size = part_size if is_multipart else min(part_size, LARGEST_PART)
    try:
        with transaction.atomic():
            quotas.reserve(project=project, size_bytes=size_bytes, at=at)
            upload = Upload.objects.create(
                project=project, created_by=by, filename=name,
                dataset=to.dataset, dataset_name=to.name or dataset_name(name),
                fingerprint=fingerprint, size_bytes=size_bytes, part_size_bytes=part_size,
                part_count=ceil(size_bytes / part_size), created_at=at, expires_at=at + LIFE,
            )  # fmt: skip
            if is_multipart:
                upload.multipart_id = multipart.begin(upload.pk)
                upload.save(update_fields=["multipart_id"])
            else:
                storage.reserve(upload.pk, size_bytes)
    except IntegrityError:  # two tabs at once: the other one was first
        return same.get(), False
    return upload, True


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


def largest(project: Project) -> int:
    """The largest file in bytes that the project can take now: the server's limit, or the room that is left."""
    return min(settings.MAX_UPLOAD_BYTES, quotas.room(project))


def needs(upload: Upload, by: User) -> Action:
    """Which right it takes this person to send to an upload, to complete it or to give it up."""
    return Action.UPLOAD if upload.created_by_id == by.pk else Action.CANCEL_ANY


def sign(*, upload: Upload, numbers: Iterable[int], by: User, at: datetime) -> list[dict[str, object]]:
    """Addresses for these parts that work for this person, as `{number, url}`. Raises NotOpen, Invalid."""
    if upload.state != UploadState.OPEN or upload.expires_at <= at:
        raise _not_open(upload)
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
        raise _not_open(upload) from None
    return found


def unfinished(project: Project, by: User) -> QuerySet[Upload]:
    """This person's open uploads, the newest first, each with `received_bytes`."""
    rows = Upload.objects.filter(project=project, created_by=by, state=UploadState.OPEN)
    return rows.annotate(received_bytes=Coalesce(Sum("parts__size_bytes"), 0)).order_by("-created_at")


def complete(
    *, upload: Upload, by: User, sha256: str = "", reading: ReadingChoice | None = None, at: datetime
) -> DatasetVersion:
    """Turn a whole upload into the next version of its dataset and ask for its profile, once.

    `sha256` of the whole file, when given, is compared by the profile job. `reading` is how to read it, where people
    know better than we. Raises PartsMissing, NotOpen, multipart.StoreAway.
    """
    if upload.multipart_id and upload.state == UploadState.OPEN:
        _gather(upload, at=at)
    with transaction.atomic():
        open_rows = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN)
        if not open_rows.update(state=UploadState.COMPLETED, sha256=sha256):
            return _completed_version(upload)
        _require_all(upload)
        dataset = upload.dataset or _new_dataset(upload, by=by, at=at)
        version = versions.begin(
            dataset=dataset, upload=upload, reading=reading or ReadingChoice(), by=by, at=at
        )  # fmt: skip
        audit.record(
            audit.Act.UPLOAD_COMPLETE, actor=by, project=upload.project, subject=version.pk, at=at,
            detail={"dataset": dataset.pk, "number": version.number, "size_bytes": upload.size_bytes},
        )  # fmt: skip
    upload.refresh_from_db()
    return version


def _gather(upload: Upload, *, at: datetime) -> None:
    """Make one file of the parts in the bucket. Raises PartsMissing, StoreAway."""
    held = notice(upload=upload, at=at)
    if held is not None:
        _require_all(upload)
        multipart.finish(upload, held)


def _require_all(upload: Upload) -> None:
    if gaps := missing(upload):
        raise PartsMissing(
            ngettext(
                "{n:,} of {all:,} parts is not here yet. Send it, then try again.",
                "{n:,} of {all:,} parts are not here yet. Send them, then try again.",
                len(gaps),
            ).format(n=len(gaps), all=upload.part_count),
            extra={"numbers": gaps[:1000]},
        )


def abort(*, upload: Upload, at: datetime) -> None:
    """Give up an open upload: its space and its promise of quota go back. Raises AlreadyCompleted."""
    if not _close(upload, UploadState.ABORTED, at=at):
        upload.refresh_from_db()
        if upload.state == UploadState.COMPLETED:
            raise AlreadyCompleted(
                _("This upload is complete; its table is in the project, so there is nothing left to cancel.")
            )


def expire(*, at: datetime) -> int:
    """Close open uploads whose time has run out, remove files that no upload needs; the number closed."""
    old = Upload.objects.filter(state=UploadState.OPEN, expires_at__lte=at).select_related("project")
    closed = sum(_close(upload, UploadState.EXPIRED, at=at) for upload in old)
    for stray in storage.strays(before=at - STRAY_AFTER):
        if not Upload.objects.filter(pk=stray, state__in=SPOOLED_STATES).exists():
            storage.remove(stray)
    if multipart.enabled():
        _give_up_strays(at=at)
    return closed


def _give_up_strays(*, at: datetime) -> None:
    """What the bucket holds open for uploads that are not: of a server that fell between asking and noting."""
    for identity, multipart_id in multipart.strays(before=at - STRAY_AFTER):
        if not Upload.objects.filter(pk=identity, state=UploadState.OPEN, multipart_id=multipart_id).exists():
            multipart.give_up(identity, multipart_id)


def close_open(*, at: datetime) -> int:
    """Close every open upload, as when its parts did not come along to another server; the number closed."""
    waiting = Upload.objects.filter(state=UploadState.OPEN).select_related("project")
    return sum(_close(upload, UploadState.EXPIRED, at=at) for upload in waiting)


def clean_filename(filename: str) -> str:
    """The name as people may see it: no folders, no control or direction characters, at most 255 bytes."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", filename))[-1]
    visible = plain(last).strip(" .")
    return visible.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore") or "table.csv"


def plain(name: str) -> str:
    """Without control and direction characters, which can make one name look like another."""
    return "".join(c for c in name if unicodedata.category(c)[0] != "C")


def dataset_name(filename: str) -> str:
    """`Sales_2024.csv` is `Sales_2024`."""
    return (filename.rpartition(".")[0] or filename)[:120]


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


def _resumed(same: QuerySet[Upload], to: Destination, *, at: datetime) -> Upload | None:
    """The open upload of this file, now on its way to where the person said last."""
    found = same.first()
    if found is None or (found.expires_at <= at and _close(found, UploadState.EXPIRED, at=at)):
        return None
    found.dataset, found.dataset_name = to.dataset, to.name or dataset_name(found.filename)
    found.save(update_fields=["dataset", "dataset_name"])
    return found


def _check_size(size_bytes: int) -> None:
    if size_bytes <= 0:
        raise EmptyFile(_("This file is empty. Choose a file with a header and rows."), field="size_bytes")
    most = settings.MAX_UPLOAD_BYTES
    if size_bytes > most:
        raise FileTooLarge(
            _("This file has {size}; one file may have {most} here. Split it, or leave out columns.").format(
                size=bytes_(size_bytes), most=bytes_(most)
            ),
            extra={"limit_bytes": most},
        )


def _not_open(upload: Upload) -> NotOpen:
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
            raise _not_open(upload)
        UploadPart.objects.filter(upload=upload, number=number).delete()


def _note_part(upload: Upload, number: int, size_bytes: int, sha256: str, *, at: datetime) -> None:
    with transaction.atomic():
        alive = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN)
        if not alive.update(expires_at=at + LIFE):
            upload.refresh_from_db()
            raise _not_open(upload)
        UploadPart.objects.update_or_create(
            upload=upload, number=number, defaults={"size_bytes": size_bytes, "sha256": sha256}
        )


def _completed_version(upload: Upload) -> DatasetVersion:
    version = DatasetVersion.objects.select_related("dataset", "job").filter(upload=upload).first()
    if version is None:
        upload.refresh_from_db()
        raise _not_open(upload)
    return version


def _new_dataset(upload: Upload, *, by: User, at: datetime) -> Dataset:
    Project.objects.select_for_update().get(pk=upload.project_id)  # two tables of one name take their slugs in turn
    base = slugify(upload.dataset_name)[:50].strip("-_") or "table"
    taken = set(Dataset.objects.filter(project=upload.project, slug__startswith=base).values_list("slug", flat=True))
    tries = (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3)))
    slug = next(slug for slug in tries if slug not in taken)
    dataset = Dataset.objects.create(
        project=upload.project, slug=slug, name=upload.dataset_name, created_by=by, created_at=at
    )
    Upload.objects.filter(pk=upload.pk).update(dataset=dataset)
    return dataset


def _close(upload: Upload, state: UploadState, *, at: datetime) -> bool:
    """Move it out of the open state; False when it had left that already."""
    with transaction.atomic():
        if not Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN).update(state=state):
            return False
        quotas.release(project=upload.project, size_bytes=upload.size_bytes)
        if upload.multipart_id:  # a store that is away is asked again with the strays
            transaction.on_commit(lambda: multipart.abort(upload), robust=True)
        else:
            transaction.on_commit(lambda: storage.remove(upload.pk))
    return True
