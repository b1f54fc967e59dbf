"""`manage.py backup FOLDER`: everything that would be missed, while the product runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from fynix.safekeeping import backup
from fynix.safekeeping.databases import ToolFailed
from fynix.safekeeping.manifest import Unusable
from fynix.templatetags.figures import bytes_


class Command(BaseCommand):
    help = "Copy the database and every file that it names into a new folder, while the product runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="new or empty")

    def handle(self, *, folder: Path, **_: Any) -> None:
        try:
            made = backup.make(folder, at=timezone.now())
        except (Unusable, ToolFailed) as error:
            raise CommandError(str(error)) from None
        rows = sum(made.rows.values())
        self.stdout.write(f"{folder}: {rows:,} rows, {len(made.blobs):,} files, {bytes_(made.size_bytes)}")
        if made.damaged:
            raise CommandError(
                f"{len(made.damaged)} files were not there or not whole and are missing from this backup: "
                f"{', '.join(made.damaged[:5])}. `manage.py verify` says which rows need them."
            )
