"""What a person sets for themselves."""

from datetime import datetime

from accounts.models import User


def set_shortcuts(*, user: User, on: bool) -> None:
    """Whether single keys act on the person's pages."""
    user.shortcuts = on
    user.save(update_fields=["shortcuts"])


def close_first_steps(*, user: User, at: datetime) -> None:
    """Put the first steps on home away for good."""
    User.objects.filter(pk=user.pk, first_steps_closed_at__isnull=True).update(first_steps_closed_at=at)
