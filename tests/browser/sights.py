"""Every page that a browser can open, taken from the addresses themselves: a new one is looked at without being listed.

The table of access says which addresses answer GET and to whom. An address whose parts `World.names` does not know,
or that shows no page and is not in NO_PAGE, fails a test.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver
from playwright.sync_api import Page

from accounts.models import User
from tests.browser.world import PASSWORD, World, go
from tests.contracts.test_access_matrix import ALLAUTH, PUBLIC, STAFF, TABLE

Come = Callable[[Page, World], None]

FOR_PROGRAMS = ("api-", "health-")
NO_PAGE = {
    "dataset": "leads on to its newest version",
    "dataset-left-out": "a file",
    "run-log": "text for programs",
    "run-report": "a file",
    "home-running": "a part of the first page",
    "robots": "for programs",
    "metrics": "for programs",
    "sitemap": "for programs",
    "download": "a file",
    "batch-test-results": "a file",
    "account_set_password": "leads on: everybody has a password",
    "account_confirm_login_code": "leads on: there are no codes by e-mail",
    "account_reset_password_from_key_done": "leads on: a new password signs in",
    "mfa_download_recovery_codes": "a file",
    "mfa_reauthenticate_webauthn": "only with a security key",
    "mfa_edit_webauthn": "only with a security key",
    "mfa_remove_webauthn": "only with a security key",
    "admin:login": "leads on to the product's own page",
    "admin:logout": "answers POST only",
    "admin:password_change": "leads on to the product's own page",
    "admin:password_change_done": "leads on to the product's own page",
    "admin:autocomplete": "for programs",
    "admin:jsi18n": "a script",
    "admin:view_on_site": "leads on",
    "admin:django_dramatiq_task_change": "no row is ever written",
    "admin:django_dramatiq_task_history": "no row is ever written",
    "admin:alerts_alert_change": "no rule is broken where pages are looked at",
    "admin:alerts_alert_history": "no rule is broken where pages are looked at",
    "admin:alerts_delivery_change": "no rule is broken where pages are looked at",
    "admin:alerts_delivery_history": "no rule is broken where pages are looked at",
}
HISTORY = "registry_registeredmodel_history"
WITH_SECOND_FACTOR = {
    "mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_reauthenticate",
    "mfa_list_webauthn", "mfa_add_webauthn",
}  # fmt: skip


@dataclass(frozen=True)
class Sight:
    """A page, who looks at it (None is a visitor), and how the person comes to it."""

    name: str
    who: str | None
    come: Come


def at(route: str) -> Come:
    """Types the address."""
    return lambda page, world: go(page, world.address(route))


def at_first_row(route: str) -> Come:
    """Types the address of the first row of its table in the administration."""

    def come(page: Page, world: World) -> None:
        table = route.rpartition("_")[0]
        go(page, world.address(f"{table}_changelist"))
        row = page.locator("#result_list tbody a").first.get_attribute("href", timeout=5000)
        number = str(row).removeprefix(world.address(f"{table}_changelist")).partition("/")[0]
        go(page, world.address(f"{table}_changelist") + f"{number}/{route.rpartition('_')[2]}/")

    return come


def half_signed_in(page: Page, world: World) -> None:
    """Has given the password and is asked for the code."""
    go(page, world.address("account_login"))
    page.get_by_label("Email").fill("vic@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{world.address('mfa_authenticate')}*")


def compared(page: Page, world: World) -> None:
    """Names two runs."""
    newest = int(str(world.names["run:number"]))
    go(page, f"{world.address('run-compare')}?run={newest - 1}&run={newest}")


SPECIAL: dict[str, Sight] = {
    each.name: each
    for each in (
        Sight("account_logout", "mia", at("account_logout")),
        Sight("run-compare", "mia", compared),
        Sight("mfa_authenticate", None, half_signed_in),
        Sight("mfa_activate_totp", "ada", at("mfa_activate_totp")),
        *(Sight(name, "vic", at(name)) for name in WITH_SECOND_FACTOR),
    )
}
STATES = (
    Sight("not there, for a visitor", None, lambda page, _: go(page, "/nowhere")),
    Sight("not there, for a member", "mia", lambda page, _: go(page, "/p/nowhere")),
    Sight("not for a viewer", "vic", at("model-promote")),
    Sight("a new person's home", "ben", at("home")),
)


def sights() -> list[Sight]:
    found = {each.name: each for each in (*_of_the_product(), *_of_the_admin(), *STATES)}
    return list({**found, **SPECIAL}.values())


def _of_the_product() -> Iterator[Sight]:
    for route, needs in {**TABLE, **{name: {"GET": need} for name, need in ALLAUTH.items()}}.items():
        if "GET" in needs and route not in NO_PAGE and not route.startswith(FOR_PROGRAMS):
            yield Sight(route, {PUBLIC: None, STAFF: "ada"}.get(str(needs["GET"]), "mia"), at(route))


def _of_the_admin() -> Iterator[Sight]:
    for name, pattern in _patterns(admin.site.get_urls()):
        route = f"admin:{name}"
        if route not in NO_PAGE and not _closed(pattern):
            of_a_row = "object_id" in pattern.pattern.converters
            yield Sight(route, "ada", at_first_row(route) if of_a_row else at(route))


def _patterns(found: list[URLPattern | URLResolver]) -> Iterator[tuple[str, URLPattern]]:
    for each in found:
        if isinstance(each, URLResolver):
            yield from _patterns(each.url_patterns)
        elif each.name:
            yield each.name, each


def _closed(pattern: URLPattern) -> bool:
    """Whether it adds or deletes what nobody may add or delete, or is one of the histories, which all are one page."""
    keeper = getattr(pattern.callback, "model_admin", None)
    request = HttpRequest()
    request.user = User(is_superuser=True, is_staff=True)
    kind = str(pattern.name).rpartition("_")[2]
    if keeper is None or kind not in {"add", "delete", "history"}:
        return False
    if kind == "history":
        return pattern.name != HISTORY
    return not getattr(keeper, f"has_{kind}_permission")(request)
