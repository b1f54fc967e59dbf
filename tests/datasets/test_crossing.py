"""The doctor asks the store what a browser would ask it, before Ben's upload does."""

import io
import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from datasets import multipart
from tests import s3

pytestmark = pytest.mark.django_db
PAGES = "https://fynix.example"


@contextmanager
def answering(headers: dict[str, str]) -> Iterator[str]:
    """What stands where browsers go: it answers every question with those headers, and refuses every part."""

    class Answer(BaseHTTPRequestHandler):
        def do_OPTIONS(self) -> None:
            self.answer(200)

        def do_PUT(self) -> None:
            self.answer(403)

        def answer(self, status: int) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.fixture
def told(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Ask the doctor with a store that lets pages of `lets_in` in, as pages of `page`; its words on uploads."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    def ask(*, lets_in: str, page: str, browsers_go_to: str = "") -> str:
        with s3.running(tmp_path, origin=lets_in) as address:
            settings.STORAGES = {**settings.STORAGES, "default": s3.storage(address)}
            settings.S3_PUBLIC_ENDPOINT_URL, settings.PUBLIC_URL = browsers_go_to or address, page
            words = doctor()
            assert multipart.strays(before=timezone.now()) == []
            assert "Contents" not in s3.client(address).list_objects_v2(Bucket=s3.BUCKET)
            return words

    yield ask
    multipart._client.cache_clear()


def doctor() -> str:
    out = io.StringIO()
    try:
        call_command("doctor", stdout=out)
    except SystemExit as ended:
        out.write(f"exit {ended.code}\n")
    return out.getvalue()[out.getvalue().index("Browser uploads") - 8 :]


def test_a_bucket_that_lets_our_pages_in_is_well(told: Any) -> None:
    assert told(lets_in="http://localhost:8000", page="http://localhost:8000/").startswith("ok      Browser uploads")


def test_a_bucket_without_a_rule_is_missing_one_and_the_doctor_writes_it(told: Any) -> None:
    words = told(lets_in="", page="http://fynix.example:80")
    assert words.startswith("missing Browser uploads")
    assert "the bucket has no rule that lets http://fynix.example in" in words
    assert words.endswith("exit 1\n")
    (line,) = (line for line in words.splitlines() if "put-bucket-cors" in line)
    argv = shlex.split(line)
    assert argv[:5] == ["aws", "s3api", "put-bucket-cors", "--bucket", s3.BUCKET]
    (rule,) = json.loads(argv[-1])["CORSRules"]
    assert rule["AllowedOrigins"] == ["http://fynix.example"]
    assert rule["AllowedMethods"] == ["PUT"]


def test_a_rule_for_other_pages_is_none_for_ours(told: Any) -> None:
    assert "pages of http://fynix.example are not let in" in told(
        lets_in="http://old.example", page="http://fynix.example"
    )


def test_each_thing_that_a_rule_lacks_is_named(told: Any) -> None:
    allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD"}
    with answering(allowed) as address:
        words = told(lets_in="", page="http://fynix.example", browsers_go_to=address)
    assert "PUT is not allowed; the header content-type is not allowed" in words
    assert "not let in" not in words


def test_a_store_that_refuses_what_was_signed_for_it_needs_no_rule(told: Any) -> None:
    names = ("Origin", "Methods", "Headers")
    with answering({f"Access-Control-Allow-{name}": "*" for name in names}) as address:
        words = told(lets_in="", page="http://fynix.example", browsers_go_to=address)
    assert "refuses a signed part with 403" in words
    assert "put-bucket-cors" not in words


def test_pages_with_tls_send_nothing_in_the_clear(told: Any) -> None:
    words = told(lets_in=PAGES, page=PAGES)
    assert re.search(rf"pages of {PAGES} may not send to http://", words)


def test_an_address_that_only_browsers_reach_is_a_warning(told: Any) -> None:
    words = told(lets_in="", page="http://fynix.example", browsers_go_to="http://127.0.0.1:1")
    assert words.startswith("warn    Browser uploads")
    assert "exit 1" not in words


def test_without_our_own_address_nothing_can_be_tried(told: Any) -> None:
    assert "Set FYNIX_PUBLIC_URL" in told(lets_in="", page="")


def test_a_store_that_is_away_is_said_and_so_is_one_that_is_not_used(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "parts come to this server" in doctor()
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    settings.STORAGES = {**settings.STORAGES, "default": s3.storage("http://127.0.0.1:1")}
    settings.S3_PUBLIC_ENDPOINT_URL, settings.PUBLIC_URL = "http://127.0.0.1:1", "http://fynix.example"
    assert "the store does not answer" in doctor()
    multipart._client.cache_clear()
