"""`manage.py token ada@example.org`: a personal token for scripts, printed once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from fynix import tables
from fynix.errors import DomainError


class Command(BaseCommand):
    help = "Make a personal token for a person and print it; it is shown only this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="command line", help="What the token is for.")
        parser.add_argument("--days", type=int, default=tokens.USUAL_DAYS, help="How long it lives.")

    def handle(self, *, email: str, name: str, days: int, **_: Any) -> None:
        tables.require()
        user = User.objects.filter(email=email.lower(), is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody has signed up here as {email}.")
        try:
            _token, secret = tokens.create(user=user, name=name, days=days, at=timezone.now())
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(secret)
