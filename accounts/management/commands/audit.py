"""`manage.py audit verify`: whether the record of key actions is as it was written; `audit head`: where it ends."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import audit
from fynix import tables


class Command(BaseCommand):
    help = "Check that no audit event was changed, removed or inserted, or print where the chain ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("task", choices=["verify", "head"])
        parser.add_argument("--head", default="", help="an end that was noted earlier; the chain must go through it")

    def handle(self, *, task: str, head: str, **_: Any) -> None:
        tables.require()
        if task == "head":
            self.stdout.write(str(audit.head()))
            return
        held, broken = audit.verify()
        if broken is not None:
            raise CommandError(f"The chain is broken at event {broken}; the {held} events before it hold.")
        if head and not audit.holds(head):
            raise CommandError("The chain holds, but does not go through the noted end: it was written anew.")
        self.stdout.write(f"All {held} events hold.")
