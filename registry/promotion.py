"""Moving production: the only way in and back. One transaction, one ledger row, one reason.

Who may: accounts.access.NEEDS for members, the two permissions of ModelVersion for staff.

The model's row is locked, what the person saw is compared with what is, every check is made and kept, and
the old version steps down before the new one steps up (the database refuses two at any moment).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import audit, notifications
from accounts.models import News, User
from fynix.errors import Conflict, DomainError, Invalid
from fynix.observability import context
from registry import checks, versions
from registry.models import ModelVersion, Move, Promotion, RegisteredModel

SHORTEST_REASON, LONGEST_REASON = 10, 2000
ACTIONS = {
    Move.PROMOTE: audit.Act.VERSION_PROMOTE,
    Move.ROLLBACK: audit.Act.VERSION_ROLLBACK,
    Move.DEMOTE: audit.Act.VERSION_DEMOTE,
}
NEWS = {Move.PROMOTE: News.PROMOTED, Move.ROLLBACK: News.ROLLED_BACK}


class Stale(DomainError):
    code = "stale"
    status = 412


class Refused(Conflict):
    code = "promotion_refused"


class Unfit(Refused):
    """A check does not hold; the message is what the checks say: a record, which stays as it was written."""


class GateClosed(Refused):
    code = "gate_closed"


class EvidenceMissing(Conflict):
    code = "evidence_missing"


class NothingToRollBack(Conflict):
    code = "nothing_to_roll_back"


class NothingInProduction(Conflict):
    code = "nothing_in_production"


@dataclass(frozen=True)
class Said:
    """What a person says to a move: why, what they pass over and why, and the test run they cite (its id)."""

    reason: str
    override: str = ""
    evidence: str = ""


def promote(*, version: ModelVersion, by: User, said: Said, seen_revision: int, at: datetime) -> Promotion:
    """Put the version into production. Raises Invalid, Stale or Refused."""
    said = replace(said, reason=worded(said.reason), override=_overriding(said.override))
    with _locked(version.model, seen_revision) as model:
        current = versions.production(model)
        chosen = ModelVersion.objects.get(pk=version.pk)
        _differs(chosen, current)
        evidence = _cited(chosen, said.evidence)
        found = checks.to_promote(checks.Case(chosen, current, said.evidence))
        if found.refusals:
            raise Unfit(" ".join(found.refusals))
        if found.closed_gates and not said.override:
            raise GateClosed(
                _("{gates} Say why it should go into production all the same.").format(
                    gates=" ".join(found.closed_gates)
                )
            )
        passed_over = said.override if found.closed_gates else ""
        _switch(model, chosen)
        move = Promotion(
            action=Move.PROMOTE, from_version=current, to_version=chosen, reason=said.reason, override=passed_over,
            evidence=evidence, checks=found.to_json(),
        )  # fmt: skip
        return _record(move, model, by=by, at=at)


def rollback(*, model: RegisteredModel, by: User, reason: str, seen_revision: int, at: datetime) -> Promotion:
    """Put back exactly the version that was in production before. Raises NothingToRollBack and as promote()."""
    reason = worded(reason)
    with _locked(model, seen_revision) as locked:
        current = versions.production(locked)
        chosen = previous(current)
        if chosen is None:
            raise NothingToRollBack(_("There is no earlier production version to go back to."))
        found = checks.to_roll_back(checks.Case(chosen, current))
        if not found.passed:
            raise Unfit(" ".join(found.refusals))
        _switch(locked, chosen)
        move = Promotion(
            action=Move.ROLLBACK, from_version=current, to_version=chosen, reason=reason, checks=found.to_json()
        )
        return _record(move, locked, by=by, at=at)


def demote(*, model: RegisteredModel, by: User, reason: str, seen_revision: int, at: datetime) -> Promotion:
    """Take the version out of production and put none in its place. Raises NothingInProduction, Invalid or Stale."""
    reason = worded(reason)
    with _locked(model, seen_revision) as locked:
        current = versions.production(locked)
        if current is None:
            raise NothingInProduction(_("Nothing is in production, so there is nothing to take out."))
        _switch(locked, None)
        move = Promotion(action=Move.DEMOTE, from_version=current, reason=reason, checks=checks.Checks(()).to_json())
        return _record(move, locked, by=by, at=at)


def previous(current: ModelVersion | None) -> ModelVersion | None:
    """The version that the newest move into `current` replaced."""
    if current is None:
        return None
    into = current.model.promotions.filter(to_version=current).order_by("-seq").first()
    return into.from_version if into else None


def worded(reason: str) -> str:
    """A reason in one line. Raises Invalid when it is no sentence, or a book."""
    reason = " ".join(reason.split())
    if len(reason) < SHORTEST_REASON:
        raise Invalid(
            _("Say why in at least {least} characters: an auditor will read it.").format(least=SHORTEST_REASON),
            field="reason",
        )
    if len(reason) > LONGEST_REASON:
        raise Invalid(
            _("Say why in at most {most:,} characters: an auditor will read it.").format(most=LONGEST_REASON),
            field="reason",
        )
    return reason


def _overriding(text: str) -> str:
    try:
        return worded(text) if text.strip() else ""
    except Invalid as error:
        raise Invalid(error.message, field="override") from None


@contextmanager
def _locked(model: RegisteredModel, seen_revision: int) -> Iterator[RegisteredModel]:
    """The model, which nobody else moves meanwhile, as it was when the person looked. Raises Stale."""
    with transaction.atomic():
        locked = RegisteredModel.objects.select_for_update().get(pk=model.pk)
        _fresh(locked, seen_revision)
        yield locked


def _fresh(model: RegisteredModel, seen_revision: int) -> None:
    if model.revision != seen_revision:
        last = model.promotions.select_related("by", "to_version").order_by("-seq").first()
        if last is None or last.to_version is None:
            raise Stale(
                _("Production has moved since you looked: no version is in production now. Look again, then decide.")
            )
        raise Stale(
            _(
                "Production has moved since you looked: version {number} is in production now. Look again, then decide."
            ).format(number=last.to_version.number)
        )


def _differs(chosen: ModelVersion, current: ModelVersion | None) -> None:
    if current and current.pk == chosen.pk:
        raise Refused(_("Version {number} is in production already.").format(number=chosen.number))


def _cited(version: ModelVersion, evidence: str) -> Any:
    """The test run of that id. Raises EvidenceMissing when the version has none such."""
    if not evidence:
        return None
    found = version.test_runs.filter(pk=evidence).first()
    if found is None:
        raise EvidenceMissing(
            _("Version {number} has no test run {evidence}. Cite one of its own.").format(
                number=version.number, evidence=evidence
            )
        )
    return found


def _switch(model: RegisteredModel, chosen: ModelVersion | None) -> None:
    """Old down first, then new up: a conditional unique constraint cannot wait for the end of a transaction."""
    model.versions.filter(is_production=True).update(is_production=False)
    if chosen:
        ModelVersion.objects.filter(pk=chosen.pk).update(is_production=True)
    RegisteredModel.objects.filter(pk=model.pk).update(revision=F("revision") + 1)


def _record(row: Promotion, model: RegisteredModel, *, by: User, at: datetime) -> Promotion:
    """Write the ledger's row, tell the members, and note it in the record of key actions."""
    newest = model.promotions.order_by("-seq").values_list("seq", flat=True).first() or 0
    row.model, row.seq, row.by, row.at, row.request_id = model, newest + 1, by, at, context.request_id()
    row.save(force_insert=True)
    if row.to_version:
        notifications.tell(
            notifications.members(model.project).exclude(user=by), NEWS[Move(row.action)], project=model.project,
            subject=row.pk, thing=model.name, number=row.to_version.number, detail=row.reason, by=by, at=at,
            address=reverse("model", args=[model.project.slug, model.name]),
        )  # fmt: skip
    facts: dict[str, str | int | None] = {
        "from": row.from_version.number if row.from_version else None,
        "to": row.to_version.number if row.to_version else None,
        "reason": row.reason,
    }
    if row.override:
        facts["override"] = row.override
    if row.evidence_id:
        facts["evidence"] = row.evidence_id
    audit.record(ACTIONS[Move(row.action)], actor=by, project=model.project, subject=model.pk, at=at, detail=facts)
    return row
