"""Versions of a model: born from finished runs, ready when their files agree with the booster."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext

from accounts import audit, notifications
from accounts.models import News, User
from fynix.errors import Conflict
from fynix.queue import jobs
from fynix.queue.models import Job, State
from registry.models import Build, ModelVersion, RegisteredModel
from training import events
from training.models import Run


def register(*, run: Run, at: datetime) -> ModelVersion:
    """Make the next version of the run's model and ask for its files. Call in the run's own transaction."""
    model = _model_of(run, at=at)
    newest = model.versions.aggregate(newest=Max("number"))["newest"] or 0
    version = ModelVersion(
        model=model,
        number=newest + 1,
        run=run,
        dataset_version=run.dataset_version,
        schema=run.outcome.schema,
        sha256=run.outcome.model_sha256,
        main_metric=run.main_metric,
        main_value=run.main_value or 0.0,
        created_by=run.created_by,
        created_at=at,
    )
    version.job = jobs.enqueue(
        kind="package", subject=version.pk, project_id=run.project_id, user_id=run.created_by_id, at=at
    )
    version.save(force_insert=True)
    events.publish(run, [events.Progress(at=at, stage="package", progress=events.percent("package", 0))])
    return version


def ended(job: Job, *, at: datetime) -> None:
    """The queue's word that packaging ended. Without its files a version can never be promoted, and says so."""
    version = ModelVersion.objects.select_related("run", "model__project").filter(job=job).first()
    if version is None:
        return
    if job.state == State.SUCCEEDED:
        told = _ready(version, at=at)
        _tell(version, News.VERSION_READY, at=at)
    else:
        ModelVersion.objects.filter(pk=version.pk, state=Build.BUILDING).update(state=Build.FAILED)
        told = _failed(version, job, at=at)
        _tell(version, News.VERSION_FAILED, detail=job.error_detail, at=at)
    events.publish(version.run, told)


def _tell(version: ModelVersion, kind: News, *, detail: str = "", at: datetime) -> None:
    """Let whoever trained the version know."""
    model = version.model
    notifications.tell(
        [version.created_by_id], kind, project=model.project, subject=version.pk, thing=model.name,
        number=version.number, detail=detail, at=at,
        address=reverse("model-version", args=[model.project.slug, model.name, version.number]),
    )  # fmt: skip


class InProduction(Conflict):
    code = "version_in_production"


def archive(*, version: ModelVersion, by: User, at: datetime) -> None:
    """Put a version away: it stays, and cannot be promoted until it is restored. Raises InProduction."""
    with transaction.atomic():
        standing = ModelVersion.objects.filter(pk=version.pk, archived_at=None)
        if standing.filter(is_production=False).update(archived_at=at):
            _note_down(audit.Act.VERSION_ARCHIVE, version, by=by, at=at)
        elif standing.exists():
            raise InProduction(
                gettext("Version {number} is in production. Take it out first.").format(number=version.number)
            )


def restore(*, version: ModelVersion, by: User, at: datetime) -> None:
    """Bring an archived version back."""
    with transaction.atomic():
        if ModelVersion.objects.filter(pk=version.pk, archived_at__isnull=False).update(archived_at=None):
            _note_down(audit.Act.VERSION_RESTORE, version, by=by, at=at)


def _note_down(act: audit.Act, version: ModelVersion, *, by: User, at: datetime) -> None:
    facts = {"number": version.number}
    audit.record(act, actor=by, project=version.model.project, subject=version.pk, detail=facts, at=at)


def production(model: RegisteredModel) -> ModelVersion | None:
    """The version in production, if any."""
    return model.versions.filter(is_production=True).select_related("run__outcome").first()


def _ready(version: ModelVersion, *, at: datetime) -> list[events.Event]:
    message = f"Version {version.number} of {version.model.name} is ready."
    return [
        events.Progress(at=at, stage="done", progress=100),
        events.Log(at=at, stage="done", level="info", message=message),
        events.Status(at=at, stage="done", state="packaged"),
    ]


def _failed(version: ModelVersion, job: Job, *, at: datetime) -> list[events.Event]:
    reason = job.error_detail or "Packaging was cancelled."
    message = f"The files of version {version.number} of {version.model.name} could not be made. {reason}"
    return [
        events.Log(at=at, stage="package", level="error", message=message),
        events.Status(at=at, stage="package", state="packaging_failed"),
    ]


def _model_of(run: Run, *, at: datetime) -> RegisteredModel:
    """The model of that name, locked so that two runs ending together get two numbers."""
    RegisteredModel.objects.get_or_create(
        project=run.project,
        name=run.model_name,
        defaults={"task": run.task, "target": run.target, "created_by": run.created_by, "created_at": at},
    )
    return RegisteredModel.objects.select_for_update().get(project=run.project, name=run.model_name)
