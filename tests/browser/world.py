"""One of everything for the pages to show, made by people through the product's own pages and API."""

import base64
import hashlib
import hmac
import os
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.urls import get_resolver, reverse
from playwright.sync_api import Page, StorageState, expect

from fynix import env
from tests.browser.program import Program

PASSWORD = "seven green penguins"
PENGUINS = env.ROOT / "datasets" / "bundled" / "penguins.csv"
LETTERS = """
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
ada, mia, vic = (EmailAddress.objects.get(email=f"{name}@example.org") for name in ("ada", "mia", "vic"))
print(*(EmailConfirmationHMAC(each).key for each in (ada, mia, vic)))
print(user_pk_to_url_str(mia.user), default_token_generator.make_token(mia.user))
"""


@dataclass(frozen=True)
class Person:
    """Somebody who has signed up, with the cookies of a signed-in browser and a token for scripts."""

    name: str
    project: str
    cookies: StorageState
    program: Program


@dataclass(frozen=True)
class World:
    """Mia's project, which Vic only sees: a table, runs, a model with two versions, the second in production."""

    mia: Person
    vic: Person
    names: dict[str, object]

    def address(self, route: str) -> str:
        """The address of that name; its parts come from `names`, where `route:part` goes before `part`."""
        *spaces, name = route.split(":")
        resolver = get_resolver()
        for space in spaces:
            resolver = resolver.namespace_dict[space][1]
        ((_, parts),) = resolver.reverse_dict[name][0][:1]
        own = {part: f"{route}:{part}" for part in parts}
        return reverse(route, kwargs={part: self.names.get(own[part], self.names.get(part)) for part in parts})


@dataclass(frozen=True)
class Letters:
    """What the links that the product sends by e-mail hold: to confirm an address, to set a password anew."""

    ada_key: str
    mia_key: str
    vic_key: str
    mia_id: str
    mia_token: str


def letters(data: Path) -> Letters:
    return Letters(*_said(data, LETTERS).split())


def settle(mia: Person, vic: Person, post: Letters) -> World:
    """Fill Mia's project."""
    program = mia.program
    program.post(f"{program.project}/members", email="vic@example.org", role="viewer")
    version = program.upload(PENGUINS)["result"]["id"]
    second = program.post(f"dataset-versions/{version}/derivations", steps=[{"action": "drop", "column": "island"}])
    assert program.ended(second["task_id"])["status"] == "succeeded"
    trained = [_trained(program, version, learning_rate=rate) for rate in (0.3, 0.1)]
    model = next(each for each in program.get(f"{program.project}/models")["data"] if each["name"] == "seen")
    versions = sorted(program.get(f"models/{model['model_id']}/versions")["data"], key=lambda each: each["number"])
    for each in versions:
        program.ready(each["model_version_id"])
        program.promote(model["model_id"], each["model_version_id"], reason="It is better than guessing.")
    asked = {"decision": "requested", "reason": "It guesses less than the first."}
    program.post(f"model-versions/{versions[0]['model_version_id']}/approvals", **asked)
    many = program.post(f"model-versions/{versions[0]['model_version_id']}/batch-tests", rows_from="holdout")
    assert program.ended(many["task_id"])["status"] == "succeeded"
    invited = program.post(f"{program.project}/invitations", email="yan@example.org", role="analyst")
    names = {
        "invitation:token": invited["link"].rpartition("/")[2],
        "slug": mia.project, "project": mia.project, "dataset": "penguins", "number": 2, "dataset-version:number": 1,
        "column-change:number": 1, "giveaways:number": 1, "dataset-compare:number": 1,
        "dataset-lineage:number": 1, "batch_id": many["batch_test_id"],
        "run:number": trained[-1]["number"], "name": "seen", "model_id": model["model_id"], "key": post.mia_key,
        "version_id": versions[0]["model_version_id"], "uidb36": post.mia_id,
        "account_reset_password_from_key:key": post.mia_token, "app_label": "registry",
    }  # fmt: skip
    return World(mia, vic, names)


def _trained(program: Program, version: str, **parameters: float) -> Any:
    wish = {"target": "species", "task": "multiclass", "model_name": "seen", "parameters": parameters}
    run = program.train(version, **wish)
    assert program.ended(run["task_id"])["status"] == "succeeded"
    return run


def beside(data: Path) -> dict[str, str]:
    """The surroundings of a command that works on a pilot's data folder."""
    ours = {"FYNIX_TEST_DATA", "DJANGO_SETTINGS_MODULE", "REDIS_URL", "DATABASE_URL"}
    return {**{name: value for name, value in os.environ.items() if name not in ours}, "FYNIX_DATA": str(data)}


def _said(data: Path, script: str) -> str:
    """What a script says that runs beside the pilot of this data folder."""
    argv = [sys.executable, str(env.ROOT / "manage.py"), "shell", "--no-imports", "-c", script]
    done = subprocess.run(argv, env=beside(data), capture_output=True, text=True, check=True)
    return done.stdout


def confirm(page: Page, key: str) -> None:
    """Confirm an address by the link in a letter."""
    page.goto(reverse("account_confirm_email", args=[key]))
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(lambda url: key not in url)


def add_second_factor(page: Page) -> None:
    """Turn on codes from a telephone for whoever is signed in on this page."""
    go(page, "/accounts/2fa/totp/activate/")
    page.get_by_label("Authenticator code").fill(code(page.get_by_label("secret").input_value()))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_text("recovery codes").first).to_be_visible()


def go(page: Page, address: str) -> None:
    """Open an address; where it wants to be sure first who is there, give the password."""
    page.goto(address)
    again = reverse("account_reauthenticate")
    if urlsplit(page.url).path == again != address:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url(f"**{address}")


def code(secret: str) -> str:
    """The six digits that a telephone shows now for this secret (RFC 6238)."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
