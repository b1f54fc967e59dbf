"""Projects and who belongs to them."""

import secrets
from datetime import datetime

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts import audit, notifications, quotas
from accounts.models import Invitation, Membership, News, Project, Role, User
from fynix import notices
from fynix.errors import Conflict, Invalid, NotAllowed

LONGEST_NAME = 80
LONGEST_STEM = 50  # leaves room for a tail within the slug's 60 characters


class AlreadyMember(Conflict):
    code = "already_member"


class LastOwner(Conflict):
    code = "last_owner"


class NoSuchPerson(Invalid):
    code = "no_such_person"


def create(*, name: str, by: User, at: datetime) -> Project:
    """A new project that `by` owns, with the server's allowance of storage."""
    name = _named(name)
    with transaction.atomic():
        project = _insert(name, by, at)
        Membership.objects.create(project=project, user=by, role=Role.OWNER, created_at=at)
        quotas.open_for(project)
        audit.record(
            audit.Act.PROJECT_CREATE,
            actor=by,
            project=project,
            subject=project.pk,
            detail={"name": name},
            at=at,
        )
    return project


def rename(project: Project, *, name: str, by: User, at: datetime) -> None:
    """Change the name people read; addresses keep the slug."""
    name = _named(name)
    with transaction.atomic():
        former, project.name = project.name, name
        project.save(update_fields=["name"])
        audit.record(
            audit.Act.PROJECT_RENAME,
            actor=by,
            project=project,
            subject=project.pk,
            detail={"from": former, "to": name},
            at=at,
        )


def add_member(project: Project, *, email: str, role: Role, by: User, at: datetime) -> Membership:
    """Let a person who has an account here take part. Raises NoSuchPerson, AlreadyMember, NotAllowed."""
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise NoSuchPerson(_("Nobody has signed up here with this address. Ask them to sign up first."), field="email")
    with transaction.atomic():
        check_rank(lock(project), by, role)
        member = join(project, user=user, role=role, by=by, at=at)
        _tell(member, News.ROLE_GIVEN, by, at)
    return member


def join(project: Project, *, user: User, role: Role, by: User, at: datetime) -> Membership:
    """The membership itself, under the lock of the project; an invitation that still waited is no longer needed.

    Raises AlreadyMember.
    """
    if Membership.objects.filter(project=project, user=user).exists():
        raise AlreadyMember(_("{email} is already a member.").format(email=user.email), field="email")
    member = Membership.objects.create(project=project, user=user, role=role, created_at=at)
    waiting = project.invitations.filter(email=user.email, state=Invitation.State.OPEN)
    waiting.update(state=Invitation.State.REVOKED, ended_at=at)
    _record(audit.Act.MEMBER_ADD, member, by, at, role=role)
    return member


def change_role(member: Membership, *, role: Role, by: User, at: datetime) -> None:
    """Give a member another role. Raises LastOwner, NotAllowed."""
    with transaction.atomic():
        project = lock(member.project)
        member.refresh_from_db()
        former = Role(member.role)
        check_rank(project, by, max(former, role, key=lambda each: each.rank))
        if role != Role.OWNER:
            _check_owner_stays(member)
        member.role = role
        member.save(update_fields=["role"])
        _record(audit.Act.MEMBER_CHANGE, member, by, at, former=former, role=role)
        if role != former:
            _tell(member, News.ROLE_CHANGED, by, at)
        if role.rank < former.rank:
            _tell_sockets(member)


def remove_member(member: Membership, *, by: User, at: datetime) -> None:
    """End a membership; anybody may end their own. Raises LastOwner, NotAllowed."""
    with transaction.atomic():
        project = lock(member.project)
        member.refresh_from_db()
        if member.user != by:
            check_rank(project, by, Role(member.role))
        _check_owner_stays(member)
        _record(audit.Act.MEMBER_REMOVE, member, by, at, role=member.role)
        _tell(member, News.ROLE_TAKEN, by, at)
        _tell_sockets(member)
        member.delete()


def _insert(name: str, by: User, at: datetime) -> Project:
    """The row under a free slug: the name itself when nobody has it, else with a random tail."""
    stem = slugify(name)[:LONGEST_STEM].strip("-") or "project"
    slug = stem
    while True:
        try:
            with transaction.atomic():
                return Project.objects.create(name=name, slug=slug, created_by=by, created_at=at)
        except IntegrityError:
            if not Project.objects.filter(slug=slug).exists():
                raise
            slug = f"{stem}-{secrets.token_hex(3)}"


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid(_("Give the project a name of 1 to {most} characters.").format(most=LONGEST_NAME), field="name")
    return name


def lock(project: Project) -> Project:
    """Whoever changes members of one project waits for the other."""
    return Project.objects.select_for_update().get(pk=project.pk)


def check_rank(project: Project, by: User, role: Role) -> None:
    """Only an owner makes, changes or removes maintainers and owners; a maintainer the roles below."""
    mine = Membership.objects.filter(project=project, user=by).values_list("role", flat=True).first()
    if mine != Role.OWNER and role.rank >= Role.MAINTAINER.rank:
        raise NotAllowed(
            _("Only an owner decides who is {role} here. Ask an owner to do this.").format(role=role.label.lower())
        )


def _check_owner_stays(member: Membership) -> None:
    owners = Membership.objects.filter(project=member.project_id, role=Role.OWNER)
    if member.role == Role.OWNER and not owners.exclude(pk=member.pk).exists():
        raise LastOwner(_("A project needs an owner. Make somebody else an owner first."))


def _tell_sockets(member: Membership) -> None:
    """What the person has open looks at once whether it may stay open."""
    user: int = member.user_id
    transaction.on_commit(lambda: notices.rights_changed(user))


def _tell(member: Membership, kind: News, by: User, at: datetime) -> None:
    """What somebody else changed about a person's part in the project."""
    if member.user_id == by.pk:
        return
    taken = kind == News.ROLE_TAKEN
    notifications.tell(
        [member.user_id], kind, project=member.project, subject=f"{member.pk}:{at.isoformat()}", by=by, at=at,
        thing=Role(member.role).label.lower(), address="" if taken else reverse("project", args=[member.project.slug]),
    )  # fmt: skip


def _record(act: audit.Act, member: Membership, by: User, at: datetime, **detail: str) -> None:
    audit.record(
        act,
        actor=by,
        project=member.project,
        subject=f"user:{member.user_id}",
        detail={"email": member.user.email, **detail},
        at=at,
    )
