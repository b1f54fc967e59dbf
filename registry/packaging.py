"""The workshop that turns a finished run into files to take away.

Each file is built from the stored booster, proved to answer like it, stored under its hash, and only then
named in the database. A file that is already there is not built again, so any attempt may pick up the work.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit, quotas
from fynix import blobs
from fynix.errors import DomainError
from fynix.queue import jobs
from fynix.queue.work import Work
from registry import cards, formats
from registry.exporters import BUNDLE, EXPORTERS, FORMATS, ExportContext, bundle, export
from registry.exporters.environment import environment
from registry.exporters.model import decode
from registry.exporters.parity import Parity, ParityFailed, check
from registry.exporters.usage import usage
from registry.models import Artifact, Build, ModelVersion
from training import events, story
from training.engine.schema import ModelSchema

Rows = dict[str, list[object]]

BUNDLE_USAGE = """\
In a shell
    sha256sum -c SHA256SUMS

Inside
{inside}    MODEL_CARD.md
    schema.json
    parity.json
    environment.json
    usage/ with one text for each format
"""


class NotPublished(DomainError):
    code = "parity_failed"
    status = 409


def execute(work: Work) -> None:
    """Build, prove and publish every format of the job's version."""
    version = ModelVersion.objects.select_related(
        "model__project", "run__outcome", "run__dataset_version__dataset", "created_by"
    ).get(job=work.job)
    context = _context(version)
    rows = _holdout(version)
    wanted = formats.offered(version.model.project)
    for done, key in enumerate(wanted):
        work.check()
        _report(work, version, key, done / len(wanted))
        if not version.artifacts.filter(format=key).exists():
            _publish(version, _made(version, key, context, rows), at=timezone.now())
    work.check()
    if not version.artifacts.filter(format=BUNDLE).exists():
        _publish(version, _together(version, context), at=timezone.now())
    _finish(work, version, context.card, at=timezone.now())


def _report(work: Work, version: ModelVersion, key: str, part: float) -> None:
    """Tell the task and the run's page. Raises LeaseLost."""
    work.report(f"Making and proving {EXPORTERS[key].label}", 100 * part)
    moved = events.Progress(at=timezone.now(), stage="package", progress=events.percent("package", part))
    events.publish(version.run, [moved])


def _context(version: ModelVersion) -> ExportContext:
    """What every format of this version is made from; the same version always gives the same bytes."""
    native = blobs.read(version.sha256)
    model = decode(native, ModelSchema.from_json(version.schema))
    return ExportContext(
        model=model,
        native=native,
        name=version.model.name,
        identity=version.pk.rpartition("_")[2],
        version=version.number,
        card=cards.write(version),
        created=version.created_at.date(),
        facts=cards.labels(version),
    )


def _holdout(version: ModelVersion) -> Rows:
    """The test rows of the run, as raw columns."""
    frame = story.held_out(version.run)
    return {name: frame[name].to_list() for name in frame.columns}


@dataclass(frozen=True)
class _File:
    """A stored and proven file, before its row."""

    format: str
    filename: str
    media_type: str
    blob: blobs.Blob
    parity: Parity
    usage: str


def _made(version: ModelVersion, key: str, context: ExportContext, rows: Rows) -> _File:
    exported = export(key, context)
    parity = _proof(key, exported.data, exported.filename, context, rows)
    quotas.fit(project=version.model.project, size_bytes=len(exported.data))
    stored = blobs.put_bytes(exported.data)
    text = usage(key, context, sha256=stored.sha256, environment=environment())
    return _File(key, exported.filename, exported.media_type, stored, parity, text)


def _together(version: ModelVersion, context: ExportContext) -> _File:
    """The zip with every file of the version that runs no code."""
    name = bundle.filename(context)
    with ExitStack() as stack:
        members = [
            bundle.Member(
                artifact.format,
                artifact.filename,
                stack.enter_context(blobs.local(artifact.sha256)),
                Parity.from_json(artifact.parity),
                artifact.usage,
            )
            for artifact in version.artifacts.order_by("format")
            if not EXPORTERS[artifact.format].runs_code
        ]
        folder = stack.enter_context(TemporaryDirectory(dir=settings.SPOOL, prefix="bundle-"))
        target = Path(folder) / name
        parity = bundle.write(target, context, members)
        quotas.fit(project=version.model.project, size_bytes=target.stat().st_size)
        stored = blobs.put(target)
    return _File(BUNDLE, name, FORMATS[BUNDLE].media_type, stored, parity, _listing(members))


def _listing(members: list[bundle.Member]) -> str:
    inside = "".join(f"    {member.filename}\n" for member in members)
    return BUNDLE_USAGE.format(inside=inside)


def _publish(version: ModelVersion, file: _File, *, at: datetime) -> None:
    with transaction.atomic():
        artifact = Artifact.objects.create(
            version=version,
            format=file.format,
            filename=file.filename,
            media_type=file.media_type,
            sha256=file.blob.sha256,
            size_bytes=file.blob.size_bytes,
            parity=file.parity.to_json(),
            usage=file.usage,
            created_at=at,
        )
        quotas.charge(
            project=version.model.project,
            kind="artifact",
            subject=artifact.pk,
            size_bytes=file.blob.size_bytes,
            user=version.created_by,
            at=at,
        )
        published = events.Artifact(
            at=at,
            stage="package",
            id=artifact.pk,
            kind="download",
            format=file.format,
            size_bytes=file.blob.size_bytes,
            sha256=file.blob.sha256,
        )
        events.publish(version.run, [published])


def _finish(work: Work, version: ModelVersion, card: str, *, at: datetime) -> None:
    """The version is ready; versions.ended tells the run's page."""
    with transaction.atomic():
        ModelVersion.objects.filter(pk=version.pk, state=Build.BUILDING).update(state=Build.READY, card=card)
        jobs.finish(work.job, at=at)
        facts: dict[str, int | str] = {"number": version.number, "sha256": version.sha256}
        with audit.via("worker"):
            audit.record(
                audit.Act.VERSION_PUBLISH,
                actor=version.created_by,
                project=version.model.project,
                subject=version.pk,
                detail=facts,
                at=at,
            )


def _proof(key: str, data: bytes, filename: str, context: ExportContext, rows: Rows) -> Parity:
    try:
        return check(key, data, model=context.model, native=context.native, rows=rows, filename=filename)
    except ParityFailed as error:
        raise NotPublished(str(error)) from error
