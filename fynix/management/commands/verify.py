"""`manage.py verify`: whether rows, files, history, quotas and events are whole."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from fynix.safekeeping import invariants


class Command(BaseCommand):
    help = "Check rows, files, history, quotas and events against each other; exit status 1 if anything is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quick", action="store_true", help="look whether files are there, without reading them")

    def handle(self, *, quick: bool, **_: Any) -> None:
        broken = 0
        for rule in invariants.QUICK if quick else invariants.THOROUGH:
            breaches = list(rule.breaches(timezone.now()))
            self.stdout.write(f"{'BROKEN' if breaches else 'ok':8}{rule.sentence}")
            for breach in breaches:
                self.stdout.write(f"        {breach}")
            broken += len(breaches)
        if broken:
            raise CommandError(f"{broken} things are not as they should be. docs/operate.md says what to do.")
