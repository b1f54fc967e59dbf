"""The walk along the specification names addresses, files and sockets that are there."""

import re

from channels.routing import URLRouter
from django.urls import resolve

from fynix import env
from training.sockets import routes

PAGE = env.ROOT / "docs" / "spec-walk.md"
PLACES = {"…": "/p/x", "NAME": "x", "ID": "x", "TOKEN": "x", "FORM": "x", "N": "1"}


def places() -> list[str]:
    """What stands between backticks in the second column."""
    rows = [line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return sorted({place for row in rows for place in re.findall(r"`([^`]+)`", row[2])})


def test_every_place_of_the_walk_exists() -> None:
    sockets = {route.pattern.regex.pattern for route in URLRouter(routes).routes}
    assert len(places()) > 50
    for place in places():
        if place.startswith(("/", "…")):
            address = re.sub(r"…|\b(NAME|ID|TOKEN|FORM|N)\b", lambda found: PLACES[found[0]], place)
            assert resolves(address, sockets), place
        else:
            assert (env.ROOT / place).exists(), place


def resolves(address: str, sockets: set[str]) -> bool:
    """Whether a page, an endpoint or a socket answers there; Resolver404 names a page that is not."""
    if address.startswith("/ws/"):
        return any(re.match(pattern, address.removeprefix("/")) for pattern in sockets)
    return bool(resolve(address))


def test_every_line_of_the_walk_says_whether_it_is_so() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| (?!asked for)", line)]
    assert len(rows) > 45
    assert all(re.search(r"\| (true|short of|not yet)[^|]*\|$", row) for row in rows)
