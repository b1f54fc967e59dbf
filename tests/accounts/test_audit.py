"""The record of key actions: complete, chained, never changed."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from auditlog.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts import audit, projects
from accounts.models import Allowance, AuditEvent, AuditHead, User
from fynix.queue import jobs
from tests import make
from tests.cast import Cast, api, as_


def events(*acts: audit.Act) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action__in=acts).order_by("seq"))


def verify(*options: str) -> str:
    out = StringIO()
    call_command("audit", "verify", *options, stdout=out)
    return out.getvalue().strip()


@pytest.mark.django_db
def test_a_click_is_recorded_with_who_what_where_and_the_request(cast: Cast) -> None:
    as_(cast.ada).post("/p/acme/settings/members", {"email": "sue@example.org", "role": "viewer"},
                       headers={"x-request-id": "click-0001"})  # fmt: skip
    event = events(audit.Act.MEMBER_ADD)[-1]
    assert (event.actor, event.actor_email, event.via) == (cast.ada, "ada@example.org", "session")
    assert (event.project, event.subject, event.request_id) == (
        cast.acme,
        f"user:{cast.sue.pk}",
        "click-0001",
    )
    assert event.detail == {"email": "sue@example.org", "role": "viewer"}


@pytest.mark.django_db
def test_a_program_is_recorded_as_its_person_through_a_token(cast: Cast) -> None:
    api(cast.ada).patch(f"/api/v1/projects/acme/members/{cast.vic.pk}", {"role": "analyst"})
    event = events(audit.Act.MEMBER_CHANGE)[-1]
    assert (event.actor, event.via) == (cast.ada, "jwt")
    assert event.detail == {"email": "vic@example.org", "former": "viewer", "role": "analyst"}
    assert LogEntry.objects.get_for_object(cast.vic.memberships.get()).first().actor == cast.ada


@pytest.mark.django_db
def test_what_the_verb_takes_back_is_not_recorded(cast: Cast) -> None:
    before = AuditEvent.objects.count()
    assert api(cast.ada).delete(f"/api/v1/projects/acme/members/{cast.ada.pk}").status_code == 409
    assert AuditEvent.objects.count() == before


@pytest.mark.django_db
def test_signing_in_and_being_refused_are_recorded_without_what_was_typed(cast: Cast) -> None:
    browser = as_(None)
    browser.post("/accounts/login/", {"login": "ada@example.org", "password": "a wrong password"})
    browser.post("/accounts/login/", {"login": "ada@example.org", "password": make.PASSWORD})
    refused, signed_in = events(audit.Act.SIGN_IN_REFUSED), events(audit.Act.SIGN_IN)
    assert [event.subject for event in refused + signed_in] == [f"user:{cast.ada.pk}"] * 2
    assert "wrong" not in str(AuditEvent.objects.values())


@pytest.mark.django_db
def test_the_chain_holds(cast: Cast) -> None:
    count = AuditEvent.objects.count()
    assert count >= 5
    assert verify() == f"All {count} events hold."


@pytest.mark.django_db
def test_the_database_refuses_to_change_or_remove_an_event(cast: Cast) -> None:
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        AuditEvent.objects.update(actor=cast.mallory)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        AuditEvent.objects.all()._raw_delete("default")


@pytest.mark.django_db
def test_the_database_refuses_to_write_over_an_event_or_to_empty_the_table(cast: Cast) -> None:
    before = list(AuditEvent.objects.order_by("seq").values_list("seq", "hash"))
    rest = "via, project_id, subject, detail, request_id, previous_hash, hash"
    into = f"accounts_auditevent (seq, at, action, actor_id, actor_email, {rest})"
    copied = f"SELECT seq, at, action, actor_id, 'mallory', {rest} FROM accounts_auditevent"  # noqa: S608
    forged = {
        "sqlite": f"INSERT OR REPLACE INTO {into} {copied}",
        "postgresql": "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE accounts_auditevent",
    }
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(forged[connection.vendor])
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_auditevent WHERE seq = (SELECT MAX(seq) FROM accounts_auditevent)")
    assert list(AuditEvent.objects.order_by("seq").values_list("seq", "hash")) == before


@pytest.mark.django_db
def test_a_whole_new_chain_does_not_go_through_an_end_that_was_noted(cast: Cast, caplog: Any) -> None:
    out = StringIO()
    call_command("audit", "head", stdout=out)
    noted = out.getvalue().strip()
    audit.tell_head(at=make.NOW)
    assert noted in caplog.text
    projects.rename(cast.acme, name="Acme two", by=cast.ada, at=make.NOW)
    assert verify("--head", noted).startswith("All ")
    with connection.cursor() as cursor:
        cursor.execute(LIFT_SEAL[connection.vendor])
    previous = audit.GENESIS
    for event in AuditEvent.objects.order_by("seq"):  # Mallory knows how, and leaves a chain that holds in itself
        event.actor_email, event.previous_hash = "mallory@example.org", previous
        previous = event.hash = audit.digest(event)
        event.save()
    AuditHead.objects.update(hash=previous)
    assert verify().startswith("All ")
    for end in (noted, "no end", "9:"):
        with pytest.raises(CommandError, match="does not go through"):
            verify("--head", end)


@pytest.mark.django_db(transaction=True)
def test_what_people_change_about_their_own_way_in_is_recorded_without_the_secret(cast: Cast) -> None:
    EmailAddress.objects.create(user=cast.ada, email=cast.ada.email, verified=True, primary=True)
    ada = as_(None)
    ada.post("/accounts/login/", {"login": "ada@example.org", "password": make.PASSWORD})
    new = "a much better battery"
    ada.post("/accounts/password/change/", {"oldpassword": make.PASSWORD, "password1": new, "password2": new})
    ada.post("/accounts/reauthenticate/", {"password": new})
    code = totp(ada.get("/accounts/2fa/totp/activate/").context["form"].secret)
    ada.post("/accounts/2fa/totp/activate/", {"code": code})
    ada.post("/accounts/2fa/totp/deactivate/")
    ada.post("/accounts/logout/")
    own = [audit.Act.PASSWORD_CHANGE, audit.Act.FACTOR_ADD, audit.Act.FACTOR_REMOVE, audit.Act.SIGN_OUT]
    told = events(*own)
    assert {event.action for event in told} == {str(act) for act in own}
    assert {event.actor_email for event in told} == {"ada@example.org"}
    assert {event.detail["type"] for event in told if event.action.startswith("factor")} >= {"totp"}
    assert new not in str(AuditEvent.objects.values())
    assert code not in str([event.detail for event in told])


def totp(secret: str) -> str:
    """The code that a telephone shows now."""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


@pytest.mark.django_db
def test_staff_are_recorded_through_the_administration(cast: Cast) -> None:
    User.objects.filter(pk=cast.ada.pk).update(is_staff=True, is_superuser=True)
    admin = as_(User.objects.get(pk=cast.ada.pk))
    assert admin.post(f"/admin/accounts/allowance/{cast.acme.pk}/change/", {"limit_bytes": 7}).status_code == 302
    event = events(audit.Act.ALLOWANCE_CHANGE)[-1]
    assert (event.actor, event.via, event.detail["limit"]) == (cast.ada, "admin", 7)
    assert LogEntry.objects.get_for_object(Allowance.objects.get(project=cast.acme)).first().actor == cast.ada


@pytest.mark.django_db(transaction=True)
def test_what_a_worker_changes_is_by_whoever_asked_for_the_work(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.enqueue(kind="train", subject="x", project_id=cast.acme.pk, user_id=cast.ben.pk, at=make.NOW)

    def workshop(*, job_id: str, attempt: int) -> bool:
        projects.rename(cast.acme, name="Acme three", by=cast.ben, at=make.NOW)
        return True

    monkeypatch.setattr("fynix.queue.work.execute", workshop)
    monkeypatch.setattr("fynix.leash.die_with_parent", lambda: None)
    call_command("work", job.pk, "1")
    assert events(audit.Act.PROJECT_RENAME)[-1].via == "worker"
    assert LogEntry.objects.get_for_object(cast.acme).latest("pk").actor == cast.ben


@pytest.mark.django_db
def test_sue_finds_events_by_person_project_id_request_and_reason_and_changes_none(cast: Cast) -> None:
    as_(cast.mia).post("/p/acme/settings/members", {"email": "sue@example.org", "role": "viewer"},
                       headers={"x-request-id": "click-0002"})  # fmt: skip
    projects.rename(cast.acme, name="Acme and daughters", by=cast.ada, at=make.NOW)
    sue, event = as_(cast.sue), events(audit.Act.MEMBER_ADD)[-1]
    list_ = "/admin/accounts/auditevent/"
    for words in ("mia@example.org", "click-0002", f"user:{cast.sue.pk}", "acme"):
        found = sue.get(list_, {"q": words})
        assert event in found.context["cl"].result_list, words
    assert sue.get(list_, {"q": "daughters"}).context["cl"].result_list[0].action == "project:rename"
    shown = sue.get(list_, {"action": "member:add", "via": "session"}).content.decode()
    assert "email: sue@example.org, role: viewer" in shown
    address = f"{list_}{event.pk}/change/"
    assert sue.get(address).status_code == 200
    assert sue.post(address, {"subject": "other"}).status_code == 403
    assert sue.post(f"{list_}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    sue.post(list_, {"action": "delete_selected", "_selected_action": [event.pk]})
    assert events(audit.Act.MEMBER_ADD)[-1] == event


LIFT_SEAL = {
    "sqlite": "DROP TRIGGER accounts_auditevent_UPDATE_refused",
    "postgresql": "SET LOCAL session_replication_role = replica",
}


@pytest.mark.django_db
def test_who_goes_around_the_database_breaks_the_chain_where_they_touched_it(cast: Cast) -> None:
    victim = events(audit.Act.MEMBER_ADD)[0]
    with connection.cursor() as cursor:
        cursor.execute(LIFT_SEAL[connection.vendor])
    AuditEvent.objects.filter(pk=victim.pk).update(actor_email="mallory@example.org")
    with pytest.raises(CommandError, match=f"broken at event {victim.seq}"):
        verify()


@pytest.mark.django_db
def test_events_cut_off_the_end_are_missed(cast: Cast) -> None:
    held, _ = audit.verify()
    AuditHead.objects.update(hash="f" * 64)
    assert audit.verify() == (held, AuditEvent.objects.latest("seq").seq + 1)


@pytest.mark.django_db(transaction=True)
def test_eight_writers_at_once_make_one_chain(cast: Cast) -> None:
    before = AuditEvent.objects.count()

    def write(number: int) -> None:
        try:
            audit.record(audit.Act.RUN_START, actor=cast.ben, project=cast.acme, subject=f"run_{number}", at=make.NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(24)))
    assert audit.verify() == (before + 24, None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("proxies", "forwarded", "noted"),
    [(0, "6.6.6.6", None), (1, "6.6.6.6, 10.0.0.9", "10.0.0.9"), (2, "6.6.6.6, 10.0.0.9, 10.0.0.8", "10.0.0.9"),
     (2, "6.6.6.6", None), (1, "not an address", None), (1, "", None)],
)  # fmt: skip
def test_the_trace_of_a_change_names_no_address_that_a_client_made_up(
    cast: Cast, settings: Any, proxies: int, forwarded: str, noted: str | None
) -> None:
    settings.PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Port": "9" * 30}
    assert as_(cast.ada).post("/p/acme/settings/name", {"name": "Acme two"}, headers=headers).status_code == 302
    entry = LogEntry.objects.get_for_object(cast.acme).latest("pk")
    assert (entry.actor, entry.remote_addr, entry.remote_port) == (cast.ada, noted, None)
