"""`manage.py restore FOLDER`: a backup put back into an empty server."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from fynix import env
from fynix.safekeeping import restore
from fynix.safekeeping.databases import ToolFailed
from fynix.safekeeping.manifest import Unusable
from fynix.supervisor import AlreadyRunning, only_one


class Command(BaseCommand):
    help = "Put a backup back into an empty database and an empty file store, then verify them."
    requires_system_checks = ()  # they ask the database, which has no tables yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="that `manage.py backup` wrote")

    def handle(self, *, folder: Path, **_: Any) -> None:
        try:
            with only_one(env.data_dir()):
                made = restore.put_back(folder, at=timezone.now())
        except AlreadyRunning as holder:
            raise CommandError(f"It runs in {env.data_dir()} (process {holder}). Stop it first.") from None
        except (Unusable, ToolFailed) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Restored what was backed up at {made.made_at}.")
        call_command("verify", stdout=self.stdout)
