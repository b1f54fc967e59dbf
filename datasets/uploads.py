"""The desk where tables come in: begin, complete, abort, expire. What lies between is in parts.py."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts import audit, quotas
from accounts.access import Action
from accounts.models import Project, User
from datasets import multipart, parts, storage, versions
from datasets.models import Dataset, DatasetVersion, Upload, UploadState
from datasets.profiling import ReadingChoice
from fynix.errors import Conflict, DomainError, Invalid
from fynix.templatetags.figures import bytes_

MIB = 1 << 20
LEAST_PART, LARGEST_PART, USUAL_PARTS = 8 * MIB, 32 * MIB, 10_000
STRAY_AFTER = timedelta(days=1)
SPOOLED_STATES = (UploadState.OPEN, UploadState.COMPLETED)
LONGEST_NAME_BYTES = 255


class EmptyFile(Invalid):
    code = "empty_file"


class FileTooLarge(DomainError):
    code = "file_too_large"
    status = 413


class Expired(DomainError):
    code = "upload_expired"
    status = 410


class AlreadyCompleted(Conflict):
    code = "upload_already_completed"


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
                part_count=ceil(size_bytes / part_size), created_at=at, expires_at=at + parts.LIFE,
            )  # fmt: skip
            if is_multipart:
                upload.multipart_id = multipart.begin(upload.pk)
                upload.save(update_fields=["multipart_id"])
            else:
                storage.reserve(upload.pk, size_bytes)
    except IntegrityError:  # two tabs at once: the other one was first
        return same.get(), False
    return upload, True


def largest(project: Project) -> int:
    """The largest file in bytes that the project can take now: the server's limit, or the room that is left."""
    return min(settings.MAX_UPLOAD_BYTES, quotas.room(project))


def needs(upload: Upload, by: User) -> Action:
    """Which right it takes this person to send to an upload, to complete it or to give it up."""
    return Action.UPLOAD if upload.created_by_id == by.pk else Action.CANCEL_ANY


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
        parts.require_all(upload)
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
    held = parts.notice(upload=upload, at=at)
    if held is not None:
        parts.require_all(upload)
        multipart.finish(upload, held)


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


def _completed_version(upload: Upload) -> DatasetVersion:
    version = DatasetVersion.objects.select_related("dataset", "job").filter(upload=upload).first()
    if version is None:
        upload.refresh_from_db()
        raise parts.not_open(upload)
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
