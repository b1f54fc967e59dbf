"""Endpoints for people, projects and tokens."""

from django.db.models import F, QuerySet
from django.http import Http404
from django.urls import path
from django.utils.timezone import now
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import authentication, exceptions, permissions, throttling
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access, audit, families, notifications, projects, quotas, serializers, tokens
from accounts.access import Action, person
from accounts.models import Membership, PersonalToken, Project, Role, TokenFamily, User
from accounts.requests import address
from fynix import paging


class TokenView(APIView):
    """Exchanges a personal token, or the session of a browser, for an access token."""

    # The personal token is read in the view: a wrong one counts against the rate like a right one.
    authentication_classes = [authentication.SessionAuthentication]
    permission_classes = [permissions.AllowAny]
    throttle_classes = [throttling.ScopedRateThrottle]
    throttle_scope = "token"

    @extend_schema(
        operation_id="token_create", tags=["sign-in"], request=serializers.NewAccess,
        responses={201: serializers.NewlyIn},
        auth=[{"personalToken": []}, {"cookieAuth": []}],  # type: ignore[list-item]  # wrongly annotated
        summary="Get an access token",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Send a personal token as `Authorization: Bearer fxp_…`. The access token lives 15 minutes."""
        user, token = _holder(request)
        sent = serializers.NewAccess(data=request.data)
        sent.is_valid(raise_exception=True)
        if sent.validated_data["refresh"]:
            begun = families.begin(user=user, token=token, address=address(request), at=now())
            return Response(_pair(*begun), status=201)
        word, expires_at = tokens.access(user)
        return Response({"access": word, "access_expires_at": expires_at}, status=201)


class RefreshView(APIView):
    """A refresh token against a new access token and the next refresh token."""

    # An access token that ran out must not stand in the way of getting a new one.
    authentication_classes = [authentication.SessionAuthentication]
    permission_classes = [permissions.AllowAny]
    throttle_classes = [throttling.ScopedRateThrottle]
    throttle_scope = "token"

    @extend_schema(
        operation_id="token_refresh", tags=["sign-in"], request=serializers.Refresh,
        responses={201: serializers.Refreshed}, auth=[], summary="Go on with a refresh token",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Each refresh token works once. One that comes a second time was copied: all that followed from it end."""
        return Response(
            _pair(*families.refresh(_sent_refresh(request), address=address(request), at=now())), status=201
        )


class SignOutView(RefreshView):
    @extend_schema(
        operation_id="token_end", tags=["sign-in"], request=serializers.Refresh, responses={204: None}, auth=[],
        summary="End what a refresh token began",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Its access tokens end at once. Doing it twice is doing it once."""
        families.end(_sent_refresh(request), at=now())
        return Response(status=204)


def _sent_refresh(request: Request) -> str:
    audit.enter("jwt")
    sent = serializers.Refresh(data=request.data)
    sent.is_valid(raise_exception=True)
    return str(sent.validated_data["refresh"])


def _pair(family: TokenFamily, secret: str) -> dict[str, object]:
    word, expires_at = tokens.access(family.user, family=family.pk)
    return {
        "access": word,
        "access_expires_at": expires_at,
        "refresh": secret,
        "refresh_expires_at": family.expires_at,
    }


def _holder(request: Request) -> tuple[User, PersonalToken | None]:
    """Who asks, and the personal token that says so."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer":
        token = tokens.held(secret.strip(), at=now())
        return token.user, token
    if not isinstance(request.user, User):
        raise exceptions.NotAuthenticated(gettext("Send a personal token as `Authorization: Bearer fxp_…`."))
    return request.user, None


class MeView(APIView):
    @extend_schema(operation_id="me", tags=["sign-in"], responses=serializers.Me, summary="Who you are")
    def get(self, request: Request) -> Response:
        return Response(serializers.Me(person(request)).data)


class ProgramsView(APIView):
    @extend_schema(
        operation_id="program_list", tags=["sign-in"], parameters=[paging.Wanted],
        summary="Programs that are signed in as you", responses=paging.page_of(serializers.Program, "ProgramPage"),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        page = paging.page(families.alive(person(request), at=now()), request)
        return Response(page.to_json(serializers.Program))


class ProgramView(APIView):
    @extend_schema(operation_id="program_end", tags=["sign-in"], responses={204: None}, summary="Sign a program out")
    def delete(self, request: Request, family_id: str) -> Response:
        """Its refresh and access tokens end at once. Doing it twice is doing it once."""
        family = person(request).token_families.filter(pk=family_id).first()
        if family is None:
            raise Http404
        families.revoke(family, at=now(), act=audit.Act.FAMILY_END)
        return Response(status=204)


class ProjectsView(APIView):
    @extend_schema(
        operation_id="project_list", tags=["projects"], parameters=[paging.Wanted], summary="Your projects",
        responses=paging.page_of(serializers.ProjectRow, "ProjectPage"),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        page = paging.page(_projects(request), request)
        return Response(page.to_json(serializers.ProjectRow))

    @extend_schema(
        operation_id="project_create", tags=["projects"], request=serializers.NewProject,
        responses={201: serializers.ProjectRow}, summary="Make a project that you own",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        sent = serializers.NewProject(data=request.data)
        sent.is_valid(raise_exception=True)
        made = projects.create(name=sent.validated_data["name"], by=person(request), at=now())
        return Response(serializers.ProjectRow(_projects(request).get(pk=made.pk)).data, status=201)


class ProjectView(APIView):
    @extend_schema(operation_id="project", tags=["projects"], responses=serializers.ProjectRow, summary="One project")
    def get(self, request: Request, slug: str) -> Response:
        found = access.project_for(person(request), slug, needs=Action.SEE)
        return Response(serializers.ProjectRow(_projects(request).get(pk=found.pk)).data)


def _projects(request: Request) -> QuerySet[Project]:
    mine = Project.objects.filter(memberships__user=person(request))
    return mine.annotate(role=F("memberships__role"))


class MembersView(APIView):
    @extend_schema(
        operation_id="member_list", tags=["members"], parameters=[paging.Wanted], summary="Who takes part",
        responses=paging.page_of(serializers.Member, "MemberPage"),
    )  # fmt: skip
    def get(self, request: Request, slug: str) -> Response:
        project = access.project_for(person(request), slug, needs=Action.SEE)
        rows = project.memberships.select_related("user")
        return Response(paging.page(rows, request).to_json(serializers.Member))

    @extend_schema(
        operation_id="member_add", tags=["members"], request=serializers.NewMember,
        responses={201: serializers.Member}, summary="Let somebody take part",
    )  # fmt: skip
    def post(self, request: Request, slug: str) -> Response:
        """409 `already_member`; 422 `no_such_person` when nobody has signed up with this address."""
        project = access.project_for(person(request), slug, needs=Action.INVITE)
        sent = serializers.NewMember(data=request.data)
        sent.is_valid(raise_exception=True)
        email, role = sent.validated_data["email"], Role(sent.validated_data["role"])
        member = projects.add_member(project, email=email, role=role, by=person(request), at=now())
        return Response(serializers.Member(member).data, status=201)


class MemberView(APIView):
    @extend_schema(
        operation_id="member_change", tags=["members"], request=serializers.NewRole,
        responses=serializers.Member,
        summary="Give a member another role",
    )  # fmt: skip
    def patch(self, request: Request, slug: str, user_id: int) -> Response:
        """409 `last_owner` when nobody would own the project any more."""
        member = _member(request, slug, user_id, needs=Action.INVITE)
        sent = serializers.NewRole(data=request.data)
        sent.is_valid(raise_exception=True)
        projects.change_role(member, role=Role(sent.validated_data["role"]), by=person(request), at=now())
        return Response(serializers.Member(member).data)

    @extend_schema(operation_id="member_remove", tags=["members"], responses={204: None}, summary="End a membership")
    def delete(self, request: Request, slug: str, user_id: int) -> Response:
        """Everybody may leave; others are removed by maintainers and owners. 409 `last_owner`."""
        leaves = person(request).pk == user_id
        member = _member(request, slug, user_id, needs=Action.SEE if leaves else Action.INVITE)
        projects.remove_member(member, by=person(request), at=now())
        return Response(status=204)


def _member(request: Request, slug: str, user_id: int, *, needs: Action) -> Membership:
    project = access.project_for(person(request), slug, needs=needs)
    member = project.memberships.select_related("user", "project").filter(user__id=user_id).first()
    if member is None:
        raise Http404
    return member


class UsageView(APIView):
    @extend_schema(
        operation_id="usage", tags=["projects"], responses=serializers.Usage, summary="What a project stores"
    )
    def get(self, request: Request, slug: str) -> Response:
        project = access.project_for(person(request), slug, needs=Action.SEE)
        return Response(serializers.Usage(quotas.usage(project)).data)


class PersonalUsageView(APIView):
    @extend_schema(
        operation_id="personal_usage", tags=["projects"], responses=serializers.PersonalUsage,
        summary="What the projects that you made store",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        return Response(serializers.PersonalUsage(quotas.personal_usage(person(request))).data)


class NotificationsView(APIView):
    @extend_schema(
        operation_id="notification_list", tags=["notifications"], parameters=[paging.Wanted],
        summary="What you were told", responses=paging.page_of(serializers.NotificationRow, "NotificationPage"),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        page = paging.page(notifications.listed(person(request)), request)
        return Response(page.to_json(serializers.NotificationRow))


class NotificationsReadView(APIView):
    @extend_schema(
        operation_id="notification_read", tags=["notifications"], request=serializers.Read,
        responses=serializers.Unread, summary="Mark as read",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Ids that are not yours, or are read already, change nothing."""
        sent = serializers.Read(data=request.data)
        sent.is_valid(raise_exception=True)
        user = person(request)
        notifications.read(user=user, ids=sent.validated_data.get("ids"), at=now())
        return Response({"unread": notifications.unread(user)})


urlpatterns = [
    path("auth/token", TokenView.as_view(), name="api-token"),
    path("auth/refresh", RefreshView.as_view(), name="api-token-refresh"),
    path("auth/sign-out", SignOutView.as_view(), name="api-token-end"),
    path("me", MeView.as_view(), name="api-me"),
    path("me/programs", ProgramsView.as_view(), name="api-programs"),
    path("me/programs/<str:family_id>", ProgramView.as_view(), name="api-program"),
    path("me/usage", PersonalUsageView.as_view(), name="api-personal-usage"),
    path("projects", ProjectsView.as_view(), name="api-projects"),
    path("projects/<slug:slug>", ProjectView.as_view(), name="api-project"),
    path("projects/<slug:slug>/members", MembersView.as_view(), name="api-members"),
    path("projects/<slug:slug>/members/<int:user_id>", MemberView.as_view(), name="api-member"),
    path("projects/<slug:slug>/usage", UsageView.as_view(), name="api-usage"),
    path("notifications", NotificationsView.as_view(), name="api-notifications"),
    path("notifications/read", NotificationsReadView.as_view(), name="api-notifications-read"),
]
