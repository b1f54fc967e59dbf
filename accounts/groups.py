"""Staff groups and what their members may open in the admin."""

from typing import Any

from django.apps import AppConfig

GRANTS: dict[str, dict[str, tuple[str, ...]]] = {
    "support": {
        "accounts": (
            "view_auditevent",
            "view_project",
            "view_membership",
            "view_invitation",
            "view_user",
            "view_allowance",
            "view_personalallowance",
        ),
        "alerts": ("view_alert",),
        "auditlog": ("view_logentry",),
        "datasets": ("view_dataset", "view_datasetversion"),
        "training": ("view_run",),
        "registry": ("view_registeredmodel", "view_modelversion", "view_promotion", "view_artifact", "view_approval"),
    },
}
"""Group to app to permissions. Support reads who did what, names, sizes and states; never a cell value."""


def grant(sender: AppConfig, **_: Any) -> None:
    """After an app's migrations: the groups exist and hold exactly what the table grants in that app."""
    from django.contrib.auth.models import Group, Permission  # noqa: PLC0415  needs the loaded apps

    for name, apps in GRANTS.items():
        if sender.label in apps:
            group = Group.objects.get_or_create(name=name)[0]
            held = Permission.objects.filter(content_type__app_label=sender.label)
            group.permissions.remove(*held.exclude(codename__in=apps[sender.label]))
            group.permissions.add(*held.filter(codename__in=apps[sender.label]))
