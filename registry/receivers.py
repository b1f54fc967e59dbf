"""What the registry does when a run has finished."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from registry import versions
from training.models import Run
from training.signals import run_finished


@receiver(run_finished, dispatch_uid="registry.register")
def register(sender: object, *, run: Run, at: datetime, **_: Any) -> None:
    versions.register(run=run, at=at)
