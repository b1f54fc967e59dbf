"""Asking whether a version may go into production, and answering: always two people.

Every step is a row that stays. The newest row of a version says where its question stands.
"""

from datetime import datetime

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import access, audit, notifications
from accounts.access import Action
from accounts.models import News, Project, User
from fynix.errors import Conflict
from registry.models import Approval, Build, Decision, ModelVersion, PromotionRule
from registry.promotion import worded


class NotWaiting(Conflict):
    code = "approval_not_waiting"


class SamePerson(Conflict):
    code = "approval_by_same_person"


def standing(version: ModelVersion) -> Approval | None:
    """The newest step; None when nobody has asked."""
    return version.approvals.select_related("by").order_by("-seq").first()


def request(*, version: ModelVersion, by: User, reason: str, at: datetime) -> Approval:
    """Ask for a yes. Raises Invalid, NotWaiting when it is asked already or the version is not ready."""
    reason = worded(reason)
    with transaction.atomic():
        locked = ModelVersion.objects.select_for_update().get(pk=version.pk)
        if locked.state != Build.READY or locked.archived_at is not None:
            raise NotWaiting(_("Only a ready version that is not archived can be proposed."))
        newest = standing(locked)
        if newest and newest.decision == Decision.REQUESTED:
            raise NotWaiting(_("{email} has asked already. Wait for the answer.").format(email=newest.by.email))
        return _write(locked, Decision.REQUESTED, newest, by=by, reason=reason, at=at)


def decide(*, version: ModelVersion, approved: bool, by: User, reason: str, at: datetime) -> Approval:
    """Say yes or no to what somebody else asked. Raises Invalid, NotWaiting, SamePerson."""
    reason = worded(reason)
    with transaction.atomic():
        locked = ModelVersion.objects.select_for_update().get(pk=version.pk)
        newest = standing(locked)
        if newest is None or newest.decision != Decision.REQUESTED:
            raise NotWaiting(_("Nobody waits for an answer about this version."))
        if newest.by_id == by.pk:
            raise SamePerson(_("You have asked yourself. Somebody else must answer."))
        decision = Decision.APPROVED if approved else Decision.REJECTED
        return _write(locked, decision, newest, by=by, reason=reason, at=at)


def set_rule(*, project: Project, needs_approval: bool, needs_evidence: bool, by: User, at: datetime) -> None:
    """What the project asks of every promotion from now on."""
    with transaction.atomic():
        asked = {"needs_approval": needs_approval, "needs_evidence": needs_evidence}
        PromotionRule.objects.update_or_create(project=project, defaults={**asked, "by": by, "at": at})
        audit.record(audit.Act.RULE_CHANGE, actor=by, project=project, subject=project.pk, detail=asked, at=at)


def _write(
    version: ModelVersion, decision: Decision, newest: Approval | None, *, by: User, reason: str, at: datetime
) -> Approval:
    row = Approval.objects.create(
        version=version, seq=newest.seq + 1 if newest else 1, decision=decision, reason=reason, by=by, at=at
    )
    act = audit.Act.APPROVAL_REQUEST if decision == Decision.REQUESTED else audit.Act.APPROVAL_DECIDE
    facts: dict[str, str | int] = {"version": version.number, "decision": decision.value, "reason": reason}
    audit.record(act, actor=by, project=version.model.project, subject=version.pk, detail=facts, at=at)
    _tell(row, newest)
    return row


NEWS = {
    Decision.REQUESTED: News.APPROVAL_REQUESTED,
    Decision.APPROVED: News.APPROVAL_GIVEN,
    Decision.REJECTED: News.APPROVAL_REFUSED,
}


def _tell(row: Approval, asked: Approval | None) -> None:
    """A question goes to everybody else who may answer it, an answer to whoever asked."""
    model = row.version.model
    if row.decision == Decision.REQUESTED:
        able = notifications.members(model.project, least=access.NEEDS[Action.PROMOTE])
        people = [user for user in able if user != row.by_id]
    else:
        people = [asked.by_id] if asked else []
    notifications.tell(
        people, NEWS[Decision(row.decision)], project=model.project, subject=f"{row.version_id}:{row.seq}",
        thing=model.name, number=row.version.number, detail=row.reason, by=row.by, at=row.at,
        address=reverse("model-version", args=[model.project.slug, model.name, row.version.number]),
    )  # fmt: skip
