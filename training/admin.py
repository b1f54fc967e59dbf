"""Runs in the admin: to look at, not to touch."""

from django.contrib import admin

from fynix.admin import ReadOnly
from training.models import Run


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = (
        "number",
        "name",
        "project",
        "target",
        "state",
        "main_metric",
        "main_value",
        "created_by",
        "created_at",
    )
    list_select_related = ("project", "job", "created_by")
    search_fields = ("id", "name", "model_name", "target")
    date_hierarchy = "created_at"

    @admin.display(ordering="job__state")
    def state(self, run: Run) -> str:
        return str(run.job.get_state_display())
