"""What runs said while they worked, line by line.

Of every line the number, the moment, the stage and the level stay, so the feed has no hole. Stages, curves, errors and
results are told by other events and stay whole. The words lie in the database, so they count against no allowance.
"""

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse

from accounts import audit, retention
from accounts.models import Keepsake, Project
from fynix.queue.models import OPEN
from fynix.retention.stored import Stored
from registry.models import RegisteredModel
from training import events
from training.models import Run


def stored(project: Project) -> Iterator[Stored]:
    """Every run that has ended and whose log has words; it stays where the version that came of the run stays."""
    said = Run.objects.filter(project=project, log_bytes__gt=0).exclude(job__state__in=OPEN)
    for run in said.select_related("job", "model_version"):
        yield Stored(
            Keepsake.LOGS, run.pk, run.name, reverse("run", args=[project.slug, run.number]), 1, run.log_bytes,
            run.job.finished_at or run.created_at, _relied_on(run),
        )  # fmt: skip


def let_go(project: Project, subject: str, *, at: datetime) -> None:
    """Take the words away, unless they must stay. Call in a transaction."""
    run = Run.objects.select_related("model_version").get(pk=subject)
    # Whoever promotes its version now comes first or last, and so does whoever publishes an event.
    list(RegisteredModel.objects.select_for_update().filter(versions__run=run))
    said = Run.objects.select_for_update().get(pk=run.pk).log_bytes
    if not said or retention.kept(project).keys() & set(_relied_on(run)):
        return
    events.forget_log(run, at=at)
    audit.record(
        audit.Act.LOG_EXPIRE, actor=None, project=project, subject=run.pk, at=at,
        detail={"number": run.number, "bytes": said},
    )  # fmt: skip


def _relied_on(run: Run) -> tuple[str, ...]:
    version = getattr(run, "model_version", None)
    return (run.pk, version.pk) if version else (run.pk,)
