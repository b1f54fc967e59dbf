"""Writes the feed's contract from the event types."""

from typing import Any

from django.core.management.base import BaseCommand

from fynix import env
from training import contract


class Command(BaseCommand):
    help = "Write docs/events.md, docs/events/*.json and docs/asyncapi.yaml from training/events.py."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, content in contract.documents().items():
            path = env.ROOT / "docs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            print(path)
