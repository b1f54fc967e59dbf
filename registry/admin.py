"""Django admin as the tool for promotion: models with Promote and Roll back, the ledger to read."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.timezone import now

from fynix.admin import ReadOnly
from fynix.errors import DomainError
from registry import promotion, prospects, versions
from registry.forms import MoveForm, PromoteForm, RollbackForm
from registry.models import Approval, Decision, ModelVersion, Promotion, RegisteredModel


class VersionInline(admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """The versions of a model with a link to promote each."""

    model = ModelVersion
    fields = readonly_fields = (
        "number",
        "state",
        "is_production",
        "main_metric",
        "main_value",
        "created_by",
        "created_at",
        "move",
    )
    extra = 0
    can_delete = False
    ordering = ("-number",)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description="Production")
    def move(self, version: ModelVersion) -> str:
        if version.is_production:
            return "in production"
        return format_html('<a href="{}">Promote…</a>', reverse("admin:registry_promote", args=[version.pk]))


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ReadOnly):
    list_display = ("name", "project", "task", "target", "in_production", "waiting", "roll_back_link", "demote_link")
    list_filter = ("task", "project")
    search_fields = ("name", "project__name", "target")
    inlines = (VersionInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        return super().get_queryset(request).select_related("project").prefetch_related("versions__approvals")

    @admin.display(description="In production")
    def in_production(self, model: RegisteredModel) -> str:
        current = versions.production(model)
        return f"version {current.number}" if current else "none"

    @admin.display(description="Asked for")
    def waiting(self, model: RegisteredModel) -> str:
        asked = [each for each in model.versions.all() if _is_waiting(each)]
        links = ((reverse("admin:registry_promote", args=[each.pk]), each.number) for each in asked)
        return format_html_join(", ", '<a href="{}">version {}</a>', links)

    @admin.display(description="Way back")
    def roll_back_link(self, model: RegisteredModel) -> str:
        if promotion.previous(versions.production(model)) is None:
            return ""
        return format_html('<a href="{}">Roll back…</a>', reverse("admin:registry_rollback", args=[model.pk]))

    @admin.display(description="Take out")
    def demote_link(self, model: RegisteredModel) -> str:
        if versions.production(model) is None:
            return ""
        return format_html('<a href="{}">Take out…</a>', reverse("admin:registry_demote", args=[model.pk]))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("promote/<str:version_id>/", wrap(self.promote), name="registry_promote"),
            path("rollback/<str:model_id>/", wrap(self.roll_back), name="registry_rollback"),
            path("demote/<str:model_id>/", wrap(self.demote), name="registry_demote"),
            *super().get_urls(),
        ]

    def promote(self, request: HttpRequest, version_id: str) -> HttpResponse:
        """Confirm page: from, to, checks, figures, evidence, and the reason."""
        _require(request, "registry.promote_modelversion")
        version = get_object_or_404(
            ModelVersion.objects.select_related("model__project", "run__outcome"), pk=version_id
        )
        form = PromoteForm(request.POST or None, version=version, initial={"revision": version.model.revision})

        def move(revision: int) -> None:
            promotion.promote(version=version, by=request.user, said=form.said, seen_revision=revision, at=now())  # type: ignore[arg-type]  # staff are users

        prospect = prospects.to_promote(version, evidence=form["evidence"].value() or "")
        return self._confirm(request, prospect, form, move)

    def roll_back(self, request: HttpRequest, model_id: str) -> HttpResponse:
        """Confirm page for the way back, with the model's name retyped."""
        _require(request, "registry.rollback_modelversion")
        return self._retyped(request, model_id, prospects.to_roll_back, promotion.rollback)

    def demote(self, request: HttpRequest, model_id: str) -> HttpResponse:
        """Confirm page for taking the version out, with the model's name retyped."""
        _require(request, "registry.demote_modelversion")
        return self._retyped(request, model_id, prospects.to_demote, promotion.demote)

    def _retyped(
        self,
        request: HttpRequest,
        model_id: str,
        look: Callable[[RegisteredModel], prospects.Prospect | None],
        verb: Callable[..., Promotion],
    ) -> HttpResponse:
        model = get_object_or_404(RegisteredModel.objects.select_related("project"), pk=model_id)
        prospect = look(model)
        if prospect is None:
            self.message_user(request, f"{model.name} has no version to do this with.", "warning")
            return redirect("admin:registry_registeredmodel_changelist")
        form = RollbackForm(request.POST or None, model_name=model.name, initial={"revision": model.revision})

        def move(revision: int) -> None:
            reason = form.cleaned_data["reason"]
            verb(model=model, by=request.user, reason=reason, seen_revision=revision, at=now())

        return self._confirm(request, prospect, form, move)

    def _confirm(
        self, request: HttpRequest, prospect: prospects.Prospect, form: MoveForm, move: Callable[[int], None]
    ) -> HttpResponse:
        if request.method == "POST" and form.is_valid():
            try:
                move(form.cleaned_data["revision"])
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.message)
            else:
                now_in = f"version {prospect.chosen.number}" if prospect.chosen else "nothing"
                self.message_user(request, f"{prospect.model.name}: {now_in} is in production.")
                return redirect("admin:registry_registeredmodel_change", prospect.model.pk)
        context = {
            **self.admin_site.each_context(request),
            "prospect": prospect,
            "members": prospect.model.project.memberships.count(),
            "form": form,
            "opts": self.opts,
            "title": f"{prospect.button}: {prospect.model.name}",
        }
        return render(request, "admin/registry/move.html", context, status=422 if form.errors else 200)


@admin.register(Promotion)
class PromotionAdmin(ReadOnly):
    """The ledger: who moved what, when and why."""

    list_display = ("at", "model", "action", "from_version", "to_version", "by", "reason", "override", "evidence_id")
    list_filter = ("action", "model__project")
    search_fields = ("reason", "model__name", "by__email")
    ordering = ("-at",)
    list_select_related = ("model", "from_version", "to_version", "by")


@admin.register(Approval)
class ApprovalAdmin(ReadOnly):
    """Who asked for production, and who answered what."""

    list_display = ("at", "version", "decision", "by", "reason")
    list_filter = ("decision", "version__model__project")
    search_fields = ("reason", "version__model__name", "by__email")
    ordering = ("-at",)
    list_select_related = ("version", "by")


def _is_waiting(version: ModelVersion) -> bool:
    steps = sorted(version.approvals.all(), key=lambda step: step.seq)
    return bool(steps) and steps[-1].decision == Decision.REQUESTED


def _require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied
