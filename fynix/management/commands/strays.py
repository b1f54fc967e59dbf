"""`manage.py strays`: files that no row names any more; `--remove` removes them, as the schedule does."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from fynix import tables
from fynix.safekeeping import strays


class Command(BaseCommand):
    help = "List the files that no row has named for a day, or remove them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--remove", action="store_true", help="remove them")

    def handle(self, *, remove: bool, **_: Any) -> None:
        tables.require()
        if remove:
            self.stdout.write(f"{strays.remove(at=timezone.now())} files removed.")
            return
        for sha256 in strays.found(at=timezone.now()):
            self.stdout.write(sha256)
