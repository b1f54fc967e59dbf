"""Traps of hostile visitors and broken neighbours, each with the guard that keeps the product out of it."""

import base64
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib import admin
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import ProtectedError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.throttling import ScopedRateThrottle

from accounts import adapters, projects, tokens
from accounts.models import PersonalToken, User
from datasets import profiles, uploads
from datasets.models import Upload
from datasets.profiling import repair
from datasets.profiling.sniff import Dialect
from fynix import env, home, redis
from fynix.observability.logging import redact
from registry.models import ModelVersion
from tests import make
from tests.cast import Cast, api, as_
from tests.contracts.test_access_matrix import TABLE, World, world  # noqa: F401
from tests.datasets.uploading import SMALL, begin, complete, put, read, send, uploaded

LONG = "9" * 5000  # int() refuses more than 4,300 digits with a ValueError
WIDE = "9" * 30  # no database integer
EVIL = "<script>alert(1)</script>\"'&\u202egnp"
CELL = "zz-very-secret-cell"


# Addresses and numbers


@pytest.mark.django_db
@pytest.mark.parametrize("number", [WIDE, LONG])
def test_no_number_in_an_address_is_too_long(cast: Cast, first: ModelVersion, number: str) -> None:
    browser, program = as_(cast.ada), api(cast.ada)
    pages = [
        f"/p/acme/runs/{number}", f"/p/acme/runs/new?run={number}", f"/p/acme/datasets/customers/v/{number}",
        f"/p/acme/models/{first.model.name}/v/{number}",
    ]  # fmt: skip
    assert {browser.get(page).status_code for page in pages} == {404}
    assert browser.post(f"/p/acme/settings/members/{number}/remove").status_code == 404
    assert program.delete(f"/api/v1/projects/acme/members/{number}").status_code == 404
    promotion = {"version_id": first.pk, "reason": "It answers better than before."}
    tagged = program.post(f"/api/v1/models/{first.model.pk}/promotions", promotion, headers={"If-Match": number})
    assert tagged.status_code == 422


@pytest.mark.django_db
def test_a_nul_in_an_address_finds_nothing(world: World) -> None:  # noqa: F811
    program, browser = api(world.cast.ada), as_(world.cast.ada)
    paths = ["runs", "uploads", "tasks", "models", "model-versions", "dataset-versions", "test-runs"]
    assert {program.get(f"/api/v1/{path}/%00").status_code for path in paths} == {404}
    pages = ["/p/acme/runs/new?version=%00", "/dl/%00", "/admin/registry/registeredmodel/promote/%00/"]
    assert {browser.get(page).status_code for page in pages} <= {404, 302}
    assert browser.post("/settings/tokens/%00/revoke").status_code == 404


@pytest.mark.django_db
def test_a_range_of_any_length_is_answered(cast: Cast, first: ModelVersion) -> None:
    asked = api(cast.vic).post(f"/api/v1/artifacts/{first.artifacts.earliest('format').pk}/download-url", {})
    address = asked.json()["url"].removeprefix("http://testserver")
    for words in (f"bytes={LONG}-", f"bytes=-{LONG}", f"bytes=0-{LONG}"):
        assert Client().get(address, headers={"Range": words}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("values", [[None, None], [{"a": 1}, "x"], [1, 2], ["x", "\ud800"], [1e999, "x"]])
def test_a_cursor_of_ones_own_making_is_refused(cast: Cast, values: list[object]) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
    for rows in ("runs", "datasets", "models", "members"):
        assert api(cast.ada).get(f"/api/v1/projects/acme/{rows}?cursor={cursor}").status_code == 422, rows


@pytest.mark.django_db
def test_no_row_of_a_test_breaks_the_sandbox(cast: Cast, first: ModelVersion) -> None:
    address = f"/api/v1/model-versions/{first.pk}/predictions"

    def ask(inputs: str) -> int:
        body = f'{{"inputs": {inputs}}}'
        return int(api(cast.ben).generic("POST", address, body, content_type="application/json").status_code)

    odd = ['{"plan":"\\ud800"}', '{"plan":"\\u0000"}', '{"\\ud800":1}', '{"months":"inf"}', '{"months":1e999}',
           '{"months":' + "9" * 400 + "}", '{"plan":["a"]}', '{"plan":{"a":1}}']  # fmt: skip
    assert {ask(inputs) for inputs in odd} == {422}
    assert ask('{"months":NaN}') == ask("[" * 100_000) == 400
    assert ask('{"months":3}') == 200


# Signed addresses


@pytest.mark.django_db
def test_the_address_of_a_part_is_for_that_part_only(cast: Cast) -> None:
    mine, other = (begin(cast.ben, cast.acme, SMALL, filename=name).json() for name in ("a.csv", "b.csv"))
    url, foreign = mine["parts"][0]["url"], other["parts"][0]["url"]
    path, _, query = url.partition("?")
    bent = [
        foreign.partition("?")[0] + "?" + query, path[:-1] + "2?" + query, re.sub(r"e=\d+", "e=9999999999", url),
        path, path + "?e=1&s=", url[:-1] + ("0" if url[-1] != "0" else "1"), re.sub(r"e=\d+", f"e={LONG}", url),
    ]  # fmt: skip
    assert {put(address, SMALL).status_code for address in bent} == {403}
    assert put(path.replace("/u/", "/u/../u/") + "?" + query, SMALL).status_code == 404
    assert put(url, SMALL + b"x").status_code == put(url, SMALL[:-1]).status_code == 422
    assert put(url, SMALL).status_code == 204


@pytest.mark.django_db(transaction=True)
def test_the_address_of_a_part_dies_with_its_upload(cast: Cast) -> None:
    given_up = begin(cast.ben, cast.acme, SMALL).json()
    api(cast.ben).delete(f"/api/v1/uploads/{given_up['upload_id']}")
    assert put(given_up["parts"][0]["url"], SMALL).status_code == 409
    done = begin(cast.ben, cast.acme, SMALL).json()
    send(done, SMALL)
    assert complete(cast.ben, done["upload_id"]).status_code == 202
    assert put(done["parts"][0]["url"], SMALL.replace(b"31", b"99")).status_code == 409
    late = begin(cast.ben, cast.acme, SMALL, filename="late.csv").json()
    Upload.objects.filter(pk=late["upload_id"]).update(expires_at=timezone.now() - timedelta(days=1))
    assert put(late["parts"][0]["url"], SMALL).status_code == 409


# Signing in and up


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_open", [True, False])
def test_two_first_visitors_at_once_make_one_owner(settings, monkeypatch: pytest.MonkeyPatch, is_open: bool) -> None:
    settings.OPEN_SIGNUP = is_open
    together = threading.Barrier(2)
    saved = adapters.AccountAdapter.save_user

    def save_user(self: object, *args: object, **kwargs: object) -> object:
        together.wait(10)
        return saved(self, *args, **kwargs)

    monkeypatch.setattr(adapters.AccountAdapter, "save_user", save_user)
    answers: list[int] = []

    def visit(name: str) -> None:
        form = {"email": f"{name}@example.org", "password1": make.PASSWORD}
        answers.append(Client(raise_request_exception=False).post("/accounts/signup/", form).status_code)
        connection.close()

    visitors = [threading.Thread(target=visit, args=[name]) for name in ("ada", "eve")]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert User.objects.filter(is_superuser=True).count() == 1
    assert User.objects.count() == (2 if is_open else 1)
    assert sorted(answers) == ([302, 302] if is_open else [302, 403])


@pytest.mark.django_db
@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_led_to_another_site(cast: Cast, away: str) -> None:
    form = {"login": cast.ada.email, "password": make.PASSWORD, "next": away}
    assert Client().post(f"/accounts/login/?next={away}", form)["Location"] == "/home"
    assert as_(cast.ada).post(f"/accounts/logout/?next={away}", {"next": away})["Location"] == "/"


@pytest.mark.django_db
def test_another_forwarded_address_is_no_new_visitor(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScopedRateThrottle, "THROTTLE_RATES", {"token": "3/min"})
    wrong = {"Authorization": "Bearer fxp_wrong"}
    codes = [
        Client().post("/api/v1/auth/token", headers={**wrong, "X-Forwarded-For": f"10.0.0.{n}"}).status_code
        for n in range(5)
    ]
    assert codes == [401, 401, 401, 429, 429]


@pytest.mark.django_db
def test_every_form_wants_its_csrf_token(world: World) -> None:  # noqa: F811
    ada = Client(enforce_csrf_checks=True)
    ada.force_login(world.cast.ada, backend="django.contrib.auth.backends.ModelBackend")
    for route, methods in TABLE.items():
        for method in {"POST", "PATCH", "DELETE"} & set(methods):
            assert ada.generic(method, world.address(route)).status_code == 403, route


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", "a b"])
def test_an_address_that_is_not_ours_gets_no_page(cast: Cast, host: str) -> None:
    for path in ("/", "/home", "/api/v1/me", "/accounts/password/reset/", "/admin/"):
        assert as_(cast.ada).get(path, headers={"Host": host}).status_code == 400, path


@pytest.mark.django_db(transaction=True)
def test_what_something_rests_on_cannot_be_removed(cast: Cast, first: ModelVersion) -> None:
    for row in (first.dataset_version, first.dataset_version.dataset, first.run, first.run.job, first, first.model):
        with pytest.raises(ProtectedError):
            row.delete()
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f'DELETE FROM "{row._meta.db_table}" WHERE id = %s', [row.pk])  # noqa: S608
    assert ModelVersion.objects.filter(pk=first.pk).exists()


# What is shown and kept


@pytest.mark.django_db
def test_a_hostile_name_stays_a_name_on_every_page(cast: Cast) -> None:
    projects.rename(cast.acme, name=EVIL, by=cast.ada, at=timezone.now())
    User.objects.filter(pk=cast.ben.pk).update(name=EVIL)
    label = EVIL.replace('"', "")
    rows = "".join(f"{n},{'abc'[n % 3]}<script>x</script>,{'yes' if n % 2 else label}\n" for n in range(60))
    data = f"n,<script>alert(2)</script>,\"=cmd|'/c calc'!A0\"\n{rows}".encode()
    version = read(uploaded(cast.ben, cast.acme, data, filename=EVIL + ".csv", dataset_name=EVIL))
    assert version.job.state == "succeeded"
    pages = ["/home", "/p/acme", "/p/acme/settings", "/p/acme/datasets", version.get_absolute_url(), "/p/acme/runs",
             "/p/acme/runs/new", "/p/acme/models"]  # fmt: skip
    for page in pages:
        answer = as_(cast.ada).get(page)
        assert answer.status_code == 200, page
        shown = answer.content.decode()
        assert not re.search(r"<script>(alert|x)", shown), page
        assert " style=" not in shown, page
        assert "unsafe" not in answer["Content-Security-Policy"]
    assert "\u202e" not in version.dataset.name


@pytest.mark.django_db
def test_a_file_name_writes_no_header_and_no_path(cast: Cast) -> None:
    for name in ("a\r\nSet-Cookie: x=1.csv", "../../etc/passwd", "..\\..\\boot.ini", "\u202efdp.csv", "x" * 1000, ".."):
        given = begin(cast.ben, cast.acme, SMALL, filename=name).json()["filename"]
        assert not set(given) & set("/\\\r\n\u202e"), name
        assert 0 < len(given.encode()) <= 255
    for sent in ("a\\u0000.csv", "\\ud800.csv"):
        body = f'{{"filename": "{sent}", "size_bytes": 9}}'
        asked = api(cast.ben).generic("POST", "/api/v1/projects/acme/uploads", body, content_type="application/json")
        assert asked.status_code == 422


@pytest.mark.django_db
def test_no_cache_keeps_what_a_person_saw(cast: Cast) -> None:
    assert as_(cast.ada).get("/p/acme")["Cache-Control"] == "no-store, private"
    assert api(cast.ada).get("/api/v1/me")["Cache-Control"] == "no-store, private"


@pytest.mark.django_db
def test_support_meets_no_cell_in_the_admin(cast: Cast) -> None:
    rows = "".join(f"{n},{CELL},{'yes' if n % 2 else 'no'}\n" for n in range(40))
    read(uploaded(cast.ben, cast.acme, f"n,who,left\n{rows}".encode()))
    read(uploaded(cast.ben, cast.acme, f"{CELL}\n".encode() * 9))
    sue = as_(cast.sue)
    seen = 0
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        rows_of = model._default_manager.all()
        looks = [reverse(f"{name}_changelist")]
        looks += [reverse(f"{name}_{page}", args=[row.pk]) for row in rows_of for page in ("change", "history")]
        for look in looks:
            answer = sue.get(look)
            seen += answer.status_code == 200
            assert CELL not in answer.content.decode(), look
    assert seen > 20


# Neighbours that are away


@pytest.mark.django_db
def test_pages_live_without_redis(world: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere/redis.sock")
    redis._client.cache_clear()
    try:
        for route, methods in TABLE.items():
            address = world.address(route)
            client = api(world.cast.ada) if address.startswith("/api/") else as_(world.cast.ada)
            if "GET" in methods and route != "health-ready":
                assert client.get(address).status_code < 500, route
        assert api(world.cast.ada).post(world.address("api-run-ticket")).status_code == 503
        assert Client().get("/health/ready").status_code == 503
    finally:
        redis._client.cache_clear()


@pytest.mark.django_db
def test_a_locked_database_asks_to_try_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    def locked(*_: object, **__: object) -> None:
        raise OperationalError("database is locked")

    addresses = {route: world.address(route) for route, methods in TABLE.items() if "GET" in methods}
    page, program = as_(world.cast.ada), api(world.cast.ada)
    page.raise_request_exception = program.raise_request_exception = False

    def look(route: str) -> HttpResponse:
        address = addresses[route]
        with monkeypatch.context() as patch:
            patch.setattr(CursorWrapper, "execute", locked)
            return (program if address.startswith("/api/") else page).get(address)

    for route in addresses:
        answer = look(route)
        assert answer.status_code in {200, 503}, route
        assert "locked" not in answer.content.decode(), route
    asked = look("project")
    assert (asked.status_code, asked["Retry-After"]) == (503, "5")
    assert asked["X-Request-ID"] in asked.content.decode()


@pytest.mark.django_db
def test_a_bug_shows_its_request_and_nothing_else(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(CELL)

    monkeypatch.setattr(home, "_desk", fail)
    ada = as_(cast.ada)
    ada.raise_request_exception = False
    answer = ada.get("/home")
    assert answer.status_code == 500
    assert answer["X-Request-ID"] in answer.content.decode()
    assert not {CELL, "Traceback", "RuntimeError"} & set(re.findall(r"[\w-]+", answer.content.decode()))


# The log


@pytest.mark.django_db
def test_the_log_of_a_broken_workshop_quotes_no_cell(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(f"could not parse {CELL}")

    monkeypatch.setattr(profiles, "profile", fail)
    with caplog.at_level(logging.DEBUG):
        version = read(uploaded(cast.ben, cast.acme, SMALL))
    assert version.job.error_code == "internal"
    told = caplog.text + "".join(capsys.readouterr())
    assert "workshop_failed" in told
    assert CELL not in told
    assert CELL not in version.job.error_detail


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Gone: /dl/dg_1:abcDEF_-x", "abcDEF"),
        ("PUT /u/up_1/2?e=1&s=cafe01 403", "cafe01"),
        ("x?sig=beef02", "beef02"),
        ("Gone: /accounts/password/reset/key/3-abc123/", "abc123"),
        ("/accounts/confirm-email/MQ:cafe/", "cafe"),
    ],
)
def test_a_signed_address_enters_the_log_without_its_signature(text: str, secret: str) -> None:
    assert secret not in redact(None, "", {"event": text})["event"]


@pytest.mark.django_db
def test_secrets_are_kept_as_hashes(cast: Cast) -> None:
    _, secret = tokens.create(user=cast.ada, name="n", at=timezone.now())
    row = PersonalToken.objects.get()
    assert secret not in {str(getattr(row, field.attname)) for field in row._meta.fields}


# Bombs


def timed_reads(tmp_path: Path, data: bytes) -> int:
    """Lines that the tolerant reader's CSV parser is handed."""
    source, handed = tmp_path / "in.csv", 0
    source.write_bytes(data)
    parse: Callable[..., object] = repair.csv.reader

    def counted(lines: object, **options: object) -> object:
        def each() -> object:
            nonlocal handed
            for line in lines:  # type: ignore[attr-defined]
                handed += 1
                yield line

        return parse(each(), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repair.csv, "reader", counted)
        repair.repair(source, Dialect(",", False, 0, ("a", "b")), tmp_path / "out.csv")
    return handed


def test_quotation_marks_that_never_close_cost_each_line_a_few_looks(tmp_path: Path) -> None:
    block = b'"x,1\n' + b'y "" z,2\n' * 199
    assert timed_reads(tmp_path, block * 5) < 5 * 1000 * 2


def test_direction_characters_leave_names() -> None:
    assert uploads.plain("a\u202eb\u0000c\r\n") == "abc"


# What each process pays for

PAGES = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "fynix.settings"
django.setup()
from django.urls import get_resolver
get_resolver().url_patterns
heavy = {"xgboost", "sklearn", "scipy", "pandas", "polars", "onnxruntime", "shap", "reportlab"}
print(sorted(heavy & set(sys.modules)))
"""


def test_who_answers_pages_loads_neither_a_learner_nor_what_works_on_columns(tmp_path: Path) -> None:
    """Together they take a second and 120 MB; a server has several processes that hardly ever need them."""
    assert _loaded(tmp_path, PAGES) == "[]"


BEGINS = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "fynix.settings"
django.setup()
print(sorted({"polars", "pyarrow", "xgboost"} & set(sys.modules)))
"""


def test_a_job_begins_with_its_own_tools_only(tmp_path: Path) -> None:
    """Every job is a process: what works on columns costs it a quarter of a second, and not each needs that."""
    assert _loaded(tmp_path, BEGINS) == "[]"


LEARNS = """
import sys
import registry.exporters.parity, sandbox.child, training.engine.run
print(sorted({"sklearn", "pandas", "pyarrow", "onnxruntime", "shap"} & set(sys.modules)))
import sklearn
"""


def test_who_learns_and_answers_loads_the_learner_alone(tmp_path: Path) -> None:
    """With scikit-learn it would take 1.3 s and 130 MB more, in each process; who wants that afterwards gets it."""
    assert _loaded(tmp_path, LEARNS) == "[]"


def _loaded(data: Path, script: str) -> str:
    surroundings = {**os.environ, "FYNIX_DATA": str(data)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=env.ROOT, env=surroundings, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
