from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import groups, receivers  # noqa: F401, PLC0415  they need the loaded apps

        _track_changes()
        post_migrate.connect(groups.grant, dispatch_uid="accounts.groups.grant")


def _track_changes() -> None:
    """Field-level diffs, beside the record of key actions."""
    from auditlog.registry import auditlog  # noqa: PLC0415  it needs the loaded apps

    from accounts.models import Allowance, Membership, PersonalAllowance, Project, User  # noqa: PLC0415

    auditlog.register(User, exclude_fields=["password", "last_login"])
    auditlog.register(Allowance, include_fields=["limit_bytes"])
    auditlog.register(PersonalAllowance, include_fields=["limit_bytes"])
    auditlog.register(Membership)
    auditlog.register(Project)
