"""What staff change about a person, on the record."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User


def update(user: User, *, changed: Sequence[str], by: User, at: datetime) -> None:
    """Save the person and record which of their rights were touched and what these are now."""
    with transaction.atomic():
        user.save()
        rights = {"is_active": user.is_active, "is_staff": user.is_staff, "is_superuser": user.is_superuser}
        audit.record(
            audit.Act.USER_CHANGE, actor=by, subject=f"user:{user.pk}", detail={"changed": [*changed], **rights}, at=at
        )
