"""Runs what happens by the clock, until it is told to stop."""

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from fynix import schedule


class Command(BaseCommand):
    help = "Run the sweepers by the clock until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        scheduler = schedule.build()

        def stop(signum: int, frame: FrameType | None) -> None:
            raise SystemExit

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            scheduler.start()
        except SystemExit:
            scheduler.shutdown()
