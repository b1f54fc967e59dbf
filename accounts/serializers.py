"""What the API says and hears about people, projects and tokens."""

from typing import Any

from rest_framework import serializers

from accounts import notifications
from accounts.models import Allowance, Invitation, Membership, Notification, Project, Role, TokenFamily


class Access(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Send it as `Authorization: Bearer <access>`.")
    access_expires_at = serializers.DateTimeField(help_text="Ask for a new one before then.")


class NewlyIn(Access):
    refresh = serializers.CharField(required=False, help_text="Only when you asked for one. It works once.")
    refresh_expires_at = serializers.DateTimeField(required=False, help_text="30 days from now.")


class NewAccess(serializers.Serializer[Any]):
    refresh = serializers.BooleanField(
        default=False, help_text="Whether you want a refresh token, to go on without the personal token."
    )


class Refresh(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=200, help_text="The newest refresh token that you got.")


class Refreshed(Access):
    refresh = serializers.CharField(help_text="The refresh token for the next time; the one that you sent is used up.")
    refresh_expires_at = serializers.DateTimeField(help_text="30 days after the sign-in; sign in again before then.")


class Program(serializers.ModelSerializer[TokenFamily]):
    token = serializers.CharField(
        source="token.name", default=None, allow_null=True, read_only=True,
        help_text="The name of the personal token that it signed in with; null: the session of a browser.",
    )  # fmt: skip

    class Meta:
        model = TokenFamily
        fields = ["id", "token", "address", "created_at", "used_at", "expires_at"]
        extra_kwargs = {
            "address": {"help_text": "The network address that it was used from last; null when unknown."},
            "created_at": {"help_text": "When it signed in."},
            "used_at": {"help_text": "When it last asked for a new token; null: not since it signed in."},
            "expires_at": {"help_text": "When it has to sign in again."},
        }


class Me(serializers.Serializer[Any]):
    email = serializers.EmailField(help_text="The address you sign in with.")
    name = serializers.CharField(help_text="How others see you; may be empty.")
    is_staff = serializers.BooleanField(help_text="Whether you may open the administration.")


class ProjectRow(serializers.ModelSerializer[Project]):
    role = serializers.ChoiceField(Role.choices, help_text="Your role in it.")

    class Meta:
        model = Project
        fields = ["id", "slug", "name", "role", "created_at"]
        extra_kwargs = {
            "slug": {"help_text": "Its name in addresses; it does not change."},
            "name": {"help_text": "Its name for people."},
        }


class NewProject(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80, help_text="Its name for people.")


class Member(serializers.ModelSerializer[Membership]):
    user_id = serializers.IntegerField(help_text="The person's number on this server.")
    email = serializers.EmailField(source="user.email", help_text="The person's address.")
    name = serializers.CharField(source="user.name", help_text="The person's name; may be empty.")

    class Meta:
        model = Membership
        fields = ["user_id", "email", "name", "role", "created_at"]
        extra_kwargs = {"role": {"help_text": "viewer, analyst, maintainer or owner."}}


class NewMember(serializers.Serializer[Any]):
    email = serializers.EmailField(help_text="The address of a person who has signed up here.")
    role = serializers.ChoiceField(Role.choices, help_text="What they may do.")


class InvitationRow(serializers.ModelSerializer[Invitation]):
    invited_by = serializers.EmailField(source="invited_by.email", help_text="Who invites.")

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "invited_by", "created_at", "sent_at", "expires_at", "renewals"]
        extra_kwargs = {
            "email": {"help_text": "Who is invited."},
            "role": {"help_text": "What they may do once they have accepted."},
            "sent_at": {"help_text": "When the link went by e-mail; null: it did not, and you pass it on."},
            "expires_at": {"help_text": "When its link ends; send it again to make another."},
            "renewals": {"help_text": "How often it was sent again, at most 5 times."},
        }


class SentInvitation(InvitationRow):
    link = serializers.SerializerMethodField(help_text="The link, this once; empty when it went by e-mail.")

    class Meta(InvitationRow.Meta):
        fields = [*InvitationRow.Meta.fields, "link"]

    def get_link(self, row: Invitation) -> str:
        return str(self.context["link"])


class NewInvitation(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254, help_text="Whom you invite; they need no account yet.")
    role = serializers.ChoiceField(Role.choices, help_text="What they may do once they have accepted.")


class InvitationAnswer(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=200, help_text="What follows `/invitation/` in the link that you got.")


class NewRole(serializers.Serializer[Any]):
    role = serializers.ChoiceField(Role.choices, help_text="What the person may do from now on.")


class Usage(serializers.Serializer[Any]):
    limit_bytes = serializers.IntegerField(help_text="What the project may hold.")
    used_bytes = serializers.IntegerField(help_text="What it holds.")
    reserved_bytes = serializers.IntegerField(help_text="What is promised to uploads under way.")
    kinds = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="The bytes held, by what they are: datasets, artifacts and so on.",
    )


class ProjectUsage(serializers.ModelSerializer[Allowance]):
    project = serializers.SlugField(source="project.slug", help_text="The project's name in addresses.")

    class Meta:
        model = Allowance
        fields = ["project", "limit_bytes", "used_bytes", "reserved_bytes"]
        extra_kwargs = {
            "limit_bytes": {"help_text": "What the project may hold."},
            "used_bytes": {"help_text": "What it holds."},
            "reserved_bytes": {"help_text": "What is promised to uploads under way."},
        }


class PersonalUsage(serializers.Serializer[Any]):
    limit_bytes = serializers.IntegerField(help_text="What all projects that you made may hold together.")
    used_bytes = serializers.IntegerField(help_text="What they hold.")
    reserved_bytes = serializers.IntegerField(help_text="What is promised to uploads under way in them.")
    projects = ProjectUsage(many=True, help_text="Each of these projects, the fullest first.")


class NotificationRow(serializers.ModelSerializer[Notification]):
    project = serializers.SlugField(
        source="project.slug", read_only=True, allow_null=True,
        help_text="The project's name in addresses; null when it concerns the whole server.",
    )  # fmt: skip
    sentence = serializers.SerializerMethodField(help_text="What happened, in one sentence.")
    url = serializers.CharField(source="address", help_text="The page to look at; empty when there is none.")

    class Meta:
        model = Notification
        fields = ["id", "kind", "project", "sentence", "detail", "url", "created_at", "read_at"]
        extra_kwargs = {
            "kind": {"help_text": "What it is about, for programs."},
            "detail": {"help_text": "A result, a cause or a reason; may be empty."},
            "read_at": {"help_text": "When you read it; null before."},
        }

    def get_sentence(self, row: Notification) -> str:
        return notifications.sentence(row)


class Read(serializers.Serializer[Any]):
    ids = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=200, required=False,
        help_text="Which ones; all that came until now when left out.",
    )  # fmt: skip


class Unread(serializers.Serializer[Any]):
    unread = serializers.IntegerField(help_text="How many wait to be read, counted up to 100.")
