"""Dataset versions: which there are, whether one is ready, where its typed table lies, and how a new one begins."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Project, User
from datasets import privacy, unread
from datasets.models import Dataset, DatasetVersion, Upload, version_id
from datasets.profiling import Plan, ProfileDocument, ReadingChoice, Step
from datasets.profiling.plan import types
from fynix import blobs
from fynix.errors import Conflict, DomainError, Invalid
from fynix.queue import jobs
from fynix.queue.models import State


class NotReady(Conflict):
    """The version has no profile: it is still being read, or reading it failed."""

    code = "profile_not_ready"


class FileGone(DomainError):
    """The uploaded file went by the project's rule; only its tables are there."""

    code = "file_gone"
    status = 410


class NothingChanges(Invalid):
    """A new version would be the one that is there."""

    code = "nothing_changes"


def all_versions() -> QuerySet[DatasetVersion]:
    """Every version with its dataset, project and job at hand."""
    return DatasetVersion.objects.select_related("dataset__project", "job", "created_by")


def datasets_of(project: Project) -> QuerySet[Dataset]:
    """The project's datasets, newest first, each with `latest_id`, the id of its newest version."""
    newest = DatasetVersion.objects.filter(dataset=OuterRef("pk")).order_by("-number")
    rows = Dataset.objects.filter(project=project).order_by("-created_at", "-id")
    return rows.annotate(latest_id=Subquery(newest.values("pk")[:1]))


def newest_of(project: Project) -> QuerySet[DatasetVersion]:
    """The newest version of each of the project's datasets, the latest first."""
    newer = DatasetVersion.objects.filter(dataset=OuterRef("dataset"), number__gt=OuterRef("number"))
    rows = all_versions().filter(~Exists(newer), dataset__project=project)
    return rows.order_by("-created_at", "-id")


def latest(dataset: Dataset) -> DatasetVersion | None:
    return all_versions().filter(dataset=dataset).order_by("-number").first()


def ready(version: DatasetVersion) -> bool:
    """Whether the table can be trained on."""
    return bool(version.job.state == State.SUCCEEDED and version.table_sha256)


def plan(version: DatasetVersion) -> Plan:
    """What people decided about the version."""
    return Plan.from_json(version.plan)


def document(version: DatasetVersion) -> ProfileDocument:
    """The version's profile as it may leave the server. Raises NotReady."""
    _require_ready(version)
    return privacy.obeyed(_found(version), privacy.current(version.dataset))


@contextmanager
def table(version: DatasetVersion) -> Iterator[Path]:
    """The typed table as a local Parquet file, checked against its hash. Raises NotReady, blobs.Corrupt."""
    _require_ready(version)
    with blobs.local(version.table_sha256) as path:
        yield path


def require_file(version: DatasetVersion) -> None:
    """Raise FileGone where nothing can be made from the uploaded file any more."""
    if version.file_gone_at:
        raise FileGone(
            _("The uploaded file went on {day}: this project keeps it for a time. Upload it again.").format(
                day=f"{version.file_gone_at:%Y-%m-%d}"
            )
        )


def _require_ready(version: DatasetVersion) -> None:
    if ready(version):
        return
    if version.job.is_open:
        raise NotReady(_("This table is still being read. Try again in a moment."))
    raise NotReady(_("This table could not be read, so it cannot be used. Upload it again."))


def pending(version: DatasetVersion) -> dict[str, str]:
    """Decisions about personal data that the version's table does not hold yet. Raises NotReady."""
    _require_ready(version)
    return privacy.newer(_found(version), privacy.current(version.dataset))


def _found(version: DatasetVersion) -> ProfileDocument:
    return ProfileDocument.from_json(version.profile.document)


def begin(*, dataset: Dataset, upload: Upload, reading: ReadingChoice, by: User, at: datetime) -> DatasetVersion:
    """The next version of the dataset, from an uploaded file; a worker reads it. Call in a transaction.

    The types that people gave its columns hold for the new file too.
    """
    plan = Plan(reading=reading, privacy=privacy.current(dataset), steps=_types(dataset))
    return _append(
        dataset, plan, by=by, at=at, upload=upload, filename=upload.filename, size_bytes=upload.size_bytes
    )  # fmt: skip


def derive(
    *,
    parent: DatasetVersion,
    reading: ReadingChoice | None = None,
    steps: tuple[Step, ...] = (),
    by: User,
    at: datetime,
) -> DatasetVersion:
    """The next version of the dataset, from the file of `parent`; a worker reads it.

    It is read as `reading` says, else as before, holds what was decided about personal data since, and these `steps`
    after those of its parent. A file that could not be read may be read in another way while it is kept.

    Raises NotReady, NothingChanges, FileGone.
    """
    require_file(parent)
    if steps or not unread.is_kept(parent):
        _require_ready(parent)
    former = Plan.from_json(parent.plan)
    plan = Plan(reading=reading or former.reading, privacy=privacy.current(parent.dataset), steps=former.steps + steps)
    if plan == former:
        raise NothingChanges(_("This is how the version was made already. Change something first."))
    with transaction.atomic():
        Dataset.objects.select_for_update().get(pk=parent.dataset_id)  # whoever throws the file away is first or last
        parent.refresh_from_db(fields=["sha256", "file_gone_at"])
        require_file(parent)
        if not parent.sha256:
            raise NotReady(_("This file has been thrown away. Upload it again."))
        version = _append(
            parent.dataset, plan, by=by, at=at, parent=parent, filename=parent.filename, size_bytes=parent.size_bytes,
            sha256=parent.sha256,
        )  # fmt: skip
        audit.record(
            audit.Act.DATASET_DERIVE, actor=by, project=parent.dataset.project, subject=version.pk, at=at,
            detail={"dataset": parent.dataset_id, "number": version.number, "from": parent.number},
        )  # fmt: skip
    return version


def _types(dataset: Dataset) -> tuple[Step, ...]:
    """The steps of the newest version that say what a column is."""
    newest = dataset.versions.filter(table_sha256__gt="").order_by("-number").first()
    steps = Plan.from_json(newest.plan).steps if newest else ()
    kept = types(steps)
    return tuple(
        step
        for step in steps
        if (step.action == "retype" and kept.get(step.column or "") == step.to)
        or (step.action in {"days_first", "months_first"} and kept.get(step.column or "") == "datetime")
    )


def _append(dataset: Dataset, plan: Plan, *, by: User, at: datetime, **origin: Any) -> DatasetVersion:
    Dataset.objects.select_for_update().get(pk=dataset.pk)  # two versions at once take their numbers in turn
    newest = dataset.versions.aggregate(newest=Max("number"))["newest"] or 0
    identity = version_id()
    job = jobs.enqueue(kind="profile", subject=identity, project_id=dataset.project_id, user_id=by.pk, at=at)
    return DatasetVersion.objects.create(
        pk=identity, dataset=dataset, number=newest + 1, job=job, plan=plan.to_json(), created_by=by, created_at=at,
        **origin,
    )  # fmt: skip
