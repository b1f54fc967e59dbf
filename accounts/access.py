"""Who may do what: one matrix, one way to load anything. Strangers get 404, members without the right 403."""

from enum import StrEnum
from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from rest_framework.request import Request

from accounts.models import Membership, Project, Role, User

Row = TypeVar("Row", bound=Model)
Visitor = User | AnonymousUser


class Action(StrEnum):
    SEE = "see"
    DOWNLOAD = "download"
    DOWNLOAD_CODE = "download_code"
    REVOKE_LINKS = "revoke_links"
    TEST = "test"
    TEST_MANY = "test_many"
    UPLOAD = "upload"
    TRAIN = "train"
    CANCEL_OWN = "cancel_own"
    CANCEL_ANY = "cancel_any"
    PROPOSE = "propose"
    LABEL = "label"
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"
    DEMOTE = "demote"
    JUDGE_PRIVACY = "judge_privacy"
    UNMASK = "unmask"
    INVITE = "invite"
    ADMINISTER = "administer"


NEEDS: dict[Action, Role] = {
    Action.SEE: Role.VIEWER,
    Action.DOWNLOAD: Role.VIEWER,
    Action.DOWNLOAD_CODE: Role.MAINTAINER,
    Action.REVOKE_LINKS: Role.MAINTAINER,
    Action.TEST: Role.VIEWER,
    Action.TEST_MANY: Role.ANALYST,
    Action.UPLOAD: Role.ANALYST,
    Action.TRAIN: Role.ANALYST,
    Action.CANCEL_OWN: Role.ANALYST,
    Action.CANCEL_ANY: Role.MAINTAINER,
    Action.PROPOSE: Role.ANALYST,
    Action.LABEL: Role.MAINTAINER,
    Action.PROMOTE: Role.MAINTAINER,
    Action.ROLL_BACK: Role.MAINTAINER,
    Action.DEMOTE: Role.MAINTAINER,
    Action.JUDGE_PRIVACY: Role.MAINTAINER,
    Action.UNMASK: Role.MAINTAINER,
    Action.INVITE: Role.MAINTAINER,
    Action.ADMINISTER: Role.OWNER,
}


def person(request: HttpRequest | Request) -> User:
    """Who is signed in; for views that let nobody else in."""
    if not isinstance(request.user, User):
        raise PermissionDenied(_("Sign in first."))
    return request.user


def role_in(user: Visitor, project: Project) -> Role | None:
    """The user's role in the project; None for strangers and the inactive. Costs one query."""
    if not user.is_authenticated or not user.is_active:
        return None
    membership = Membership.objects.filter(user=user, project=project).first()
    return Role(membership.role) if membership else None


def projects_of(user: Visitor) -> QuerySet[Project]:
    """The projects that the person may see; none for the inactive."""
    if not user.is_authenticated or not user.is_active:
        return Project.objects.none()
    return Project.objects.filter(memberships__user=user)


def roles_of(user: Visitor) -> dict[str, Role]:
    """The person's role in each of their projects, by its id. Costs one query."""
    if not user.is_authenticated or not user.is_active:
        return {}
    return {project: Role(role) for project, role in user.memberships.values_list("project_id", "role")}


def reaches(role: Role | None, needs: Action) -> bool:
    """Whether this role carries that right; for pages that ask more than once about the same person."""
    return role is not None and role.rank >= NEEDS[needs].rank


def may(user: Visitor, project: Project, needs: Action) -> bool:
    return reaches(role_in(user, project), needs)


def require(user: Visitor, project: Project, needs: Action) -> None:
    """Raise Http404 for a stranger and PermissionDenied for a member whose role is too low."""
    role = role_in(user, project)
    if role is None:
        raise Http404
    if role.rank < NEEDS[needs].rank:
        raise PermissionDenied(
            _("This needs the role {needed} or above; yours is {yours}.").format(
                needed=NEEDS[needs].label.lower(), yours=role.label.lower()
            )
        )


def project_for(user: Visitor, slug: str, *, needs: Action) -> Project:
    """The project behind an address."""
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise Http404
    require(user, project, needs)
    return project


def find(rows: QuerySet[Row], user: Visitor, *, needs: Action, project: str = "project", **lookup: Any) -> Row:
    """The one row that `lookup` names; `project` is the path to its project, such as "dataset__project"."""
    row = rows.select_related(project).filter(**lookup).first()
    if row is None:
        raise Http404
    owner: Any = row
    for step in project.split("__"):
        owner = getattr(owner, step)
    require(user, owner, needs)
    return row
