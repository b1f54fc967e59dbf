"""Every persona × what is no page and no endpoint: sockets, signed addresses, and every page of the administration.

Whom each lets in is read from the same matrix as the addresses; a socket that the table does not name fails.
"""

from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse
from django.utils.timezone import now

from accounts import projects
from accounts.access import Action
from accounts.models import User
from registry.models import ModelVersion
from tests.cast import Cast, api, as_
from tests.contracts.test_access_matrix import expected
from tests.registry.test_download import fetch
from tests.training.conftest import run  # noqa: F401
from tests.training.test_socket import listening, refused
from training.models import Run
from training.sockets import routes

SOCKETS: dict[str, Action] = {"run-feed": Action.SEE}
CLOSED = {"sign in": 4401, "not there": 4404, "not you": 4403}


def people(cast: Cast) -> dict[str, User | None]:
    return {"nobody": None, **cast.people()}


def test_the_table_names_every_socket() -> None:
    assert {route.name for route in routes} == set(SOCKETS)


@pytest.mark.django_db(transaction=True)
async def test_each_socket_lets_in_exactly_whom_the_table_says(cast: Cast, run: Run) -> None:  # noqa: F811
    for name, person in people(cast).items():
        told = expected(SOCKETS["run-feed"], name)
        if told == "come in":
            async with listening(run.pk, person) as socket:
                assert (await socket.frame())["type"] == "subscribed", name
        else:
            assert await refused(run.pk, person) == CLOSED[told], name


@pytest.mark.django_db(transaction=True)
async def test_each_person_gets_a_signed_address_or_not_and_it_ends_with_their_membership(
    cast: Cast, first: ModelVersion
) -> None:
    wheel = await first.artifacts.aget(format="wheel")

    def ask(person: User | None) -> tuple[int, str]:
        answer = api(person).post(f"/api/v1/artifacts/{wheel.pk}/download-url", {})
        return answer.status_code, answer.json().get("url", "")

    def leave(person: User) -> None:
        projects.remove_member(person.memberships.get(project=cast.acme), by=cast.ada, at=now())

    codes = {"come in": 201, "sign in": 401, "not there": 404, "not you": 403}
    links: dict[str, str] = {}
    for name, person in people(cast).items():
        status, links[name] = await sync_to_async(ask)(person)
        assert status == codes[expected(Action.DOWNLOAD, name)], name
    members = [name for name, link in links.items() if link]
    assert members == ["ada", "mia", "ben", "vic"]
    for name in members:
        assert (await fetch(links[name]))[0] == 200, name
    for name in ("mia", "ben", "vic"):
        await sync_to_async(leave)(cast.people()[name])
        assert (await fetch(links[name]))[0] != 200, name
    assert (await fetch(links["ada"]))[0] == 200


def pages(found: list[URLPattern | URLResolver]) -> Iterator[tuple[str, int]]:
    """The name of each page of the administration, and how many parts its address has."""
    for each in found:
        if isinstance(each, URLResolver):
            yield from pages(each.url_patterns)
        elif each.name:
            yield f"admin:{each.name}", each.pattern.regex.groups


OPEN = {"admin:login", "admin:logout", "admin:jsi18n"}  # they lead on to the product's own page, or hold no row


@pytest.mark.django_db
def test_no_page_of_the_administration_opens_for_who_is_not_staff(cast: Cast) -> None:
    named = dict(pages(admin.site.get_urls()))
    assert len(named) > 60
    clients = {who: as_(person) for who, person in people(cast).items() if who != "sue"}
    for name, parts in named.items():
        if name in OPEN:
            continue
        address = _address(name, parts, cast)
        for who, client in clients.items():
            for answer in (client.get(address), client.post(address)):
                assert answer.status_code in {302, 403, 404, 405}, (name, who)
                assert answer.status_code != 302 or "login" in answer["Location"], (name, who)


@pytest.mark.django_db
def test_support_writes_nothing_on_any_page_of_the_administration(cast: Cast) -> None:
    sue = as_(cast.sue)
    for name, parts in pages(admin.site.get_urls()):
        kind = name.rpartition("_")[2]
        if kind in {"add", "change", "delete"} and name != "admin:password_change":  # that one is her own
            assert sue.post(_address(name, parts, cast)).status_code in {302, 403}, name
    assert Client().get(reverse("admin:index")).status_code == 302


def _address(name: str, parts: int, cast: Cast) -> str:
    return reverse(name, args=["accounts" if name == "admin:app_list" else str(cast.acme.pk)] * parts)
