"""Every address × every persona, against one table; an address that the table does not name fails."""

import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field

import pytest
from django.contrib import admin
from django.core import mail
from django.core.cache import cache
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils.timezone import now
from rest_framework.test import APIClient

from accounts import families, groups, tokens
from accounts.access import NEEDS, Action
from accounts.models import Role, User
from datasets import samples
from datasets.models import Upload
from registry import labels
from registry.models import ModelVersion
from tests import make
from tests.cast import Cast, api, as_

ROLES = {"vic": Role.VIEWER, "ben": Role.ANALYST, "mia": Role.MAINTAINER, "ada": Role.OWNER}
STRANGERS = ("mallory", "sue")

PUBLIC = "public"  # everybody, without signing in
SIGNED_IN = "signed in"  # everybody who has signed in; what it shows is their own
STAFF = "staff"  # support and the server's owners; for everybody else it is not there
SIGNED_ADDRESS = "signed address"  # the address itself is the right, and says so with 403 when it is wrong

Need = Action | str
TABLE: dict[str, dict[str, Need]] = {
    "home-public": {"GET": PUBLIC},
    "robots": {"GET": PUBLIC},
    "sitemap": {"GET": PUBLIC},
    "home": {"GET": SIGNED_IN},
    "project": {"GET": Action.SEE},
    "home-running": {"GET": SIGNED_IN},
    "search": {"GET": SIGNED_IN},
    "projects": {"GET": SIGNED_IN},
    "shortcuts": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "first-steps-close": {"POST": SIGNED_IN},
    "notifications": {"GET": SIGNED_IN},
    "notifications-read": {"POST": SIGNED_IN},
    "notification-read": {"POST": SIGNED_IN},
    "project-new": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "project-settings": {"GET": Action.SEE},
    "project-retention": {"GET": Action.SEE, "POST": Action.ADMINISTER},
    "project-rename": {"POST": Action.ADMINISTER},
    "member-add": {"POST": Action.INVITE},
    "member-change": {"POST": Action.INVITE},
    "member-remove": {"POST": Action.INVITE},
    "invitation-send": {"POST": Action.INVITE},
    "invitation-renew": {"POST": Action.INVITE},
    "invitation-revoke": {"POST": Action.INVITE},
    "invitation": {"GET": PUBLIC},
    "invitation-accept": {"POST": SIGNED_IN},
    "invitation-decline": {"POST": PUBLIC},
    "usage": {"GET": SIGNED_IN},
    "tokens": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "token-revoke": {"POST": SIGNED_IN},
    "programs": {"GET": SIGNED_IN},
    "program-end": {"POST": SIGNED_IN},
    "datasets": {"GET": Action.SEE},
    "dataset": {"GET": Action.SEE},
    "dataset-version": {"GET": Action.SEE},
    "read-again": {"POST": Action.UPLOAD},
    "recipe": {"POST": Action.UPLOAD},
    "giveaways": {"GET": Action.SEE},
    "dataset-compare": {"GET": Action.SEE},
    "dataset-left-out": {"GET": Action.SEE, "POST": Action.UNMASK},
    "dataset-discard": {"POST": Action.UPLOAD},
    "column-change": {"GET": Action.UPLOAD, "POST": Action.UPLOAD},
    "privacy-apply": {"POST": Action.UPLOAD},
    "privacy-decide": {"POST": Action.JUDGE_PRIVACY},
    "privacy-reveal": {"POST": Action.UNMASK},
    "sample-add": {"POST": Action.UPLOAD},
    "upload-part": {"PUT": SIGNED_ADDRESS},
    "runs": {"GET": Action.SEE},
    "run-new": {"GET": Action.TRAIN, "POST": Action.TRAIN},
    "run-compare": {"GET": Action.SEE},
    "run": {"GET": Action.SEE},
    "run-log": {"GET": Action.SEE},
    "run-report": {"GET": Action.SEE},
    "run-cancel": {"POST": Action.CANCEL_OWN},
    "models": {"GET": Action.SEE},
    "model": {"GET": Action.SEE},
    "registry": {"GET": SIGNED_IN},
    "model-compare": {"GET": Action.SEE},
    "model-rollback": {"GET": Action.ROLL_BACK, "POST": Action.ROLL_BACK},
    "model-demote": {"GET": Action.DEMOTE, "POST": Action.DEMOTE},
    "model-version-propose": {"POST": Action.PROPOSE},
    "model-version-decide": {"POST": Action.PROMOTE},
    "model-version-label": {"POST": Action.LABEL},
    "model-version-note": {"POST": Action.PROPOSE},
    "model-version-lineage": {"GET": Action.SEE},
    "dataset-lineage": {"GET": Action.SEE},
    "promotion-rule": {"GET": Action.ADMINISTER, "POST": Action.ADMINISTER},
    "model-version": {"GET": Action.SEE},
    "model-promote": {"GET": Action.PROMOTE, "POST": Action.PROMOTE},
    "model-version-links": {"POST": Action.REVOKE_LINKS},
    "formats": {"GET": Action.SEE},
    "format-switch": {"POST": Action.ADMINISTER},
    "artifact-download": {"POST": Action.DOWNLOAD},
    "download": {"GET": SIGNED_ADDRESS},
    "sandbox": {"GET": Action.TEST, "POST": Action.TEST},
    "sandbox-what-if": {"POST": Action.TEST},
    "sandbox-many": {"GET": Action.TEST_MANY, "POST": Action.TEST_MANY},
    "batch-test": {"GET": Action.SEE},
    "batch-test-results": {"GET": Action.TEST_MANY},
    "docs": {"GET": PUBLIC},
    "styleguide": {"GET": STAFF},
    "api-schema": {"GET": PUBLIC},
    "api-task": {"GET": Action.SEE},
    "api-task-cancel": {"POST": Action.CANCEL_OWN},
    "api-token": {"POST": SIGNED_IN},
    "api-token-refresh": {"POST": PUBLIC},
    "api-token-end": {"POST": PUBLIC},
    "api-me": {"GET": SIGNED_IN},
    "api-programs": {"GET": SIGNED_IN},
    "api-program": {"DELETE": SIGNED_IN},
    "api-personal-usage": {"GET": SIGNED_IN},
    "api-projects": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "api-project": {"GET": Action.SEE},
    "api-members": {"GET": Action.SEE, "POST": Action.INVITE},
    "api-member": {"PATCH": Action.INVITE, "DELETE": Action.INVITE},
    "api-invitations": {"GET": Action.INVITE, "POST": Action.INVITE},
    "api-invitation": {"DELETE": Action.INVITE},
    "api-invitation-renew": {"POST": Action.INVITE},
    "api-invitation-accept": {"POST": SIGNED_IN},
    "api-invitation-decline": {"POST": SIGNED_IN},
    "api-usage": {"GET": Action.SEE},
    "api-retention": {"GET": Action.SEE, "PUT": Action.ADMINISTER},
    "api-retention-preview": {"GET": Action.SEE},
    "api-notifications": {"GET": SIGNED_IN},
    "api-notifications-read": {"POST": SIGNED_IN},
    "api-search": {"GET": SIGNED_IN},
    "api-uploads": {"POST": Action.UPLOAD},
    "api-upload": {"GET": Action.SEE, "DELETE": Action.UPLOAD},
    "api-upload-sign": {"POST": Action.UPLOAD},
    "api-upload-complete": {"POST": Action.UPLOAD},
    "api-datasets": {"GET": Action.SEE},
    "api-dataset-versions": {"GET": Action.SEE},
    "api-dataset-version": {"GET": Action.SEE},
    "api-dataset-version-profile": {"GET": Action.SEE},
    "api-dataset-version-preview": {"GET": Action.SEE},
    "api-dataset-version-derive": {"POST": Action.UPLOAD},
    "api-giveaways": {"GET": Action.SEE},
    "api-dataset-version-compare": {"GET": Action.SEE},
    "api-dataset-version-file": {"DELETE": Action.UPLOAD},
    "api-dataset-version-left-out": {"GET": Action.SEE, "POST": Action.UNMASK},
    "api-column-change": {"GET": Action.UPLOAD},
    "api-dataset-version-privacy": {"GET": Action.SEE, "POST": Action.JUDGE_PRIVACY},
    "api-dataset-version-reveal": {"POST": Action.UNMASK},
    "api-sample": {"POST": Action.UPLOAD},
    "api-runs": {"GET": Action.SEE, "POST": Action.TRAIN},
    "api-run": {"GET": Action.SEE},
    "api-run-comparison": {"GET": Action.SEE},
    "api-run-cancellation": {"POST": Action.CANCEL_OWN},
    "api-run-events": {"GET": Action.SEE},
    "api-run-snapshot": {"GET": Action.SEE},
    "api-run-report": {"GET": Action.SEE},
    "api-run-report-file": {"GET": Action.SEE},
    "api-run-ticket": {"POST": Action.SEE},
    "api-models": {"GET": Action.SEE},
    "api-model": {"GET": Action.SEE},
    "api-model-versions": {"GET": Action.SEE},
    "api-promotions": {"GET": Action.SEE, "POST": Action.PROMOTE},
    "api-rollbacks": {"POST": Action.ROLL_BACK},
    "api-demotions": {"POST": Action.DEMOTE},
    "api-registry": {"GET": SIGNED_IN},
    "api-tag": {"PUT": Action.LABEL, "DELETE": Action.LABEL},
    "api-pin": {"PUT": Action.LABEL, "DELETE": Action.LABEL},
    "api-notes": {"GET": Action.SEE, "POST": Action.PROPOSE},
    "api-approvals": {"GET": Action.SEE, "POST": Action.PROPOSE},
    "api-alias": {"GET": Action.SEE, "PUT": Action.LABEL, "DELETE": Action.LABEL},
    "api-lineage": {"GET": Action.SEE},
    "api-model-version": {"GET": Action.SEE},
    "api-version-artifacts": {"GET": Action.SEE},
    "api-run-artifacts": {"GET": Action.SEE},
    "api-download-url": {"POST": Action.DOWNLOAD},
    "api-artifact-revocation": {"POST": Action.REVOKE_LINKS},
    "api-version-revocation": {"POST": Action.REVOKE_LINKS},
    "api-formats": {"GET": Action.SEE},
    "api-format": {"PUT": Action.ADMINISTER},
    "api-predictions": {"POST": Action.TEST},
    "api-batch-tests": {"POST": Action.TEST_MANY},
    "api-batch-test": {"GET": Action.SEE},
    "api-batch-test-results": {"GET": Action.TEST_MANY},
    "api-test-run": {"GET": Action.SEE},
    "health-live": {"GET": PUBLIC},
    "health-ready": {"GET": PUBLIC},
    "health-problems": {"GET": STAFF},
    "metrics": {"GET": STAFF},
    "monitoring": {"GET": STAFF},
}
ALLAUTH: dict[str, Need] = {
    **dict.fromkeys(
        (
            "account_login", "account_signup", "account_logout", "account_inactive", "account_reset_password",
            "account_reset_password_done", "account_reset_password_from_key", "account_confirm_email",
            "account_reset_password_from_key_done", "account_email_verification_sent", "mfa_authenticate",
            "account_confirm_login_code",
        ),
        PUBLIC,
    ),
    **dict.fromkeys(
        (
            "account_email", "account_change_password", "account_set_password", "account_reauthenticate", "mfa_index",
            "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes",
            "mfa_generate_recovery_codes", "mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn",
            "mfa_reauthenticate_webauthn", "mfa_remove_webauthn", "mfa_edit_webauthn", "usersessions_list",
        ),
        SIGNED_IN,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """One of everything in acme; every address can be filled from it."""

    cast: Cast
    names: dict[str, object]
    signed_in: dict[int, Client] = field(default_factory=dict)

    def browser(self, person: User | None) -> Client:
        """A browser with nothing but the person's cookies; signing in costs more than most pages."""
        client = Client()
        if person is None:
            return client
        if person.pk not in self.signed_in:
            self.signed_in[person.pk] = as_(person)
        client.cookies = copy(self.signed_in[person.pk].cookies)
        return client

    def address(self, route: str) -> str:
        def value(name: str) -> object:
            own = f"{route}:{name}"
            return self.names[own if own in self.names else name]

        return reverse(route, kwargs={name: value(name) for name in wanted(route)})


def routes(resolver: URLResolver) -> Iterator[tuple[str, URLPattern]]:
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            yield each.name or str(each.pattern), each
        elif each.namespace != "admin":
            yield from routes(each)


ROUTES = dict(routes(get_resolver()))


def wanted(route: str) -> list[str]:
    """The names of the parts that the address of a route is made of."""
    ((_, parts),) = get_resolver().reverse_dict[route][0]
    return parts


@pytest.fixture
def world(cast: Cast, first: ModelVersion) -> World:
    zoe = make.user("zoe")
    make.member(cast.acme, zoe, Role.VIEWER)
    token, _ = tokens.create(user=cast.vic, name="nightly", at=now())
    invited = (
        api(cast.ada).post("/api/v1/projects/acme/invitations", {"email": cast.sue.email, "role": "viewer"}).json()
    )
    (link,) = re.findall(r"/invitation/(\S+)", str(mail.outbox[-1].body))
    sample = samples.add(project=cast.acme, key="penguins", by=cast.ben, at=now())
    begun = api(cast.ben).post(
        "/api/v1/projects/acme/uploads", {"filename": "a.csv", "size_bytes": 9, "dataset_name": "A"}
    ).json()["upload_id"]  # fmt: skip
    run, dataset = first.run, first.dataset_version.dataset
    labels.tag(version=first, text="nightly", by=cast.mia, at=now())
    labels.name(version=first, alias="champion", by=cast.mia, at=now())
    tested = api(cast.ben).post(f"/api/v1/model-versions/{first.pk}/predictions", {"inputs": {"months": 3}}).json()
    many = {"rows_from": "holdout"}
    batch = api(cast.ben).post(f"/api/v1/model-versions/{first.pk}/batch-tests", many).json()["batch_test_id"]
    names = {
        "slug": cast.acme.slug, "project": cast.acme.slug, "user_id": zoe.pk, "token_id": token.pk,
        "dataset": dataset.slug, "number": 1, "run:number": run.number, "run-cancel:number": run.number, "form": "md",
        "name": first.model.name, "key": "penguins", "version": first.dataset_version.pk, "upload": begun,
        "api-dataset-versions:dataset": dataset.pk, "version_id": first.pk, "model_id": first.model.pk,
        "run_id": run.pk, "run": run.pk, "artifact_id": first.artifacts.get(format="onnx").pk,
        "format-switch:key": "joblib", "api-format:key": "joblib", "token": "forged:token",
        "batch_id": batch, "invitation_id": invited["id"],
        "family_id": families.begin(user=cast.vic, token=token, address=None, at=now())[0].pk,
        **{f"{route}:token": link for route in ("invitation", "invitation-accept", "invitation-decline")},
        "tag": "nightly", "alias": "champion", "test_run_id": tested.get("test_run_id"), "task_id": sample.job_id,
        "notification_id": cast.vic.notifications.latest("created_at").pk,
    }  # fmt: skip
    assert Upload.objects.filter(pk=begun).exists()
    return World(cast, names)


def ask(world: World, person: User | None, route: str, method: str) -> HttpResponse:
    """The persona's request, whose effects are taken back."""
    address = world.address(route)
    client = api(person) if address.startswith("/api/") and person and route != "api-token" else world.browser(person)
    client.raise_request_exception = True
    kind = {} if isinstance(client, APIClient) or method == "GET" else {"content_type": "application/json"}
    if method == "POST" and not address.startswith("/api/"):
        kind = {}
    with transaction.atomic():
        answer = getattr(client, method.lower())(address, **kind)
        transaction.set_rollback(True)
    return answer


def verdict(answer: HttpResponse) -> str:
    """What the answer says about access: `sign in`, `not there`, `not you`, or `come in`."""
    to_login = answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")
    if answer.status_code == 401 or to_login:
        return "sign in"
    return {404: "not there", 403: "not you"}.get(answer.status_code, "come in")


def expected(need: Need, name: str) -> str:
    if need == PUBLIC or (need == STAFF and name == "sue"):
        return "come in"
    if need in (SIGNED_ADDRESS, STAFF):
        return "not you" if need == SIGNED_ADDRESS else "not there"
    if name == "nobody":
        return "sign in"
    if need == SIGNED_IN:
        return "come in"
    if name in STRANGERS:
        return "not there"
    return "come in" if ROLES[name].rank >= NEEDS[Action(need)].rank else "not you"


def test_the_table_names_every_address() -> None:
    assert set(ROUTES) - set(ALLAUTH) == set(TABLE)
    assert set(ALLAUTH) <= set(ROUTES)


# Rows of one person: for everybody else they are not there.
OWN = dict.fromkeys(("token-revoke", "notification-read", "program-end", "api-program"), "vic")
ADDRESSED = {"invitation-accept": "sue", "invitation-decline": "sue"}  # asked of one person; others are told so
HERE = [route for route in TABLE if route in ROUTES]


@pytest.mark.django_db
def test_each_address_lets_in_exactly_whom_the_table_says(world: World, subtests: pytest.Subtests) -> None:
    for route in HERE:
        cache.clear()  # nobody's limit is spent by the addresses before
        with subtests.test(route=route):
            _assert_lets_in(world, route)


def _assert_lets_in(world: World, route: str) -> None:
    people: dict[str, User | None] = {"nobody": None, **world.cast.people()}
    for method, need in TABLE[route].items():
        told = {name: expected(need, name) for name in people}
        if route in OWN:
            told |= {name: "not there" for name in world.cast.people() if name != OWN[route]}
        if route in ADDRESSED:
            told |= {name: "not you" for name in world.cast.people() if name != ADDRESSED[route]}
        assert {name: verdict(ask(world, person, route, method)) for name, person in people.items()} == told
    ada, address = world.cast.ada, world.address(route)
    client = api(ada) if address.startswith("/api/") else world.browser(ada)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(TABLE[route]):
        assert getattr(client, method.lower())(address).status_code == 405, method


@pytest.mark.django_db
@pytest.mark.parametrize("route", [route for route, need in ALLAUTH.items() if need == SIGNED_IN])
def test_pages_of_an_account_ask_to_sign_in(cast: Cast, route: str) -> None:
    assert verdict(Client().get(reverse(route, kwargs=dict.fromkeys(wanted(route), 1)))) == "sign in"


@pytest.mark.django_db
def test_the_admin_shows_each_table_to_the_staff_that_may_see_it(cast: Cast) -> None:
    granted = {
        (app, right.removeprefix("view_")) for app, rights in groups.GRANTS["support"].items() for right in rights
    }
    people = {"nobody": None, **cast.people()}
    for model in admin.site._registry:
        options = model._meta
        address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
        codes = {name: as_(person).get(address).status_code for name, person in people.items()}
        may_see = (options.app_label, options.model_name) in granted
        assert codes.pop("sue") == (200 if may_see else 403), address
        assert set(codes.values()) == {302}, address


@pytest.mark.django_db
def test_support_changes_nothing_in_the_admin(cast: Cast) -> None:
    sue = as_(cast.sue)
    for model in admin.site._registry:
        options = model._meta
        assert sue.get(reverse(f"admin:{options.app_label}_{options.model_name}_add")).status_code == 403
    assert (
        sue.post(reverse("admin:accounts_user_change", args=[cast.sue.pk]), {"is_superuser": "on"}).status_code == 403
    )


def test_every_grant_names_a_permission_that_exists() -> None:
    for app, rights in groups.GRANTS["support"].items():
        known = {f"view_{model._meta.model_name}" for model in _models(app)}
        assert set(rights) <= known, app


def _models(app: str) -> list[type]:
    from django.apps import apps

    return list(apps.get_app_config(app).get_models())
