"""Rows to measure with: a project, a table that counts as read, and runs of it."""

from datetime import timedelta

from django.utils import timezone

from accounts import projects
from accounts.audit import Act
from accounts.models import AuditEvent, Membership, Project, Role, User
from datasets.models import Dataset, DatasetVersion
from fynix.queue.models import Job, State
from registry.models import Artifact, Build, ModelVersion, RegisteredModel
from training.engine import RunConfig
from training.models import Run, RunMetric

METRIC = "auc"


def person(name: str) -> User:
    return User.objects.create_user(f"{name}@example.org", "correct horse battery")


def project(owner: User, name: str = "Lab", *, viewers: tuple[User, ...] = ()) -> Project:
    made = projects.create(name=name, by=owner, at=timezone.now())
    for viewer in viewers:
        Membership.objects.create(project=made, user=viewer, role=Role.VIEWER, created_at=timezone.now())
    return made


def table(owner: User, lab: Project) -> DatasetVersion:
    """A version that looks as if it had been read; there are no bytes behind it."""
    at = timezone.now()
    dataset = Dataset.objects.create(project=lab, slug="people", name="People", created_by=owner, created_at=at)
    job = _job("profile", lab, owner, State.SUCCEEDED, 0)
    job.save(force_insert=True)
    return DatasetVersion.objects.create(
        dataset=dataset, number=1, job=job, filename="people.csv", size_bytes=1, sha256="0" * 64,
        table_sha256="0" * 64, table_bytes=1, rows=1000, columns=10, created_by=owner, created_at=at,
    )  # fmt: skip


def runs(owner: User, version: DatasetVersion, count: int, *, since: int = 0) -> list[Run]:
    """Runs after number `since`, one a minute, with different values of their metric; every tenth failed."""
    lab = version.dataset.project
    config = RunConfig(target="churn", task="binary").to_json()
    jobs = Job.objects.bulk_create(
        _job("train", lab, owner, State.FAILED if number % 10 == 9 else State.SUCCEEDED, number)
        for number in range(since, since + count)
    )
    made = (
        Run(
            project=lab, number=number + 1, name=f"Run {number + 1}", model_name="churn", dataset_version=version,
            job=job, config=config, target="churn", task="binary", main_metric=METRIC,
            main_value=0.5 + (number * 7919 % 5000) / 10_000, created_by=owner, created_at=job.created_at,
        )
        for number, job in enumerate(jobs, since)
    )  # fmt: skip
    rows = Run.objects.bulk_create(made)
    RunMetric.objects.bulk_create(
        RunMetric(run=run, project=lab, name=name, value=value)
        for run in rows
        if run.job.state == State.SUCCEEDED
        for name, value in ((METRIC, run.main_value or 0.0), ("logloss", 1 - (run.main_value or 0.0)))
    )
    return rows


def versions(owner: User, made: list[Run], *, models: int = 10) -> None:
    """A ready version of each run that ended well, in turn of one of so many models; each told in the record."""
    at = timezone.now()
    lab = made[0].project
    bases = [
        RegisteredModel(
            project=lab, name=f"churn-{number}", task="binary", target="churn", created_by=owner, created_at=at
        )
        for number in range(models)
    ]
    RegisteredModel.objects.bulk_create(bases)
    ended = [run for run in made if run.job.state == State.SUCCEEDED]
    jobs = Job.objects.bulk_create(_job("package", lab, owner, State.SUCCEEDED, number) for number in range(len(ended)))
    built = ModelVersion.objects.bulk_create(
        ModelVersion(
            model=bases[number % models], number=number // models + 1, run=run, dataset_version=run.dataset_version,
            job=jobs[number], state=Build.READY, schema={"schema_version": 1}, sha256="0" * 64, main_metric=METRIC,
            main_value=run.main_value or 0.0, created_by=owner, created_at=run.created_at,
        )
        for number, run in enumerate(ended)
    )  # fmt: skip
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=each.created_at, action=Act.VERSION_PUBLISH, via="worker", project=lab, subject=each.pk, detail={},
            previous_hash=f"before {each.pk}", hash=f"of {each.pk}",
        )
        for each in built
    )  # fmt: skip


def _job(kind: str, lab: Project, owner: User, state: State, age_minutes: int) -> Job:
    at = timezone.now() - timedelta(minutes=age_minutes)
    return Job(
        kind=kind, subject="x", project_id=lab.pk, user_id=owner.pk, state=state, progress=100, attempt=1,
        created_at=at, started_at=at, heartbeat_at=at, finished_at=at,
        error_code="too_small" if state == State.FAILED else "",
    )  # fmt: skip


def artifact(owner: User, run: Run, *, sha256: str, size: int) -> Artifact:
    """A file of a model version of this run, as if it had been packaged and proved."""
    at = timezone.now()
    model = RegisteredModel.objects.create(
        project=run.project, name=run.model_name, task=run.task, target=run.target, created_by=owner, created_at=at
    )
    job = _job("package", run.project, owner, State.SUCCEEDED, 0)
    job.save(force_insert=True)
    version = ModelVersion.objects.create(
        model=model, number=1, run=run, dataset_version=run.dataset_version, job=job, schema={"schema_version": 1},
        sha256="0" * 64, main_metric=METRIC, main_value=0.5, created_by=owner, created_at=at,
    )  # fmt: skip
    return Artifact.objects.create(
        version=version, format="native", filename="large.ubj", media_type="application/octet-stream", sha256=sha256,
        size_bytes=size, parity={"schema_version": 1}, usage="", created_at=at,
    )  # fmt: skip
