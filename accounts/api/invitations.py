"""Endpoints of invitations."""

from django.http import Http404
from django.urls import path
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import access, invitations, serializers
from accounts.access import Action, person
from accounts.invitations import Invited
from accounts.models import Invitation, Role
from accounts.requests import site
from fynix import paging


class InvitationsView(APIView):
    @extend_schema(
        operation_id="invitation_list", tags=["members"], parameters=[paging.Wanted], summary="Who is invited",
        responses=paging.page_of(serializers.InvitationRow, "InvitationPage"),
    )  # fmt: skip
    def get(self, request: Request, slug: str) -> Response:
        """Those that nobody has answered yet."""
        project = access.project_for(person(request), slug, needs=Action.INVITE)
        page = paging.page(invitations.pending(project), request)
        return Response(page.to_json(serializers.InvitationRow))

    @extend_schema(
        operation_id="invitation_send", tags=["members"], request=serializers.NewInvitation,
        responses={201: serializers.SentInvitation}, summary="Invite an address",
    )  # fmt: skip
    def post(self, request: Request, slug: str) -> Response:
        """409 `already_member` or `already_invited`; 429 `too_many_invitations`."""
        project = access.project_for(person(request), slug, needs=Action.INVITE)
        sent = serializers.NewInvitation(data=request.data)
        sent.is_valid(raise_exception=True)
        email, role = sent.validated_data["email"], Role(sent.validated_data["role"])
        made = invitations.invite(
            project, email=email, role=role, by=person(request), site=site(request), at=now()
        )  # fmt: skip
        return _answer(made)


class InvitationView(APIView):
    @extend_schema(
        operation_id="invitation_revoke", tags=["members"], responses={204: None}, summary="Take an invitation back"
    )
    def delete(self, request: Request, slug: str, invitation_id: str) -> Response:
        """Its link ends at once. 409 `invitation_over` when it was answered before."""
        invitations.revoke(_found(request, slug, invitation_id), by=person(request), at=now())
        return Response(status=204)


class InvitationRenewView(APIView):
    @extend_schema(
        operation_id="invitation_renew", tags=["members"], request=None, responses={201: serializers.SentInvitation},
        summary="Send an invitation again",
    )  # fmt: skip
    def post(self, request: Request, slug: str, invitation_id: str) -> Response:
        """With a new link and a new week; the former link ends. 409 `invitation_over`, 429 `too_many_invitations`."""
        found = _found(request, slug, invitation_id)
        return _answer(invitations.renew(found, by=person(request), site=site(request), at=now()))


class AcceptView(APIView):
    @extend_schema(
        operation_id="invitation_accept", tags=["members"], request=serializers.InvitationAnswer,
        responses={201: serializers.Member}, summary="Accept an invitation",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """403 `invitation_for_somebody_else`, 404 `no_such_invitation`, 409 `invitation_over`."""
        member = invitations.accept(_linked(request), by=person(request), at=now())
        return Response(serializers.Member(member).data, status=201)


class DeclineView(APIView):
    @extend_schema(
        operation_id="invitation_decline", tags=["members"], request=serializers.InvitationAnswer,
        responses={204: None}, summary="Decline an invitation",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Refusals as for accepting."""
        invitations.decline(_linked(request), by=person(request), at=now())
        return Response(status=204)


def _found(request: Request, slug: str, invitation_id: str) -> Invitation:
    project = access.project_for(person(request), slug, needs=Action.INVITE)
    found = project.invitations.select_related("project", "invited_by").filter(pk=invitation_id).first()
    if found is None:
        raise Http404
    return found


def _linked(request: Request) -> Invitation:
    sent = serializers.InvitationAnswer(data=request.data)
    sent.is_valid(raise_exception=True)
    return invitations.found(sent.validated_data["token"])


def _answer(made: Invited) -> Response:
    said = serializers.SentInvitation(made.invitation, context={"link": made.link})
    return Response(said.data, status=201)


urlpatterns = [
    path("projects/<slug:slug>/invitations", InvitationsView.as_view(), name="api-invitations"),
    path("projects/<slug:slug>/invitations/<str:invitation_id>", InvitationView.as_view(), name="api-invitation"),
    path(
        "projects/<slug:slug>/invitations/<str:invitation_id>/renew",
        InvitationRenewView.as_view(),
        name="api-invitation-renew",
    ),
    path("invitations/accept", AcceptView.as_view(), name="api-invitation-accept"),
    path("invitations/decline", DeclineView.as_view(), name="api-invitation-decline"),
]
