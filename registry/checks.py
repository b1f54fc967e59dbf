"""What is looked at before production moves: facts that must hold, what the project's rule asks, and the gate.

The gate compares the main metric of the version that enters with that of the one in production. On the same rows it
reads the paired 95 % interval of the difference, which a comparison in the sandbox kept as evidence: the version must
not be worse than TOLERANCE of the figure in production, with 95 % confidence. Without such a comparison it can only say
whether the intervals of two different tests lie apart. A person may pass over the gate, with a reason that is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.utils import translation

from fynix import blobs
from registry.models import Build, Decision, ModelVersion, PromotionRule
from training.engine.metrics import lower_is_better
from training.engine.report import RunReport, Score
from training.narrative.shape import named

if TYPE_CHECKING:
    from accounts.models import Project

TOLERANCE = 0.02  # share of the figure in production
COMPARISONS_READ = 20  # of the newest, to find one with the version in production


@dataclass(frozen=True)
class Check:
    """One thing that was looked at before production moved. Only a `blocking` one can refuse the move.

    One that `may_be_passed_over` refuses it only while nobody has said why it should not.
    """

    name: str
    passed: bool
    detail: str
    blocking: bool = True
    may_be_passed_over: bool = False


@dataclass(frozen=True)
class Checks:
    """Everything that was looked at, version 1 of its JSON form."""

    results: tuple[Check, ...]
    schema_version: int = 1

    @property
    def passed(self) -> bool:
        return not self.refusals

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why the move is refused, whatever anybody says."""
        return tuple(
            check.detail
            for check in self.results
            if check.blocking and not check.passed and not check.may_be_passed_over
        )

    @property
    def closed_gates(self) -> tuple[str, ...]:
        """What somebody must pass over, with a reason, for the move to be made."""
        return tuple(check.detail for check in self.results if check.may_be_passed_over and not check.passed)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Case:
    """What is about to happen: `version` enters, `current` leaves, and `evidence` (a test run's id) is cited."""

    version: ModelVersion
    current: ModelVersion | None
    evidence: str = ""


@dataclass(frozen=True)
class Paired:
    """The main metric of two versions on the same labelled rows, version 1 of its JSON form.

    `low` and `high` bound the 95 % paired bootstrap interval of `after - before`.
    """

    version: str
    against: str
    metric: str
    before: float
    after: float
    low: float
    high: float
    rows: int


def to_promote(case: Case) -> Checks:
    """Look at everything that must hold before the version replaces the one in production."""
    return _look(case, (*ALWAYS, *WHEN_PROMOTED))


def to_roll_back(case: Case) -> Checks:
    """The same for a version that has been in production before: it needs no permission to come back."""
    return _look(case, ALWAYS)


def _look(case: Case, these: Iterable[Callable[[Case], Check]]) -> Checks:
    """What these checks say, in English whoever asks: it is kept as a record."""
    with translation.override(settings.LANGUAGE_CODE):
        return Checks(tuple(check(case) for check in these))


def _ready(case: Case) -> Check:
    version = case.version
    ok = version.state == Build.READY and version.archived_at is None
    word = "ready" if ok else "archived" if version.archived_at else version.get_state_display().lower()
    return Check("ready", passed=ok, detail=f"Version {version.number} is {word}.")


def _intact(case: Case) -> Check:
    try:
        with blobs.local(case.version.sha256):
            return Check("intact", passed=True, detail="The stored model is byte for byte the one that was trained.")
    except blobs.Corrupt as error:
        return Check("intact", passed=False, detail=error.message)


def _same_question(case: Case) -> Check:
    version, current = case.version, case.current
    if current is None:
        detail = "Nothing is in production yet, so there is nothing to differ from."
        return Check("same_question", passed=True, detail=detail)
    if all(version.schema[key] == current.schema[key] for key in ("target", "task", "classes")):
        detail = "Target, task and classes are those of the version in production."
        return Check("same_question", passed=True, detail=detail)
    detail = f"Version {version.number} answers another question than version {current.number}: "
    return Check("same_question", passed=False, detail=detail + "target, task or classes differ.")


def _no_new_input(case: Case) -> Check:
    version, current = case.version, case.current
    known = {column["name"] for column in (current or version).schema["columns"]}
    new = [column["name"] for column in version.schema["columns"] if column["name"] not in known]
    if not new:
        detail = "It reads no column that callers do not send today."
        return Check("inputs", passed=True, detail=detail, blocking=False)
    detail = f"It reads columns that callers do not send today: {', '.join(new)}. Until they do, these are missing."
    return Check("inputs", passed=False, detail=detail, blocking=False)


def _approved(case: Case) -> Check:
    rule = rule_of(case.version.model.project)
    needed = rule is not None and rule.needs_approval
    newest = case.version.approvals.select_related("by").order_by("-seq").first()
    if newest and newest.decision == Decision.APPROVED:
        return Check("approved", passed=True, detail=f"Approved by {newest.by.email}: “{newest.reason}”")
    if newest and newest.decision == Decision.REJECTED:
        detail = f"{newest.by.email} has rejected it: “{newest.reason}”"
        return Check("approved", passed=False, detail=detail, blocking=needed)
    if needed:
        detail = "This project asks for the approval of a second person, and there is none yet."
        return Check("approved", passed=False, detail=detail)
    return Check("approved", passed=True, detail="This project asks for no approval.", blocking=False)


def _evident(case: Case) -> Check:
    rule = rule_of(case.version.model.project)
    if case.evidence:
        return Check("evidence", passed=True, detail=f"Test {case.evidence} is cited as evidence.")
    needed = rule is not None and rule.needs_evidence
    detail = "This project asks for a test run as evidence. Cite one." if needed else "No test run is cited."
    return Check("evidence", passed=False, detail=detail, blocking=needed)


def _gate(case: Case) -> Check:
    current = case.current
    if current is None:
        return _gate_says("Nothing is in production yet, so there is nothing to be worse than.", passed=True)
    if not _same_question(case).passed:
        return _gate_says("Their figures cannot be compared: they answer different questions.", passed=True)
    pair = compared(case.version, current)
    return _paired_gate(pair, current) if pair else _unpaired_gate(case.version, current)


def compared(version: ModelVersion, current: ModelVersion) -> Paired | None:
    """The newest comparison of the two on the same labelled rows."""
    for run in version.test_runs.filter(kind="compare").order_by("-created_at")[:COMPARISONS_READ]:
        for pair in run.document.get("paired", []):
            if pair["version"] == version.pk and pair["against"] == current.pk:
                return Paired(**pair)
    return None


def _paired_gate(pair: Paired, current: ModelVersion) -> Check:
    worse_by = pair.high if lower_is_better(pair.metric) else -pair.low
    allowed = TOLERANCE * abs(pair.before)
    figures = (
        f"{named(pair.metric)} {pair.after:.4f} instead of {pair.before:.4f} on the same {pair.rows:,} rows; "
        f"95 % interval of the difference {pair.low:+.4f} to {pair.high:+.4f}"
    )
    if worse_by <= allowed:
        return _gate_says(
            f"Not worse than version {current.number} by more than {allowed:.4f}: {figures}.", passed=True
        )
    return _gate_says(
        f"May be worse than version {current.number} by more than {allowed:.4f}: {figures}.", passed=False
    )


def _unpaired_gate(version: ModelVersion, current: ModelVersion) -> Check:
    after, before = (RunReport.from_json(each.run.outcome.report) for each in (version, current))
    new, old = after.headline, before.test.get(after.main)
    figures = f"{named(after.main)} {new.value:.4f} against {old.value:.4f}" if old else ""
    if old and _clearly_worse(new, old, lower_is_better=lower_is_better(after.main)):
        return _gate_says(f"Clearly worse than version {current.number} in its own test: {figures}.", passed=False)
    advice = "Compare them on the same rows in the sandbox to be surer."
    return _gate_says(
        f"Not clearly worse than version {current.number} in its own test: {figures}. {advice}", passed=True
    )


def _clearly_worse(new: Score, old: Score, *, lower_is_better: bool) -> bool:
    """Whether the 95 % intervals lie apart, the new one on the wrong side."""
    if new.low is None or new.high is None or old.low is None or old.high is None:
        return False
    return new.low > old.high if lower_is_better else new.high < old.low


def _gate_says(detail: str, *, passed: bool) -> Check:
    return Check("gate", passed=passed, detail=detail, may_be_passed_over=True)


def rule_of(project: Project) -> PromotionRule | None:
    """What the project asks of a promotion; None: nothing beyond the checks."""
    try:
        return project.promotion_rule
    except ObjectDoesNotExist:
        return None


ALWAYS: tuple[Callable[[Case], Check], ...] = (_ready, _intact, _same_question, _no_new_input)
WHEN_PROMOTED: tuple[Callable[[Case], Check], ...] = (_approved, _evident, _gate)
