"""Starting, cancelling and ending runs."""

from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Count, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import audit, notifications
from accounts.access import Action
from accounts.models import News, Project, User
from datasets import versions
from datasets.models import DatasetVersion
from fynix.errors import Conflict, DomainError, Invalid
from fynix.queue import jobs
from fynix.queue.models import OPEN, Job, State
from training import checkpoints, events, words
from training.engine import RunConfig, Untrainable
from training.engine.own import name_in
from training.engine.recipes import candidates
from training.engine.report import RunReport
from training.engine.scorers import Followed
from training.models import Run, RunMetric
from training.narrative.shape import named

LONGEST_TARGET = 255  # characters, as the database keeps it
TIMES = frozenset({"datetime", "number", "currency", "percent"})
"""Kinds of columns by which rows can be put in order of time."""
FIELDS = {"bad_metric": "metrics", "bad_formula": "own"}
"""The part of a wish that a refusal of the engine speaks of, where it is not its parameters."""


class TooManyActiveRuns(DomainError):
    code = "too_many_active_runs"
    status = 429


class DatasetNotReady(Conflict):
    code = "dataset_not_ready"


class TargetInvalid(Invalid):
    code = "target_invalid"


class ModelNameTaken(Conflict):
    code = "model_name_taken"


class RunFinished(Conflict):
    code = "run_finished"


def start(
    *,
    project: Project,
    version: DatasetVersion,
    config: RunConfig,
    name: str,
    model_name: str,
    by: User,
    at: datetime,
) -> Run:
    """Queue a run. Raises DatasetNotReady, TargetInvalid, Invalid, ModelNameTaken or TooManyActiveRuns."""
    config = replace(config, personal=_personal(version))
    _check_table(version, config)
    _check_division(version, config)
    _check_parameters(config)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        User.objects.select_for_update().get(pk=by.pk)
        _check_limits(project, by)
        _check_model(project, model_name, config)
        run = _create(project, version, config, name=name, model_name=model_name, by=by, at=at)
        facts = {"target": config.target, "recipe": config.recipe, "dataset_version": version.pk}
        events.publish(run, [events.Status(at=at, stage="queued", state="queued")])
        audit.record(audit.Act.RUN_START, actor=by, project=project, subject=run.pk, at=at, detail=facts)
    return run


def cancel(*, run: Run, by: User, at: datetime) -> None:
    """Stop a waiting run at once, or ask the worker to stop after the current round. Asking twice is asking once.

    Raises RunFinished when the run has ended by itself.
    """
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=run.job_id)
        if job.cancel_requested_at is not None and job.state != State.SUCCEEDED:
            return
        if not jobs.request_cancel(run.job, at=at):
            raise RunFinished(_("This run has ended already. Nothing is left to cancel."))
        run.job.refresh_from_db()
        if run.job.state == State.RUNNING:
            stage = events.stage_named(run.job.stage)
            events.publish(run, [events.Status(at=at, stage=stage, state="cancelling", attempt=run.job.attempt)])
        audit.record(audit.Act.RUN_CANCEL, actor=by, project=run.project, subject=run.pk, at=at)
        if by.pk != run.created_by_id:
            _tell(run, News.RUN_CANCELLED, by=by, at=at)


def cancel_needs(run: Run, by: User) -> Action:
    """Which right it takes this person to cancel this run."""
    return Action.CANCEL_OWN if run.created_by_id == by.pk else Action.CANCEL_ANY


def ended(job: Job, *, at: datetime) -> None:
    """The queue's word that a run's job ended; called inside the transaction that ends it."""
    run = Run.objects.select_related("project").get(job=job)
    told: list[events.Event] = []
    stage = events.stage_named(job.stage)
    if job.state == State.FAILED:
        told.append(events.Error(at=at, stage=stage, code=job.error_code, message=job.error_detail))
    told.append(events.Status(at=at, stage=stage, state=events.WORDS[job.state], attempt=job.attempt))
    events.publish(run, told)
    if job.state == State.FAILED:
        _tell(run, News.RUN_FAILED, detail=job.error_detail, at=at)
    elif job.state == State.SUCCEEDED:
        _tell(run, News.RUN_FINISHED, detail=_result(run), at=at)
    transaction.on_commit(lambda: checkpoints.Kept(run=run.pk, attempt=job.attempt).clear())


def _tell(run: Run, kind: News, *, at: datetime, detail: str = "", by: User | None = None) -> None:
    """Let whoever started the run know."""
    notifications.tell(
        [run.created_by_id], kind, project=run.project, subject=run.pk, thing=run.name, detail=detail, by=by, at=at,
        address=reverse("run", args=[run.project.slug, run.number]),
    )  # fmt: skip


def _result(run: Run) -> str:
    return "" if run.main_value is None else f"{named(run.main_metric)} {run.main_value:.3f}"


def placed(rows: QuerySet[Run]) -> QuerySet[Run]:
    """The rows with `place`: 1 for the run that a worker takes next, null for runs that do not wait."""
    before = Q(created_at__lt=OuterRef("job__created_at")) | Q(
        created_at=OuterRef("job__created_at"), pk__lt=OuterRef("job_id")
    )
    waiting = Job.objects.filter(before, kind="train", state=State.QUEUED).order_by().values("kind")
    ahead = Coalesce(Subquery(waiting.annotate(number=Count("pk")).values("number")), 0)
    return rows.annotate(place=Case(When(job__state=State.QUEUED, then=ahead + 1), output_field=IntegerField()))


def listed(project: Project) -> QuerySet[Run]:
    """The project's runs, newest first, with everything that a row shows."""
    return (
        placed(Run.objects.filter(project=project))
        .select_related("job", "created_by", "dataset_version__dataset", "project")
        .defer("config")
        .order_by("-number")
    )


def measured(project: Project, metric: str) -> QuerySet[RunMetric]:
    """The project's values of one test metric, each with its run and everything that a row of it shows."""
    return (
        RunMetric.objects.filter(project=project, name=metric)
        .select_related("run__job", "run__created_by", "run__dataset_version__dataset", "run__project")
        .defer("run__config")
    )


def measure(run: Run, report: RunReport) -> None:
    """Copy every test metric of the report to where lists find it. Call in the transaction that ends the run."""
    RunMetric.objects.bulk_create(
        RunMetric(run=run, project_id=run.project_id, name=name, value=score.value, is_own=bool(name_in(name)))
        for name, score in report.test.items()
    )


def _personal(version: DatasetVersion) -> tuple[str, ...]:
    """Columns whose values nobody may see unmasked. Raises DatasetNotReady."""
    if not versions.ready(version):
        raise DatasetNotReady(_("This table has not been read yet. Start the run once its profile is there."))
    columns = versions.document(version).columns
    return tuple(column.name for column in columns if column.hides_values)


def _check_table(version: DatasetVersion, config: RunConfig) -> None:
    names = [column.name for column in versions.document(version).columns]
    if config.target not in names:
        raise TargetInvalid(
            _("The table has no column “{name}”. Choose another target.").format(name=config.target), field="target"
        )
    if len(config.target) > LONGEST_TARGET:
        raise TargetInvalid(
            _("This column has a name of more than {most} characters. Shorten it and upload the file again.").format(
                most=LONGEST_TARGET
            ),
            field="target",
        )
    if config.target in config.personal:
        raise TargetInvalid(
            _("“{name}” holds personal data, and a model would carry it in its files. Choose another target.").format(
                name=config.target
            ),
            field="target",
        )
    unknown = sorted(set(config.exclude) - set(names))
    if unknown:
        raise Invalid(_("The table has no column “{name}” to leave out.").format(name=unknown[0]), field="exclude")
    if set(names) <= {config.target, *config.exclude, *config.personal, config.group, config.time}:
        raise Invalid(_("Keep at least one column besides the target."), field="exclude")


def _check_division(version: DatasetVersion, config: RunConfig) -> None:
    """A column that says which rows learn and which judge is there, is not the target, and suits."""
    if config.group and config.time:
        raise Invalid(_("Divide the rows by group or by time, not by both."), field="time")
    kinds = {column.name: column.kind for column in versions.document(version).columns}
    for field, name in (("group", config.group), ("time", config.time)):
        if name and (name not in kinds or name == config.target):
            raise Invalid(
                _("The rows cannot be divided by “{name}”. Choose another column.").format(name=name), field=field
            )
    if config.time and kinds[config.time] not in TIMES:
        raise Invalid(
            _("“{name}” holds neither dates nor numbers. Choose another column.").format(name=config.time), field="time"
        )


def _check_parameters(config: RunConfig) -> None:
    try:
        candidates(config)
        Followed.of(config).check()
    except Untrainable as refusal:
        field = FIELDS.get(refusal.code, "parameters")
        raise Invalid(refusal.message, field=field) from None


def _check_limits(project: Project, by: User) -> None:
    active = Run.objects.filter(job__state__in=OPEN)
    if (count := active.filter(project=project).count()) >= settings.ACTIVE_RUNS:
        raise TooManyActiveRuns(
            ngettext(
                "{n:,} run of this project is waiting or running, which is the limit. "
                "Wait for it to end, or cancel it.",
                "{n:,} runs of this project are waiting or running, which is the limit. "
                "Wait for one to end, or cancel one.",
                count,
            ).format(n=count)
        )
    if (count := active.filter(created_by=by).count()) >= settings.ACTIVE_RUNS_PER_PERSON:
        raise TooManyActiveRuns(
            ngettext(
                "{n:,} run of yours is waiting or running, which is the limit. Wait for it to end, or cancel it.",
                "{n:,} runs of yours are waiting or running, which is the limit. Wait for one to end, or cancel one.",
                count,
            ).format(n=count)
        )


def _check_model(project: Project, model_name: str, config: RunConfig) -> None:
    """The versions of one model answer one question."""
    namesakes = Run.objects.filter(project=project, model_name=model_name)
    other = namesakes.exclude(target=config.target, task=config.task).first()
    if other:
        raise ModelNameTaken(
            _("“{model}” predicts {target} ({task}). Choose another model name for {other}.").format(
                model=model_name,
                target=other.target,
                task=str(words.TASKS[other.task]).lower(),
                other=config.target,
            ),
            field="model_name",
        )


def _create(
    project: Project,
    version: DatasetVersion,
    config: RunConfig,
    *,
    name: str,
    model_name: str,
    by: User,
    at: datetime,
) -> Run:
    number = (Run.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0) + 1
    run = Run(
        project=project,
        number=number,
        name=name or f"Run {number}",
        model_name=model_name,
        dataset_version=version,
        config=config.to_json(),
        target=config.target,
        task=config.task,
        created_by=by,
        created_at=at,
    )
    run.job = jobs.enqueue(kind="train", subject=run.pk, project_id=project.pk, user_id=by.pk, at=at)
    run.save(force_insert=True)
    return run
