"""Asking an address to take part in a project, by a link that works once, for a week.

The link names its invitation and a secret, signed; only the hash of it is kept. Renewing makes a new link and the
former ends. Nobody takes part without the link: an address that somebody typed at sign-up proves nothing.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import access, audit, letters, notifications, projects
from accounts.access import Action
from accounts.models import Invitation, Membership, News, Project, Role, User
from fynix.errors import Conflict, DomainError, NotAllowed

LIFE = timedelta(days=7)
PAUSE = timedelta(minutes=10)  # between two letters of one invitation
MOST_OPEN = 50  # of one project
MOST_A_DAY = 50  # by one person, over all projects
MOST_TO_ONE = 3  # a day, by one project to one address, whatever became of them
LATE = timedelta(days=30)  # so long one that ran out can still be renewed
KEPT = timedelta(days=180)  # after its end; the record of key actions stays

Waiting = Invitation.State.OPEN


class AlreadyInvited(Conflict):
    code = "already_invited"


class InvitationOver(Conflict):
    code = "invitation_over"


class TooManyInvitations(DomainError):
    code = "too_many_invitations"
    status = 429


class NoSuchInvitation(DomainError):
    code = "no_such_invitation"
    status = 404


class ForSomebodyElse(NotAllowed):
    code = "invitation_for_somebody_else"


@dataclass(frozen=True)
class Invited:
    """An invitation and its link; empty when a letter took it to its address, and shown once otherwise."""

    invitation: Invitation
    link: str


def invite(project: Project, *, email: str, role: Role, by: User, site: str, at: datetime) -> Invited:
    """Ask an address to take part; `site` begins the link, such as `https://fynix.example.org`.

    Raises AlreadyMember, AlreadyInvited, TooManyInvitations, NotAllowed.
    """
    email = email.strip().lower()
    with transaction.atomic():
        projects.check_rank(projects.lock(project), by, role)
        if Membership.objects.filter(user__email=email, project=project).exists():
            raise projects.AlreadyMember(_("{email} is already a member.").format(email=email), field="email")
        late = project.invitations.filter(email=email, state=Waiting, expires_at__lte=at)
        late.update(state=Invitation.State.EXPIRED, ended_at=at)
        _check_room(project, email, by, at)
        invitation = Invitation(
            project=project, email=email, role=role, invited_by=by, created_at=at, renewed_at=at, expires_at=at + LIFE
        )
        token = _sealed(invitation)
        invitation.save(force_insert=True)
        _record(audit.Act.INVITATION_SEND, invitation, by, at)
    return _delivered(invitation, token, site)


def renew(invitation: Invitation, *, by: User, site: str, at: datetime) -> Invited:
    """Send it again with a new link and a new week; the former link ends. Raises InvitationOver, TooManyInvitations."""
    with transaction.atomic():
        projects.check_rank(projects.lock(invitation.project), by, Role(invitation.role))
        invitation.refresh_from_db()
        _check_waits(invitation)
        if invitation.renewed_at > at - PAUSE:
            raise TooManyInvitations(_("This was sent a moment ago. Wait ten minutes before you send it again."))
        if invitation.renewals >= Invitation.MOST_RENEWALS:
            raise TooManyInvitations(
                _("This was sent {times} times. Withdraw it and ask the person in another way.").format(
                    times=Invitation.MOST_RENEWALS + 1
                )
            )
        token = _sealed(invitation)
        invitation.renewals += 1
        invitation.invited_by, invitation.renewed_at, invitation.sent_at = by, at, None
        invitation.expires_at = at + LIFE
        invitation.save()
        _record(audit.Act.INVITATION_RENEW, invitation, by, at)
    return _delivered(invitation, token, site)


def revoke(invitation: Invitation, *, by: User, at: datetime) -> None:
    """Take it back; the link ends at once. Raises InvitationOver, NotAllowed."""
    with transaction.atomic():
        projects.check_rank(projects.lock(invitation.project), by, Role(invitation.role))
        _end(invitation, Invitation.State.REVOKED, at)
        _record(audit.Act.INVITATION_REVOKE, invitation, by, at)


def accept(invitation: Invitation, *, by: User, at: datetime) -> Membership:
    """Take part. Raises ForSomebodyElse, InvitationOver, AlreadyMember."""
    _check_theirs(invitation, by)
    with transaction.atomic():
        project = projects.lock(invitation.project)
        invitation.refresh_from_db()
        check_open(invitation, at=at)
        _end(invitation, Invitation.State.ACCEPTED, at, by)
        member = projects.join(project, user=by, role=Role(invitation.role), by=by, at=at)
        _record(audit.Act.INVITATION_ACCEPT, invitation, by, at)
        _tell(invitation, News.INVITATION_ACCEPTED, at, by=by)
    return member


def decline(invitation: Invitation, *, by: User | None, at: datetime) -> None:
    """Do not take part; who holds the link needs no account for that. Raises ForSomebodyElse, InvitationOver."""
    if by is not None:
        _check_theirs(invitation, by)
    with transaction.atomic():
        check_open(invitation, at=at)
        _end(invitation, Invitation.State.DECLINED, at, by)
        _record(audit.Act.INVITATION_DECLINE, invitation, by, at)
        _tell(invitation, News.INVITATION_DECLINED, at, thing=invitation.email)


def pending(project: Project) -> QuerySet[Invitation]:
    """Those that nobody has answered, ones that ran out lately among them, newest first."""
    return project.invitations.filter(state=Waiting).select_related("invited_by").order_by("-created_at", "-pk")


def found(token: str) -> Invitation:
    """The invitation of a link, as it stands. Raises NoSuchInvitation, and InvitationOver for a link before a newer."""
    try:
        name, _dot, _secret = _signer().unsign(token).partition(".")
    except BadSignature:
        name = ""
    invitation = Invitation.objects.select_related("project", "invited_by").filter(pk=name).first()
    if invitation is None:
        raise NoSuchInvitation(_("This is no invitation of this server. Check that the link is whole."))
    if invitation.token_sha256 != _hash(token):
        raise InvitationOver(_("A newer link was made after this one. Use the newest, or ask for another."))
    return invitation


def check_open(invitation: Invitation, *, at: datetime) -> None:
    """Raise InvitationOver, in words for the invited person, when it can no longer be answered."""
    _check_waits(invitation)
    who = invitation.invited_by
    if invitation.expires_at <= at:
        raise InvitationOver(_("This invitation has run out. Ask {email} for a new one.").format(email=who.email))
    role = access.role_in(who, invitation.project)
    least = Role.OWNER if Role(invitation.role).rank >= Role.MAINTAINER.rank else access.NEEDS[Action.INVITE]
    if role is None or role.rank < least.rank:
        raise InvitationOver(
            _("{email}, who invited you, may no longer do that. Ask somebody else of the project.").format(
                email=who.email
            )
        )


def is_for(invitation: Invitation, user: User) -> bool:
    """Whether the address is the person's: the one they sign in with, or another that they have confirmed."""
    others = EmailAddress.objects.filter(user=user, verified=True, email__iexact=invitation.email)
    return user.email == invitation.email or others.exists()


def waiting_for(token: str, *, at: datetime) -> Invitation | None:
    """The invitation of a link that can be answered now; None for any other link."""
    try:
        invitation = found(token)
        check_open(invitation, at=at)
    except DomainError:
        return None
    return invitation


def expire(*, at: datetime) -> None:
    """End those that ran out LATE ago, and forget those that ended KEPT ago."""
    late = Invitation.objects.filter(state=Waiting, expires_at__lt=at - LATE)
    late.update(state=Invitation.State.EXPIRED, ended_at=at)
    Invitation.objects.filter(ended_at__lt=at - KEPT).delete()


def _check_room(project: Project, email: str, by: User, at: datetime) -> None:
    waiting = project.invitations.filter(state=Waiting, expires_at__gt=at)
    if waiting.filter(email=email).exists():
        raise AlreadyInvited(
            _("{email} is invited already. Send the invitation again, or withdraw it first.").format(email=email),
            field="email",
        )
    if waiting.count() >= MOST_OPEN:
        raise TooManyInvitations(
            _("{most} invitations wait already, which is the limit. Withdraw some first.").format(most=MOST_OPEN)
        )
    today = Invitation.objects.filter(created_at__gt=at - timedelta(days=1))
    if today.filter(invited_by=by).count() >= MOST_A_DAY:
        raise TooManyInvitations(
            _("You have invited {most} people within a day, which is the limit. Go on tomorrow.").format(
                most=MOST_A_DAY
            )
        )
    if today.filter(project=project, email=email).count() >= MOST_TO_ONE:
        raise TooManyInvitations(
            _("{email} was invited {most} times within a day. Try again tomorrow.").format(
                email=email, most=MOST_TO_ONE
            ),
            field="email",
        )


def _check_waits(invitation: Invitation) -> None:
    match invitation.state:
        case Invitation.State.ACCEPTED:
            raise InvitationOver(_("This invitation was accepted before. A link works once."))
        case Invitation.State.DECLINED:
            raise InvitationOver(_("This invitation was declined. Ask for a new one if that was a mistake."))
        case Invitation.State.REVOKED:
            raise InvitationOver(_("This invitation was withdrawn. Ask for a new one if that was a mistake."))
        case Invitation.State.EXPIRED:
            raise InvitationOver(_("This invitation has run out. Ask for a new one."))


def _check_theirs(invitation: Invitation, by: User) -> None:
    if not is_for(invitation, by):
        raise ForSomebodyElse(
            _("This invitation is for {email}, and you are signed in as {yours}.").format(
                email=invitation.email, yours=by.email
            )
        )


def _end(invitation: Invitation, state: Invitation.State, at: datetime, by: User | None = None) -> None:
    """Of two ends at once one wins. Raises InvitationOver for the other."""
    mine = Invitation.objects.filter(pk=invitation.pk, state=Waiting, token_sha256=invitation.token_sha256)
    moved = mine.update(state=state, ended_at=at, answered_by=by)
    invitation.refresh_from_db()
    if not moved:
        _check_waits(invitation)
        raise InvitationOver(_("A newer link was made after this one. Use the newest, or ask for another."))


def _sealed(invitation: Invitation) -> str:
    """A new token of this invitation, whose hash it keeps from now on."""
    token = _signer().sign(f"{invitation.pk}.{secrets.token_urlsafe(16)}")
    invitation.token_sha256 = _hash(token)
    return token


def _delivered(invitation: Invitation, token: str, site: str) -> Invited:
    """By letter where letters reach anybody; else, or when the mail server refused, whoever invites passes it on."""
    link = f"{site}{reverse('invitation', args=[token])}"
    if not letters.are_delivered() or not letters.post(**_letter(invitation, link)):
        return Invited(invitation, link)
    now_sent = Invitation.objects.filter(pk=invitation.pk, token_sha256=invitation.token_sha256)
    now_sent.update(sent_at=F("renewed_at"))
    invitation.sent_at = invitation.renewed_at
    return Invited(invitation, "")


def _letter(invitation: Invitation, link: str) -> dict[str, str]:
    who = invitation.invited_by
    facts = {
        "who": f"{who.name} ({who.email})" if who.name else who.email, "project": invitation.project.name,
        "role": Role(invitation.role).label.lower(), "until": f"{invitation.expires_at:%Y-%m-%d %H:%M} UTC",
    }  # fmt: skip
    subject = _("{who} invites you to “{project}”").format(**facts)
    text = _(
        "{who} invites you to take part in the project “{project}” as {role}.\n\n"
        "Open this page to accept or to decline, until {until}:"
    ).format(**facts)
    close = _(
        "The link works once, and for you alone. If you do not know who this is, ignore it: nothing happens then."
    )
    return {"to": invitation.email, "subject": subject, "text": f"{text}\n\n{link}\n\n{close}\n"}


def _tell(invitation: Invitation, kind: News, at: datetime, *, by: User | None = None, thing: str = "") -> None:
    project = invitation.project
    notifications.tell(
        [invitation.invited_by_id], kind, project=project, subject=invitation.pk, thing=thing[:120], by=by, at=at,
        detail=str(Role(invitation.role).label), address=reverse("project-settings", args=[project.slug]),
    )  # fmt: skip


def _record(act: audit.Act, invitation: Invitation, by: User | None, at: datetime) -> None:
    detail = {"email": invitation.email, "role": str(invitation.role), "invited_by": invitation.invited_by.email}
    audit.record(act, actor=by, project=invitation.project, subject=invitation.pk, detail=detail, at=at)


def _signer() -> Signer:
    return Signer(salt="accounts.invitations", sep=".")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
