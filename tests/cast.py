"""The people of the tests, and how they reach the product: a browser's session or a program's token."""

from dataclasses import dataclass, fields

from django.contrib.auth.models import Group
from django.test import Client
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import Project, Role, User
from tests import make


@dataclass(frozen=True)
class Cast:
    """Ada owns acme, Mia maintains it, Ben analyses, Vic looks; Mallory owns elsewhere; Sue supports."""

    acme: Project
    elsewhere: Project
    ada: User
    mia: User
    ben: User
    vic: User
    mallory: User
    sue: User

    def people(self) -> dict[str, User]:
        """Every person by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, User)}

    def keys(self) -> dict[str, object]:
        """The keys of them all, by name."""
        return {field.name: getattr(self, field.name).pk for field in fields(self)}


def cast_of(keys: dict[str, object]) -> Cast:
    """The cast with these keys, fresh from the database."""
    found = {**User.objects.in_bulk(), **Project.objects.in_bulk()}
    return Cast(**{name: found[key] for name, key in keys.items()})


def gather() -> Cast:
    ada, mia, ben, vic, mallory, sue = map(make.user, ("ada", "mia", "ben", "vic", "mallory", "sue"))
    acme = make.project("Acme", owner=ada)
    for person, role in ((mia, Role.MAINTAINER), (ben, Role.ANALYST), (vic, Role.VIEWER)):
        make.member(acme, person, role)
    elsewhere = make.project("Elsewhere", owner=mallory)
    User.objects.filter(pk=sue.pk).update(is_staff=True)
    sue.refresh_from_db()
    sue.groups.add(Group.objects.get(name="support"))
    return Cast(acme, elsewhere, ada, mia, ben, vic, mallory, sue)


def as_(person: User | None) -> Client:
    """The person's browser, signed in; None is a visitor who has not signed in."""
    client = Client()
    if person is not None:
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def api(person: User | None) -> APIClient:
    """The person's program, with a fresh access token; it speaks JSON."""
    client = APIClient()
    if person is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(person)}")
    return client
