"""Django admin for people, projects, allowances and the audit; signing in to it goes through the product's own page."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.timezone import now

from accounts import access, people, quotas
from accounts.models import Allowance, AuditEvent, Invitation, Membership, PersonalAllowance, Project, User
from fynix.admin import ReadOnly

# Django's own form would let a password in without the second factor and without a rate limit.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

# Their own pages show the secret of a second factor and the key of a session: with either, staff could be anybody.
admin.site.unregister([Authenticator, UserSession])

# Its chooser of two lists names things that take no name, and styles itself inline, which the policy refuses.
admin.site.unregister(Group)


@admin.register(Group)
class RightsAdmin(GroupAdmin):
    filter_horizontal = ()


class Endable(admin.ModelAdmin[Any]):
    """Staff see that it is there and may end it, as when a telephone was lost; the secret in it is for nobody."""

    search_fields = ("user__email",)
    list_select_related = ("user",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Authenticator)
class AuthenticatorAdmin(Endable):
    list_display = fields = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)


@admin.register(UserSession)
class UserSessionAdmin(Endable):
    list_display = fields = ("user", "created_at", "last_seen_at", "ip", "user_agent")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ("seq", "at", "action", "who", "via", "project", "subject", "what")
    list_filter = ("action", "via", "project")
    list_select_related = ("project",)
    search_fields = ("actor_email", "subject", "request_id", "project__slug", "project__name", "detail")
    search_help_text = "An address, a project, an id, the id of a request, a reason."
    date_hierarchy = "at"
    ordering = ("-seq",)

    @admin.display(description="by", ordering="actor_email")
    def who(self, event: AuditEvent) -> str:
        return event.actor_email or "the server"

    @admin.display(description="what")
    def what(self, event: AuditEvent) -> str:
        """The facts beside the action, as words."""
        return ", ".join(f"{name}: {value}" for name, value in sorted(event.detail.items()))


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    """People sign up by themselves and are switched off here, never deleted: history names them."""

    list_display = ("email", "name", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff", "groups")
    search_fields = ("email", "name")
    ordering = ("email",)
    fields = ("email", "name", "is_active", "is_staff", "is_superuser", "groups", "date_joined", "last_login")
    readonly_fields = ("email", "date_joined", "last_login")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Who may change people may still not hand out more than they hold."""
        rights = () if access.person(request).is_superuser else ("is_staff", "is_superuser", "groups")
        return (*self.readonly_fields, *rights)

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm[Any], change: bool) -> None:
        people.update(obj, changed=form.changed_data, by=access.person(request), at=now())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class MembershipInline(admin.TabularInline[Membership, Project]):
    """Members are changed by the project's own people."""

    model = Membership
    fields = readonly_fields = ("user", "role", "created_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Project)
class ProjectAdmin(ReadOnly):
    list_display = ("name", "slug", "created_by", "created_at")
    search_fields = ("name", "slug")
    inlines = (MembershipInline,)


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ("email", "project", "role", "state", "invited_by", "created_at", "expires_at")
    list_filter = ("state",)
    list_select_related = ("project", "invited_by")
    search_fields = ("email", "project__slug", "project__name")
    exclude = ("token_sha256",)


class LimitAdmin(admin.ModelAdmin[Any]):
    """Only the limit may be changed; the figures beside it are the ledger's."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Allowance)
class AllowanceAdmin(LimitAdmin):
    """How much each project may store."""

    list_display = fields = ("project", "limit_bytes", "used_bytes", "reserved_bytes")
    list_select_related = ("project",)
    readonly_fields = ("project", "used_bytes", "reserved_bytes")

    def save_model(self, request: HttpRequest, obj: Allowance, form: forms.ModelForm[Any], change: bool) -> None:
        quotas.set_limit(project=obj.project, limit_bytes=obj.limit_bytes, by=access.person(request), at=now())


@admin.register(PersonalAllowance)
class PersonalAllowanceAdmin(LimitAdmin):
    """How much all projects that a person made may store together."""

    list_display = fields = ("user", "limit_bytes", "used_bytes", "reserved_bytes")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    readonly_fields = ("user", "used_bytes", "reserved_bytes")

    def save_model(
        self, request: HttpRequest, obj: PersonalAllowance, form: forms.ModelForm[Any], change: bool
    ) -> None:
        quotas.set_personal_limit(user=obj.user, limit_bytes=obj.limit_bytes, by=access.person(request), at=now())
