"""Alerts in the administration, to be looked up; they come and go by themselves."""

from django.contrib import admin

from fynix.admin import ReadOnly
from fynix.alerts.models import Alert, Delivery


@admin.register(Alert)
class AlertAdmin(ReadOnly):
    list_display = ("since", "rule", "name", "severity", "fired_at", "resolved_at")
    list_filter = ("rule", "severity")
    search_fields = ("subject", "name")
    ordering = ("-since",)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    list_display = ("created_at", "channel", "occasion", "alert", "attempts", "done_at", "given_up_at", "error")
    list_filter = ("channel", "occasion")
    list_select_related = ("alert",)
    ordering = ("-created_at",)
