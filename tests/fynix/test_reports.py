"""Error reports leave the server without a value of anybody's table."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from sentry_sdk.transport import Transport

from fynix import urls
from fynix.observability import context, reports
from fynix.queue import jobs, work
from fynix.queue.models import Job
from tests.cast import Cast, as_
from tests.make import NOW
from tests.receivers import Postbox as RealPostbox
from tests.receivers import postbox as listening


class Postbox(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.sent += [item.payload.json for item in envelope.items]


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    box = Postbox()
    reports.start("https://public@errors.example/1", transport=box)
    yield box
    sentry_sdk.get_client().close()
    sentry_sdk.Scope.get_global_scope().set_client(None)


def test_a_report_names_the_place_and_the_request_but_no_cell(postbox: Postbox) -> None:
    row = {"ssn": "-".join(["123", "45", "6780"])}  # joined, since reports do quote the lines of code
    with context.bound(request_id="request-12345"):
        try:
            raise ValueError(f"cannot read {row['ssn']}")
        except ValueError as error:
            sentry_sdk.capture_exception(error)
    told = json.dumps(postbox.sent)
    assert "test_reports.py" in told
    assert postbox.sent[0]["tags"]["request_id"] == "request-12345"
    assert row["ssn"] not in told


@pytest.mark.parametrize("secret", ["/dl/x:cafe", "/u/up_1/2?s=cafe", "/accounts/password/reset/key/3-cafe/"])
def test_a_report_keeps_the_address_without_the_right_in_it(postbox: Postbox, secret: str) -> None:
    sentry_sdk.capture_event({"message": "broken", "request": {"url": f"https://fynix.example{secret}"}})
    told = json.dumps(postbox.sent)
    assert "fynix.example" in told
    assert "cafe" not in told


SSN, TOKEN = "-".join(["123", "45", "6781"]), "".join(["fynix", "_pat_", "cafe" * 8])


def broken(request: HttpRequest) -> HttpResponse:
    row = {"ssn": SSN, "who": request.user.email}  # a local variable with a cell and an address in it
    raise RuntimeError(f"cannot use {row} of {request.body!r}")


urlpatterns = [path("broken", broken), *urls.urlpatterns]


@pytest.fixture
def sentry() -> Iterator[RealPostbox]:
    """A server that takes envelopes, and reports that go to it by the library's own transport."""
    with listening() as box:
        reports.start(box.dsn)
        yield box
        sentry_sdk.get_client().close()
        sentry_sdk.Scope.get_global_scope().set_client(None)


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_what_leaves_the_server_holds_no_cell_cookie_token_or_address(sentry: RealPostbox, cast: Cast) -> None:
    browser = as_(cast.ada)
    browser.raise_request_exception = False
    session = browser.cookies["fynix_session"].value
    answer = browser.post(
        f"/broken?ssn={SSN}&email={cast.ada.email}", {"ssn": SSN}, content_type="application/json",
        headers={"Authorization": f"Bearer {TOKEN}", "X-Request-ID": "click-of-ada-01", "Referer": f"/?{SSN}"},
    )  # fmt: skip
    assert answer.status_code == 500
    sentry_sdk.flush(5)

    [event] = sentry.events
    assert event["tags"]["request_id"] == "click-of-ada-01"
    assert event["exception"]["values"][0]["type"] == "RuntimeError"
    for secret in (SSN, TOKEN, session, cast.ada.email, "cookie", "Referer", "vars"):
        assert secret not in sentry.text, secret


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_ours_in_a_workshop_is_reported_without_the_cell_it_fell_over(
    sentry: RealPostbox, cast: Cast, settings: Any
) -> None:
    job = jobs.enqueue(kind="package", subject="x", project_id=cast.acme.pk, user_id=cast.ben.pk, at=NOW)
    claimed = jobs.claim(job_id=job.pk, owner="here", at=NOW)
    settings.JOB_KINDS = {"package": {"workshop": f"{__name__}.fall", "ended": ""}}
    assert claimed is not None
    assert work.execute(job_id=job.pk, attempt=claimed.attempt)
    sentry_sdk.flush(5)

    assert Job.objects.get(pk=job.pk).error_code == "internal"
    [event] = sentry.events
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert SSN not in sentry.text


def fall(work: object) -> None:
    cell = SSN
    raise ValueError(f"no number: {cell}")
