"""Runs one claimed job in this process. Started by a worker, not by people."""

import sys
from argparse import ArgumentParser
from typing import Any

from auditlog.context import set_actor
from django.conf import settings
from django.core.management.base import BaseCommand

from accounts import audit
from accounts.models import User
from fynix import leash
from fynix.queue import work
from fynix.queue.models import Job
from fynix.queue.supervision import RELEASED


class Command(BaseCommand):
    help = "Run one claimed job in this process (workers call this)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job")
        parser.add_argument("attempt", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        leash.die_with_parent()
        leash.limit_memory(settings.JOB_MEMORY_BYTES)
        asker = User.objects.filter(pk=Job.objects.get(pk=options["job"]).user_id).first()
        with audit.via("worker"), set_actor(asker):  # what changes here changes for whoever asked for the work
            finished = work.execute(job_id=options["job"], attempt=options["attempt"])
        if not finished:
            sys.exit(RELEASED)
