"""What is true of every database and file store that is whole, whatever was killed, restored or raced before.

Each rule looks for what breaks it and says so in a sentence that names the row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.db.models import Count, F, Max, Min, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts import audit
from accounts.models import Allowance, PersonalAllowance
from datasets.models import DatasetVersion, Upload, UploadState
from fynix import blobs
from fynix.queue.models import OPEN, Job, State
from fynix.safekeeping import references, strays
from registry.models import ModelVersion, Promotion, RegisteredModel
from training.models import Run

LEASELESS = timedelta(seconds=90)
SWEPT = timedelta(days=1)  # by then the schedule has removed what nobody needs


@dataclass(frozen=True)
class Rule:
    """A sentence that holds, and what finds the rows for which it does not."""

    sentence: str
    breaches: Callable[[datetime], Iterator[str]]


def present(at: datetime) -> Iterator[str]:
    gone = [(row, sha256) for row, sha256 in references.promised() if not blobs.exists(sha256)]
    for row, sha256 in _still(gone):
        yield f"{row}: the file {sha256} is not there"


def intact(at: datetime) -> Iterator[str]:
    """As `present`, and reads every file."""
    verdicts: dict[str, str] = {}
    rows = list(references.promised())
    for _, sha256 in rows:
        if sha256 not in verdicts:
            verdicts[sha256] = _verdict(sha256)
    for row, sha256 in _still([(row, sha256) for row, sha256 in rows if verdicts[sha256]]):
        yield f"{row}: the file {sha256} {verdicts[sha256]}"


def no_strays(at: datetime) -> Iterator[str]:
    for sha256 in strays.found(at=at - SWEPT):
        yield f"the file {sha256} belongs to no row"


def one_in_production(at: datetime) -> Iterator[str]:
    doubled = RegisteredModel.objects.annotate(n=Count("versions", filter=Q(versions__is_production=True)))
    for crowded in doubled.filter(n__gt=1):
        yield f"model {crowded.pk} has {crowded.n} versions in production"
    for model in RegisteredModel.objects.prefetch_related("promotions"):
        yield from _history(model)


def quotas_add_up(at: datetime) -> Iterator[str]:
    promised = Coalesce(_sum(Upload, "project", state=UploadState.OPEN), 0) + Coalesce(
        _sum(DatasetVersion, "dataset__project", job__state__in=OPEN), 0
    )
    for own in PersonalAllowance.objects.all():
        made = Allowance.objects.filter(project__created_by=own.user_id)
        whole = made.aggregate(used=Sum("used_bytes", default=0), reserved=Sum("reserved_bytes", default=0))
        if (own.used_bytes, own.reserved_bytes) != (whole["used"], whole["reserved"]):
            held = sum(whole.values())
            yield f"user {own.user_id} is said to hold {own.taken_bytes} bytes, their projects hold {held}"
    entered = Coalesce(Sum("project__charges__size_bytes"), 0)
    for row in Allowance.objects.annotate(entered=entered, promised=promised):
        if row.used_bytes != row.entered:
            yield f"project {row.project_id} is said to hold {row.used_bytes} bytes, its ledger says {row.entered}"
        if row.reserved_bytes != row.promised:
            yield f"project {row.project_id} has promised {row.reserved_bytes} bytes, its uploads need {row.promised}"


def events_without_gaps(at: datetime) -> Iterator[str]:
    counted = Run.objects.annotate(n=Count("events"), first=Min("events__seq"), last=Max("events__seq"))
    whole = Q(n=F("last_seq")) & (Q(n=0) | Q(first=1, last=F("last_seq")))
    for run in counted.exclude(whole):
        yield f"run {run.pk} has {run.n} events, {run.first} to {run.last}, and counts {run.last_seq}"


def record_holds(at: datetime) -> Iterator[str]:
    held, broken = audit.verify()
    if broken is not None:
        yield f"the record of key actions is broken at event {broken}, after {held} that hold"


def work_is_held(at: datetime) -> Iterator[str]:
    for job in Job.objects.filter(state=State.RUNNING, lease_until__lt=at - LEASELESS):
        yield f"{job.kind} {job.pk} is said to run, but nobody has held it since {job.lease_until:%Y-%m-%d %H:%M:%S}"


QUICK = (
    Rule("Every row's file is there", present),
    Rule("No file is without a row for more than two days", no_strays),
    Rule("Every model has at most one version in production, and its whole history", one_in_production),
    Rule("What projects use is the sum of their ledger, what they promised the sum of their uploads", quotas_add_up),
    Rule("The events of every run are numbered from 1 without gaps", events_without_gaps),
    Rule("The record of key actions is as it was written", record_holds),
    Rule("What is said to run is held by a worker", work_is_held),
)
THOROUGH = (Rule("Every row's file has the bytes that its hash names", intact), *QUICK[1:])


def _still(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that still stand: a row may have gone between the question and the look at the store."""
    standing = set(references.promised()) if rows else set()
    return [row for row in rows if row in standing]


def _verdict(sha256: str) -> str:
    try:
        with blobs.local(sha256):
            return ""
    except blobs.Corrupt:
        return "has other bytes" if blobs.exists(sha256) else "is not there"


def _history(model: RegisteredModel) -> Iterator[str]:
    """Whether the moves of production follow from each other and end with what is in production."""
    moves = sorted(model.promotions.all(), key=lambda move: move.seq)
    if [move.seq for move in moves] != list(range(1, len(moves) + 1)):
        yield f"model {model.pk} lacks a move of its history"
    steps: list[tuple[Promotion | None, Promotion]] = [*pairwise([None, *moves])]  # type: ignore[list-item]
    for before, after in steps:
        if after.from_version_id != (before.to_version_id if before else None):
            yield f"move {after.seq} of model {model.pk} does not begin where the one before it ended"
    now = ModelVersion.objects.filter(model=model, is_production=True).values_list("pk", flat=True).first()
    if now != (moves[-1].to_version_id if moves else None):
        yield f"model {model.pk} has {now or 'nothing'} in production, which is not what its newest move says"


def _sum(model: type[Upload] | type[DatasetVersion], project: str, **which: object) -> Subquery:
    rows = model._default_manager.filter(**{project: OuterRef("project")}, **which).order_by()  # noqa: SLF001
    return Subquery(rows.values(project).annotate(total=Sum("size_bytes")).values("total"))
