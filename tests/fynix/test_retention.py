"""Files that go after a time: told before, taken with care, and never those that somebody relies on."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from django.core import mail
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.forms import model_to_dict
from django.utils.timezone import now

from accounts import access, letters, notifications, quotas, retention
from accounts.audit import Act
from accounts.models import Allowance, AuditEvent, Keepsake, News, RetentionRule, RetentionWarning
from datasets.models import DatasetVersion
from fynix import activity, blobs, env
from fynix.queue.models import Job
from fynix.retention import expiry
from fynix.safekeeping import invariants, strays
from registry import promotion
from registry.models import Alias, Artifact, ModelVersion, Pin
from sandbox.models import Batch, TestRun
from tests.cast import Cast, api, as_
from tests.datasets.uploading import read, uploaded
from tests.registry.conftest import (  # noqa: F401
    Finish,
    churn,
    churn_table,
    claimed,
    config,
    finish,
    first,
    learnt,
    proofs,
)
from tests.sandbox.test_many import GOOD, ask, put_through
from tests.training.conftest import run  # noqa: F401
from tests.training.test_socket import listening
from training import contract, events
from training.engine.observer import Level
from training.models import Run, RunEvent

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
FILES, RESULTS, UPLOADS, LOGS = Keepsake.FILES, Keepsake.RESULTS, Keepsake.UPLOADS, Keepsake.LOGS
PAGE = "/p/acme/settings/retention"
API = "/api/v1/projects/acme/retention"


@pytest.fixture
def old(cast: Cast, first: ModelVersion, settings: Any) -> ModelVersion:  # noqa: F811
    """A version that is 30 days and an hour old, in a project that keeps files for 30 days."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    retention.set_days(cast.acme, {FILES: 30, LOGS: None}, by=cast.ada, at=now())
    ModelVersion.objects.filter(pk=first.pk).update(created_at=now() - 30 * DAY - timedelta(hours=1))
    first.refresh_from_db()
    return first


def made(version: ModelVersion) -> list[str]:
    """The formats of its files that were made from it."""
    files = version.artifacts.exclude(sha256=version.sha256)
    return sorted(files.values_list("format", flat=True))


def test_files_go_a_week_after_people_were_told_and_the_model_stays(cast: Cast, old: ModelVersion) -> None:
    before, began = Allowance.objects.get(project=cast.acme).used_bytes, now()
    files = list(old.artifacts.exclude(sha256=old.sha256))
    assert len(files) > 3
    expiry.turn(at=began)
    expiry.turn(at=began + 7 * DAY - timedelta(minutes=1))
    assert len(made(old)) == len(files)
    expiry.turn(at=began + 7 * DAY)
    assert made(old) == []
    assert old.artifacts.count() == Artifact.objects.filter(sha256=old.sha256).count()
    freed = sum(file.size_bytes for file in files)
    assert Allowance.objects.get(project=cast.acme).used_bytes == before - freed
    assert [*invariants.quotas_add_up(now())] == []
    event = AuditEvent.objects.get(action=Act.FILES_EXPIRE)
    assert (event.subject, event.actor, event.detail["bytes"]) == (old.pk, None, freed)
    assert f"{files[0].filename} {files[0].sha256}" in event.detail["files"]
    expiry.turn(at=began + 8 * DAY)
    assert AuditEvent.objects.filter(action=Act.FILES_EXPIRE).count() == 1
    page = as_(cast.vic).get(f"/p/acme/models/{old.model.name}/v/1")
    assert page.status_code == 200
    answer = api(cast.ben).post(f"/api/v1/model-versions/{old.pk}/predictions", {"inputs": {"months": 3}})
    assert answer.status_code == 200


def test_maintainers_and_owners_are_told_once_in_the_bell_and_by_letter(cast: Cast, old: ModelVersion) -> None:
    for day in range(3):
        expiry.turn(at=now() + day * DAY)
    rows = notifications.listed(cast.mia).filter(kind=News.FILES_EXPIRE)
    assert [notifications.sentence(row) for row in rows] == [
        "In seven days files or logs go from Acme. Things that lose theirs: 1."
    ]
    assert rows[0].address == PAGE
    assert rows[0].letter_due_at is not None
    assert not notifications.listed(cast.ben).filter(kind=News.FILES_EXPIRE).exists()
    letters.send(at=now())
    assert sorted(each.to[0] for each in mail.outbox) == ["ada@example.org", "mia@example.org"]


def test_a_version_that_is_not_old_enough_is_neither_told_nor_taken(cast: Cast, old: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=old.pk).update(created_at=now() - 20 * DAY)
    expiry.turn(at=now())
    expiry.turn(at=now() + 2 * DAY)
    assert not RetentionWarning.objects.exists()
    expiry.turn(at=now() + 3 * DAY)
    assert RetentionWarning.objects.count() == 1
    expiry.turn(at=now() + 9 * DAY)
    assert made(old)


def in_production(cast: Cast, version: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(is_production=True)


def pinned(cast: Cast, version: ModelVersion) -> None:
    Pin.objects.create(version=version, by=cast.mia, at=now())


def named(cast: Cast, version: ModelVersion) -> None:
    Alias.objects.create(model=version.model, name="champion", version=version, by=cast.mia, at=now())


def in_a_test(cast: Cast, version: ModelVersion) -> None:
    api(cast.ben).post(f"/api/v1/model-versions/{version.pk}/predictions", {"inputs": {"months": 3}})
    assert TestRun.objects.filter(version=version).exists()


@pytest.mark.parametrize(
    ("protect", "reason"),
    [(in_production, "in production"), (pinned, "somebody pinned it"), (named, "an alias names it"),
     (in_a_test, "its tests are evidence")],
)  # fmt: skip
def test_what_somebody_relies_on_stays_even_when_it_was_told_of(
    cast: Cast, old: ModelVersion, protect: Any, reason: str
) -> None:
    began = now()
    expiry.turn(at=began)
    protect(cast, old)
    expiry.turn(at=began + 8 * DAY)
    assert made(old)
    assert not RetentionWarning.objects.exists()
    assert reason in as_(cast.vic).get(PAGE).content.decode()
    assert expiry.deletable(cast.acme, days={FILES: 30}, at=began + 99 * DAY) == []


def test_the_target_of_a_rollback_stays(cast: Cast, old: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "previous", lambda current: old)
    ModelVersion.objects.filter(pk=old.pk).update(is_production=True)
    reasons = [retention._protectors[key][1](cast.acme) for key in ("rollback",)]
    assert [old.pk in each for each in reasons] == [True]


def test_a_promotion_at_the_last_moment_saves_the_files(cast: Cast, old: ModelVersion, monkeypatch: Any) -> None:
    began = now()
    expiry.turn(at=began)
    (ripe,) = expiry._ripe(cast.acme, began + 8 * DAY)
    in_production(cast, old)  # between the look and the going
    expiry._expire(cast.acme, ripe, began + 8 * DAY)
    assert made(old)


def test_two_at_once_take_and_give_back_once(cast: Cast, old: ModelVersion) -> None:
    began = now()
    expiry.turn(at=began)

    def turn(_: int) -> None:
        try:
            expiry.turn(at=began + 8 * DAY)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(turn, range(4)))
    assert made(old) == []
    assert [*invariants.quotas_add_up(now())] == []
    assert AuditEvent.objects.filter(action=Act.FILES_EXPIRE).count() == 1


def test_a_project_that_keeps_files_for_ever_loses_none(cast: Cast, old: ModelVersion) -> None:
    expiry.turn(at=now())
    retention.set_days(cast.acme, {FILES: None}, by=cast.ada, at=now())
    expiry.turn(at=now() + 8 * DAY)
    assert made(old)
    assert not RetentionWarning.objects.exists()
    assert "Files of versions: kept for ever." in as_(cast.vic).get(PAGE).content.decode()


def test_the_servers_rule_holds_where_a_project_has_none(cast: Cast, settings: Any) -> None:
    assert retention.days(cast.acme)[FILES] == 365
    settings.RETENTION_DAYS = 0
    assert retention.days(cast.acme)[FILES] is None


def test_ada_sees_in_bytes_what_a_rule_would_take_before_she_makes_it(cast: Cast, old: ModelVersion) -> None:
    retention.set_days(cast.acme, {FILES: None}, by=cast.ada, at=now())
    size = sum(file.size_bytes for file in old.artifacts.exclude(sha256=old.sha256))
    asked = as_(cast.ada).get(PAGE, {"file_days": 30})
    assert (asked.context["soon"], asked.context["soon_bytes"]) == (1, size)
    assert "goes seven days after the warning" in asked.content.decode()
    assert retention.days(cast.acme)[FILES] is None
    told = api(cast.vic).get(f"{API}/preview", {"file_days": 30}).json()
    assert (told["rules"]["file_days"], told["soon"], told["soon_bytes"]) == (30, 1, size)
    (row,) = told["data"]
    assert (row["kind"], row["id"], row["name"]) == ("file", old.pk, "churn v1")
    assert (row["size_bytes"], row["kept"]) == (size, "")
    own = api(cast.vic).get(f"{API}/preview").json()
    assert own["rules"]["file_days"] is None
    assert (own["soon"], own["soon_bytes"], own["data"]) == (0, 0, [])
    later = as_(cast.ada).get(PAGE, {"file_days": 90})
    assert later.context["soon"] == 0
    assert f"{old.created_at + 90 * DAY:%Y-%m-%d}" in later.content.decode()
    assert as_(cast.ada).post(PAGE, {"file_days": "90"}).status_code == 302
    assert retention.days(cast.acme)[FILES] == 90
    event = AuditEvent.objects.get(action=Act.RETENTION_CHANGE, detail__days=90)
    assert (event.actor, event.detail["former"]) == (cast.ada, None)


@pytest.mark.parametrize("days", ["13", "-1", "3651", "many"])
def test_a_rule_that_makes_no_sense_is_refused_at_its_field(cast: Cast, days: str) -> None:
    answer = as_(cast.ada).post(PAGE, {"file_days": days})
    assert answer.status_code == 422
    assert answer.context["form"].errors["file_days"]
    assert not RetentionRule.objects.exists()


def test_a_program_reads_and_changes_the_rule(cast: Cast) -> None:
    assert api(cast.vic).get(API).json() == {"file_days": 365, "result_days": 365, "upload_days": None, "log_days": 365}
    for days in (90, None):
        answer = api(cast.ada).put(API, {"file_days": days})
        assert (answer.status_code, answer.json()["file_days"]) == (200, days)
        assert retention.days(cast.acme)[FILES] == days
    assert AuditEvent.objects.filter(action=Act.RETENTION_CHANGE).count() == 2
    assert api(cast.mia).put(API, {"file_days": 90}).status_code == 403
    for wrong in ({"file_days": 13}, {"file_days": 3651}, {"file_days": "many"}, {}):
        assert api(cast.ada).put(API, wrong).status_code == 422, wrong
    assert api(cast.vic).get(f"{API}/preview?file_days=13").status_code == 422


def test_the_database_keeps_files_a_fortnight(cast: Cast) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        RetentionRule.objects.create(project=cast.acme, kind=FILES, days=13, changed_by=cast.ada, changed_at=now())


# The bytes themselves


@pytest.fixture
def aged() -> Iterator[Any]:
    """Makes a stored file so many hours old."""

    touched = set()

    def age(sha256: str, hours: float) -> None:
        moment = (now() - timedelta(hours=hours)).timestamp()
        os.utime(default_storage.path(f"{sha256[:2]}/{sha256}"), (moment, moment))
        touched.add(sha256)

    yield age
    for sha256 in touched:
        blobs.touch(sha256)


def test_bytes_that_no_row_names_go_after_a_day(cast: Cast, aged: Any) -> None:
    young, stray = (blobs.put_bytes(data).sha256 for data in (b"young", b"stray"))
    aged(stray, 25)
    out = StringIO()
    call_command("strays", stdout=out)
    assert stray in out.getvalue()
    assert young not in out.getvalue()
    assert blobs.exists(stray)
    call_command("strays", "--remove", stdout=out)
    assert (blobs.exists(stray), blobs.exists(young)) == (False, True)
    blobs.remove(stray)  # gone already, which is no error


def test_bytes_that_a_row_names_stay_however_old(cast: Cast, aged: Any, first: ModelVersion) -> None:  # noqa: F811
    for sha256 in list(blobs.everything()):
        aged(sha256, 999)
    strays.remove(at=now())
    rows = [first.sha256, first.run.outcome.holdout_sha256, first.dataset_version.table_sha256]
    assert all(map(blobs.exists, [*rows, *first.artifacts.values_list("sha256", flat=True)]))


def test_storing_the_same_bytes_again_makes_them_young(cast: Cast, aged: Any, tmp_path: Path) -> None:
    stray = blobs.put_bytes(b"stored twice").sha256
    aged(stray, 25)
    assert [*strays.found(at=now())].count(stray) == 1
    blobs.put_bytes(b"stored twice")  # its row is not written yet
    strays.remove(at=now())
    assert blobs.exists(stray)


def test_files_that_went_leave_the_disk_a_day_later(cast: Cast, old: ModelVersion, aged: Any) -> None:
    shas = list(old.artifacts.exclude(sha256=old.sha256).values_list("sha256", flat=True))
    for sha256 in shas:
        aged(sha256, 999)
    expiry.turn(at=now())
    expiry.turn(at=now() + 8 * DAY)
    strays.remove(at=now() + timedelta(hours=23))
    assert all(map(blobs.exists, shas))
    strays.remove(at=now() + timedelta(hours=25))
    assert not any(map(blobs.exists, shas))


def test_what_went_is_given_back_to_whoever_made_the_project(cast: Cast) -> None:
    quotas.charge(project=cast.acme, user=cast.ben, kind="artifact", subject="a", size_bytes=70, at=now())
    quotas.give_back(project=cast.acme, user=cast.ben, kind="artifact", subject="a", size_bytes=70, at=now())
    assert quotas.personal_usage(cast.ada).used_bytes == 0
    assert api(cast.vic).get("/api/v1/projects/acme/usage").json()["used_bytes"] == 0


# Answers of tests of many rows


@pytest.fixture
def answered(cast: Cast, first: ModelVersion) -> Batch:  # noqa: F811
    """Ben's test of many rows, a day older than the 30 days that the project keeps its answers."""
    batch = put_through(cast.ben, first)
    retention.set_days(cast.acme, {FILES: None, RESULTS: 30, LOGS: None}, by=cast.ada, at=now())
    Batch.objects.filter(pk=batch.pk).update(created_at=now() - 31 * DAY)
    return batch


def test_answers_of_a_test_go_after_a_warning_and_its_figures_stay(cast: Cast, answered: Batch, aged: Any) -> None:
    before, began = Allowance.objects.get(project=cast.acme).used_bytes, now()
    for sha256 in (answered.results_sha256, answered.input_sha256):
        aged(sha256, 999)
    freed = answered.results_bytes + answered.rows_bytes
    assert answered.rows_bytes == len(GOOD)
    expiry.turn(at=began)
    (told,) = notifications.listed(cast.mia).filter(kind=News.FILES_EXPIRE)
    assert told.address == PAGE
    expiry.turn(at=began + 6 * DAY)
    assert api(cast.ben).get(f"/api/v1/batch-tests/{answered.pk}/results").status_code == 200
    for day in (7, 8):
        expiry.turn(at=began + day * DAY)
    refused = api(cast.ben).get(f"/api/v1/batch-tests/{answered.pk}/results")
    assert (refused.status_code, refused.json()["code"]) == (410, "results_gone")
    assert "this project keeps them for a time. The figures stay." in refused.json()["detail"]
    page = as_(cast.ben).get(f"/p/acme/tests/{answered.pk}").content.decode()
    assert "The answers have gone" in page
    assert "The rows that were sent went, too." in page
    assert "Figures on these rows" in page
    assert "Answers as CSV" not in page
    assert Allowance.objects.get(project=cast.acme).used_bytes == before - freed
    assert [*invariants.quotas_add_up(now())] == []
    event = AuditEvent.objects.get(action=Act.RESULTS_EXPIRE)
    assert (event.subject, event.actor) == (answered.pk, None)
    assert event.detail == {"rows": answered.input_sha256, "results": answered.results_sha256, "bytes": freed}
    lines = [line.sentence for line in activity.latest(access.projects_of(cast.vic))]
    assert "Rows and answers of a test of churn went, as the project's rule says." in lines
    strays.remove(at=now() + timedelta(hours=25))
    assert not blobs.exists(answered.results_sha256)
    assert not blobs.exists(answered.input_sha256)
    assert not any(answered.pk in breach for breach in invariants.present(now()))
    told_of = api(cast.vic).get(f"/api/v1/batch-tests/{answered.pk}").json()
    assert told_of["results_gone_at"] == told_of["rows_gone_at"] is not None


def test_rows_of_a_test_that_failed_go_and_rows_that_were_not_sent_stay(
    cast: Cast,
    first: ModelVersion,  # noqa: F811
) -> None:
    failed = put_through(cast.ben, first, rows_csv="a,b\n1,2\n")
    assert (failed.results_sha256, failed.rows_bytes) == ("", 8)
    held_back = put_through(cast.ben, first, rows_from="holdout", rows_csv="")
    waiting = Batch.objects.get(pk=ask(cast.ben, first).json()["batch_test_id"])
    Batch.objects.update(created_at=now() - 31 * DAY)
    retention.set_days(cast.acme, {FILES: None, RESULTS: 30}, by=cast.ada, at=now())
    rows = {row.stored.subject: row.stored for row in expiry.prospects(cast.acme, days={RESULTS: 30})}
    assert {subject: (row.files, row.size_bytes) for subject, row in rows.items()} == {
        failed.pk: (1, 8), held_back.pk: (1, held_back.results_bytes)
    }  # fmt: skip
    for day in (0, 8, 9):
        expiry.turn(at=now() + day * DAY)
    for batch in (failed, held_back, waiting):
        batch.refresh_from_db()
    assert (bool(failed.rows_gone_at), failed.results_gone_at) == (True, None)
    assert (held_back.rows_gone_at, bool(held_back.results_gone_at)) == (None, True)
    assert (waiting.rows_gone_at, waiting.results_gone_at) == (None, None)
    assert blobs.exists(held_back.input_sha256)
    assert [*invariants.quotas_add_up(now())] == []
    assert AuditEvent.objects.filter(action=Act.RESULTS_EXPIRE).count() == 2
    page = as_(cast.vic).get(f"/p/acme/tests/{failed.pk}").content.decode()
    assert "The rows have gone" in page
    assert "The answers have gone" not in page
    with pytest.raises(IntegrityError), transaction.atomic():
        Batch.objects.filter(pk=held_back.pk).update(rows_gone_at=now())


def cite(cast: Cast, batch: Batch) -> None:
    said = promotion.Said("Good on new rows.", evidence=TestRun.objects.get(batch=batch).pk)
    version = batch.versions.get()
    promotion.promote(version=version, by=cast.mia, said=said, seen_revision=0, at=now())
    ModelVersion.objects.filter(pk=version.pk).update(is_production=False)  # as when another one had followed


@pytest.mark.parametrize(
    ("protect", "reason"),
    [
        (lambda cast, batch: in_production(cast, batch.versions.get()), "in production"),
        (lambda cast, batch: pinned(cast, batch.versions.get()), "somebody pinned it"),
        (cite, "a promotion cites it"),
    ],
)
def test_answers_that_somebody_relies_on_stay(cast: Cast, answered: Batch, protect: Any, reason: str) -> None:
    began = now()
    expiry.turn(at=began)
    (ripe,) = expiry._ripe(cast.acme, began + 8 * DAY)
    protect(cast, answered)
    expiry._expire(cast.acme, ripe, began + 8 * DAY)  # it was protected between the look and the going
    expiry.turn(at=began + 9 * DAY)
    expiry.turn(at=began + 18 * DAY)
    assert api(cast.ben).get(f"/api/v1/batch-tests/{answered.pk}/results").status_code == 200
    assert reason in as_(cast.vic).get(PAGE).content.decode()


def test_each_kind_has_a_rule_of_its_own_and_the_servers_default(cast: Cast, settings: Any, answered: Batch) -> None:
    assert "Answers of tests: kept for 30 days." in as_(cast.vic).get(PAGE).content.decode()
    told = api(cast.vic).get(f"{API}/preview").json()
    assert [(row["kind"], row["id"], row["size_bytes"]) for row in told["data"]] == [
        ("result", answered.pk, answered.results_bytes + answered.rows_bytes)
    ]
    assert (told["soon"], told["soon_bytes"]) == (1, answered.results_bytes + answered.rows_bytes)
    assert api(cast.vic).get(f"{API}/preview", {"result_days": 90}).json()["soon"] == 0
    assert api(cast.ada).put(API, {"result_days": 60}).json()["result_days"] == 60
    assert retention.days(cast.acme)[FILES] is None
    assert as_(cast.ada).post(PAGE, {"result_days": ""}).status_code == 302
    assert retention.days(cast.acme)[RESULTS] is None
    RetentionRule.objects.all().delete()
    settings.RETENTION_RESULT_DAYS = 77
    assert retention.days(cast.acme) == {FILES: 365, RESULTS: 77, UPLOADS: None, LOGS: 365}


# Uploaded files


@pytest.fixture
def twice_read(cast: Cast) -> DatasetVersion:
    """A file of Ben's of which a newer version was uploaded since, in a project that keeps files for 30 days."""
    old = read(uploaded(cast.ben, cast.acme, b"age,note\n31,a;b\n44,c;d\n52,e;f\n", "notes.csv"))
    again = uploaded(cast.ben, cast.acme, b"age,note\n61,a;b\n74,c;d\n82,e;f\n", "notes.csv", dataset=old.dataset.slug)
    read(again)
    retention.set_days(cast.acme, {FILES: None, RESULTS: None, UPLOADS: 30}, by=cast.ada, at=now())
    DatasetVersion.objects.update(created_at=now() - 31 * DAY)
    return old


def differently(person: Any, version: DatasetVersion) -> Any:
    return as_(person).post(f"{version.get_absolute_url()}/reading", {"delimiter": ";"})


def test_an_uploaded_file_goes_after_a_warning_and_its_table_stays(
    cast: Cast, twice_read: DatasetVersion, aged: Any
) -> None:
    before, began = Allowance.objects.get(project=cast.acme).used_bytes, now()
    aged(twice_read.sha256, 999)
    told = api(cast.vic).get(f"{API}/preview").json()
    assert [(row["kind"], row["name"], bool(row["kept"])) for row in told["data"]] == [
        ("upload", "notes v1", False), ("upload", "notes v2", True)
    ]  # fmt: skip
    assert (told["soon"], told["soon_bytes"]) == (1, twice_read.size_bytes)
    expiry.turn(at=began)
    assert notifications.listed(cast.mia).filter(kind=News.FILES_EXPIRE).count() == 1
    expiry.turn(at=began + 6 * DAY)
    assert "file has gone" not in as_(cast.vic).get(twice_read.get_absolute_url()).content.decode()
    for day in (7, 8):
        expiry.turn(at=began + day * DAY)
    assert Allowance.objects.get(project=cast.acme).used_bytes == before - twice_read.size_bytes
    assert [*invariants.quotas_add_up(now())] == []
    event = AuditEvent.objects.get(action=Act.UPLOAD_EXPIRE)
    assert (event.subject, event.actor) == (twice_read.pk, None)
    assert event.detail == {"file": f"notes.csv {twice_read.sha256}", "lines": [], "bytes": twice_read.size_bytes}
    strays.remove(at=now() + timedelta(hours=25))
    assert not blobs.exists(twice_read.sha256)
    assert blobs.exists(twice_read.table_sha256)
    assert [*invariants.present(now())] == []
    page = as_(cast.ben).get(twice_read.get_absolute_url()).content.decode()
    assert "The uploaded file has gone" in page
    assert "Read it differently" not in page
    shown = api(cast.vic).get(f"/api/v1/dataset-versions/{twice_read.pk}").json()
    assert (shown["sha256"], bool(shown["file_gone_at"])) == (twice_read.sha256, True)
    refused = differently(cast.ben, twice_read)
    assert refused.status_code == 410
    assert "this project keeps it for a time. Upload it again." in refused.content.decode()
    assert DatasetVersion.objects.count() == 2


def test_nothing_is_offered_that_needs_a_file_that_went(cast: Cast) -> None:
    rows = "".join(f"{n % 40},{'basic' if n % 3 else 'plus'},one\n" for n in range(200))
    old = read(uploaded(cast.ben, cast.acme, f"age,plan,same\n{rows}".encode(), "plans.csv"))
    read(uploaded(cast.ben, cast.acme, f"age,plan,same\n{rows}9,plus,one\n".encode(), dataset=old.dataset.slug))
    decided = {"column": "plan", "treatment": "redact"}
    assert api(cast.mia).post(f"/api/v1/dataset-versions/{old.pk}/privacy", decided).status_code == 201
    page, program = old.get_absolute_url(), f"/api/v1/dataset-versions/{old.pk}"
    offers = (
        "Make a version with the ticked ones",
        "Change what it is",
        "Read it differently",
        "Make a version with them",
    )
    before = as_(cast.ben).get(page).content.decode()
    assert all(offer in before for offer in offers)
    DatasetVersion.objects.filter(pk=old.pk).update(file_gone_at=now())

    after = as_(cast.ben).get(page).content.decode()
    assert [offer for offer in offers if offer in after] == []
    assert f"It went on {now():%Y-%m-%d}" in after
    assert 'href="#new-version"' in after
    assert "Upload it again" not in as_(cast.vic).get(page).content.decode()
    step = {"action": "drop", "column": "same", "to": None}
    retype = {"action": "retype", "column": "age", "to": "category"}
    answers = {
        "look at a change": as_(cast.ben).get(f"{page}/column", {"column": "age", "to": "category"}),
        "change": as_(cast.ben).post(f"{page}/column", {"column": "age", "to": "category"}),
        "fix": as_(cast.ben).post(f"{page}/recipe", {"fix": "drop:same"}),
        "fix nothing": as_(cast.ben).post(f"{page}/recipe"),
        "read": as_(cast.ben).post(f"{page}/reading", {"delimiter": "much too long"}),
        "treat": as_(cast.ben).post(f"{page}/treated"),
    }
    assert {what: answer.status_code for what, answer in answers.items()} == dict.fromkeys(answers, 410)
    assert all("this project keeps it for a time. Upload it again." in a.content.decode() for a in answers.values())
    asked = [
        api(cast.ben).get(f"{program}/column-change", {"column": "age", "to": "category"}),
        *(api(cast.ben).post(f"{program}/derivations", body) for body in ({"steps": [step]}, {"steps": [retype]}, {})),
    ]
    assert [(a.status_code, a.json()["code"], a["Content-Type"]) for a in asked] == [
        (410, "file_gone", "application/problem+json")
    ] * len(asked)
    assert DatasetVersion.objects.count() == 2
    assert as_(cast.ben).get(f"{page}/compare").status_code == 200
    assert as_(cast.ben).get(f"/p/acme/runs/new?version={old.pk}&target=plan").status_code == 200


def test_a_failed_reading_whose_file_went_later_says_so(cast: Cast) -> None:
    failed = read(uploaded(cast.ben, cast.acme, b"age^plan\n31^basic\n44^plus\n", "carets.txt"))
    DatasetVersion.objects.filter(pk=failed.pk).update(file_gone_at=now())
    page = as_(cast.ben).get(failed.get_absolute_url()).content.decode()
    assert "Say how it is written" not in page
    assert differently(cast.ben, failed).status_code == 410


def test_a_file_that_is_read_in_another_way_at_the_last_moment_stays(cast: Cast, twice_read: DatasetVersion) -> None:
    began = now()
    expiry.turn(at=began)
    (ripe,) = expiry._ripe(cast.acme, began + 8 * DAY)
    assert differently(cast.ben, twice_read).status_code == 302
    expiry._expire(cast.acme, ripe, began + 8 * DAY)
    third = read(DatasetVersion.objects.get(number=3))
    assert third.columns == 2
    DatasetVersion.objects.update(created_at=now() - 31 * DAY)
    reasons = {row.stored.subject: str(row.kept) for row in expiry.prospects(cast.acme, days={UPLOADS: 30})}
    assert reasons[twice_read.pk] == "the newest version of its table"


def test_the_file_of_a_table_that_production_learnt_from_stays(
    cast: Cast,
    first: ModelVersion,  # noqa: F811
) -> None:
    in_production(cast, first)
    table = first.run.dataset_version
    DatasetVersion.objects.filter(pk=table.pk).update(created_at=now() - 99 * DAY)
    assert table.pk in retention._protectors["production"][1](cast.acme)
    rows = expiry.prospects(cast.acme, days={UPLOADS: 30})
    assert [(row.stored.subject, str(row.kept)) for row in rows] == [(table.pk, "in production")]


# What stood in lines that were left out of a table


@pytest.fixture
def torn(cast: Cast) -> DatasetVersion:
    """A table of Ben's with 150 lines left out, and a newer one, in a project that keeps files for 30 days."""
    rows = "".join(f"{n},plan{n % 3}{',secret@corp.org' if n % 2 else ''}\n" for n in range(300))
    old = read(uploaded(cast.ben, cast.acme, f"age,plan\n{rows}".encode(), "torn.csv"))
    read(uploaded(cast.ben, cast.acme, b"age,plan\n31,basic\n44,plus\n", dataset=old.dataset.slug))
    retention.set_days(cast.acme, {FILES: None, RESULTS: None, UPLOADS: 30}, by=cast.ada, at=now())
    DatasetVersion.objects.update(created_at=now() - 31 * DAY)
    old.refresh_from_db()
    return old


def left_out(person: Any, version: DatasetVersion, *, lines: bool) -> Any:
    address = f"/api/v1/dataset-versions/{version.pk}/left-out"
    return api(person).post(address) if lines else api(person).get(address)


def test_what_stood_in_left_out_lines_goes_with_the_file_and_numbers_and_reasons_stay(
    cast: Cast, torn: DatasetVersion, aged: Any
) -> None:
    before, began = Allowance.objects.get(project=cast.acme).used_bytes, now()
    aged(torn.leftover_sha256, 999)
    reasons = left_out(cast.vic, torn, lines=False).content
    assert reasons.count(b"\n") == 151
    told = api(cast.vic).get(f"{API}/preview").json()
    assert (told["soon"], told["data"][0]["files"]) == (1, 2)
    assert "secret" in left_out(cast.mia, torn, lines=True).content.decode()
    for day in (0, 8, 9):
        expiry.turn(at=began + day * DAY)
    assert Allowance.objects.get(project=cast.acme).used_bytes == before - told["soon_bytes"]
    assert told["soon_bytes"] > torn.size_bytes + 150 * len("secret@corp.org")
    assert [*invariants.quotas_add_up(now())] == []
    assert AuditEvent.objects.get(action=Act.UPLOAD_EXPIRE).detail["lines"] == [torn.leftover_sha256]
    assert left_out(cast.vic, torn, lines=False).content == reasons
    refused = left_out(cast.mia, torn, lines=True)
    assert (refused.status_code, refused.json()["code"]) == (410, "lines_gone")
    assert "Their numbers and reasons stay." in refused.json()["detail"]
    assert as_(cast.mia).post(f"{torn.get_absolute_url()}/left-out").status_code == 410
    page = as_(cast.mia).get(torn.get_absolute_url()).content.decode()
    assert "What stood in these lines went with the uploaded file." in page
    assert "Numbers and reasons of all" in page
    assert "With what stands in them" not in page
    strays.remove(at=now() + timedelta(hours=25))
    assert not blobs.exists(torn.leftover_sha256)
    assert [*invariants.present(now())] == []


def test_a_damaged_file_of_left_out_lines_keeps_nothing_else_from_going(cast: Cast, torn: DatasetVersion) -> None:
    blobs.remove(torn.leftover_sha256)
    for day in (0, 8):
        expiry.turn(at=now() + day * DAY)
    torn.refresh_from_db()
    assert (bool(torn.file_gone_at), torn.leftover_sha256, torn.lines_bytes) == (True, "", 0)
    assert [*invariants.quotas_add_up(now())] == []


@pytest.mark.parametrize(
    "stored",
    [(DatasetVersion, "lines_bytes", "datasets.migrations.0007_lines_that_go"),
     (Batch, "rows_bytes", "sandbox.migrations.0006_rows_that_went")],
    ids=lambda stored: stored[1],
)  # fmt: skip
def test_what_was_stored_before_is_counted_from_the_ledger(
    cast: Cast, torn: DatasetVersion, answered: Batch, stored: tuple[Any, str, str]
) -> None:
    table, column, migration = stored
    known = dict(table.objects.values_list("pk", column))
    assert any(known.values())
    table.objects.update(**{column: 0})
    with connection.cursor() as cursor:
        cursor.execute(import_module(migration).COUNT)
    counted = dict(table.objects.values_list("pk", column))
    assert {pk for pk, size in counted.items() if size} == {pk for pk, size in known.items() if size}
    assert all(counted[pk] >= size for pk, size in known.items())  # of lines, their numbers and reasons come on top


# Logs of runs


@pytest.fixture
def talked(cast: Cast, first: ModelVersion) -> Run:  # noqa: F811
    """The run of Ben's that made the first version, over for 31 days, in a project that keeps logs for 30."""
    retention.set_days(cast.acme, {FILES: None, RESULTS: None, LOGS: 30}, by=cast.ada, at=now())
    Job.objects.filter(pk=first.run.job_id).update(finished_at=now() - 31 * DAY)
    return Run.objects.select_related("project").get(pk=first.run_id)


def words(of: Run) -> list[str]:
    rows = RunEvent.objects.filter(run=of, type="log").order_by("seq")
    return [row.payload["log"]["message"] for row in rows]


def events_of(person: Any, of: Run) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = api(person).get(f"/api/v1/runs/{of.pk}/events?limit=1000").json()["data"]
    return told


def test_a_log_goes_after_a_warning_and_the_feed_has_no_hole(cast: Cast, talked: Run) -> None:
    page, began, said = f"/p/acme/runs/{talked.number}", now(), words(talked)
    before, snapshot = events_of(cast.vic, talked), api(cast.vic).get(f"/api/v1/runs/{talked.pk}/snapshot").json()
    size = sum(len(each.encode()) for each in said)
    told = api(cast.vic).get(f"{API}/preview").json()
    assert [(row["kind"], row["id"], row["size_bytes"], row["kept"]) for row in told["data"]] == [
        ("log", talked.pk, size, "")
    ]
    assert (told["soon"], told["soon_bytes"]) == (1, size)
    for day in (0, 6):
        expiry.turn(at=began + day * DAY)
    assert words(talked) == said
    assert said[0] in as_(cast.vic).get(page).content.decode()
    for day in (7, 8):
        expiry.turn(at=began + day * DAY)
    assert set(words(talked)) == {""}
    after = events_of(cast.vic, talked)
    assert [each["seq"] for each in after] == [each["seq"] for each in before] == list(range(1, len(before) + 1))
    schema = jsonschema.Draft202012Validator(contract.schema(events.Log))
    for was, now_ in zip(before, after, strict=True):
        if was["type"] == "log":
            schema.validate(now_)
            assert now_ == {**was, "request_id": "", "log": {"level": was["log"]["level"], "message": "", "gone": True}}
        else:
            assert now_ == was
    assert api(cast.vic).get(f"/api/v1/runs/{talked.pk}/snapshot").json() == snapshot
    shown = as_(cast.vic).get(page).content.decode()
    assert "The log went on" in shown
    assert 'role="log"' not in shown
    assert not any(each in shown for each in said)
    assert api(cast.vic).get(f"/api/v1/runs/{talked.pk}").json()["log_gone_at"]
    download = as_(cast.vic).get(f"{page}/log")
    assert download.status_code == 410
    assert "this project keeps logs for a time" in download.content.decode()
    event = AuditEvent.objects.get(action=Act.LOG_EXPIRE)
    assert (event.subject, event.actor, event.detail) == (talked.pk, None, {"number": talked.number, "bytes": size})
    lines = [line.sentence for line in activity.latest(access.projects_of(cast.vic))]
    assert f"The log of “{talked.name}” went, as the project's rule says." in lines
    assert [*invariants.events_without_gaps(now()), *invariants.quotas_add_up(now())] == []


def test_a_socket_tells_a_run_whose_log_went_in_order(cast: Cast, talked: Run) -> None:
    talked.refresh_from_db()
    with transaction.atomic():
        events.forget_log(talked, at=now())

    async def hear() -> list[int]:
        async with listening(talked.pk, cast.vic) as socket:
            await socket.until(talked.last_seq)
            return socket.seqs

    assert asyncio.run(hear()) == list(range(1, talked.last_seq + 1))


def test_what_is_said_after_a_log_went_is_shown_and_goes_in_its_turn(cast: Cast, talked: Run) -> None:
    with transaction.atomic():
        events.forget_log(talked, at=now())
    events.publish(talked, [events.Log(at=now(), stage="done", level="info", message="Packaged once more.")])
    page = as_(cast.vic).get(f"/p/acme/runs/{talked.number}").content.decode()
    assert "The log went on" in page
    assert "Packaged once more." in page
    assert as_(cast.vic).get(f"/p/acme/runs/{talked.number}/log").content.decode().count("\n") == 1
    (row,) = expiry.prospects(cast.acme, days={LOGS: 30})
    assert row.stored.size_bytes == len("Packaged once more.")


@pytest.mark.parametrize("protect", [in_production, pinned, named, in_a_test])
def test_the_log_behind_what_somebody_relies_on_stays(cast: Cast, talked: Run, protect: Any) -> None:
    began, said = now(), words(talked)
    expiry.turn(at=began)
    (ripe,) = expiry._ripe(cast.acme, began + 8 * DAY)
    protect(cast, talked.model_version)
    expiry._expire(cast.acme, ripe, began + 8 * DAY)  # it was protected between the look and the going
    expiry.turn(at=began + 9 * DAY)
    assert words(talked) == said
    assert not AuditEvent.objects.filter(action=Act.LOG_EXPIRE).exists()


def test_the_log_of_a_run_that_has_not_ended_is_not_told(cast: Cast, run: Run) -> None:  # noqa: F811
    events.publish(run, [events.Log(at=now(), stage="load", level="info", message="Reading.")])
    assert expiry.prospects(cast.acme, days={LOGS: 30}) == []


def test_the_database_lets_the_words_of_a_line_go_and_refuses_every_other_change(cast: Cast, run: Run) -> None:  # noqa: F811
    at, said = now(), [(stage, level) for stage in events.STAGES for level in get_args(Level)]
    events.publish(run, [events.Log(at=at, stage=stage, level=level, message="Hello.") for stage, level in said])
    line, other = (RunEvent.objects.filter(run=run, type=kind).first() for kind in ("log", "status"))
    gone = events.gone("queued", "info")
    refused: list[tuple[RunEvent, dict[str, Any]]] = [
        (other, {"payload": gone}), (other, {"at": at}), (other, {"type": "log", "payload": gone}),
        (line, {"payload": {**gone, "log": {**gone["log"], "message": "Other words."}}}),
        (line, {"payload": {**gone, "request_id": "click-1"}}), (line, {"payload": {**gone, "more": 1}}),
        (line, {"payload": gone, "seq": 99}), (line, {"payload": gone, "type": "error"}),
        (line, {"payload": gone, "at": at + DAY}), (line, {"seq": 99}),
    ]  # fmt: skip
    for row, change in refused:
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            RunEvent.objects.filter(pk=row.pk).update(**change)
    with transaction.atomic():
        events.forget_log(run, at=at)
    kept = [
        (row.payload["stage"], row.payload["log"]["level"]) for row in run.events.filter(type="log").order_by("seq")
    ]
    assert kept == said
    assert set(words(run)) == {""}


# Killed amid it, and done twice

KILLED = """
import os, signal
from datetime import datetime
from accounts import audit
from fynix.retention import expiry
audit.record = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
expiry.turn(at=datetime.fromisoformat("{at}"))
"""


def killed_amid_the_going(at: datetime) -> None:
    """A process lets go what is ripe and is killed when all is written but the record of it."""
    argv = [
        sys.executable,
        str(env.ROOT / "manage.py"),
        "shell",
        "--no-imports",
        "-c",
        KILLED.format(at=at.isoformat()),
    ]
    assert subprocess.run(argv, check=False).returncode == -signal.SIGKILL


def state(thing: DatasetVersion | Batch) -> dict[str, Any]:
    """The row as it stands, with what its project is said to store."""
    thing.refresh_from_db()
    return {
        **model_to_dict(thing, exclude=["versions"]),
        "used": Allowance.objects.get(project__slug="acme").used_bytes,
    }


@pytest.mark.parametrize(
    ("going", "act"),
    [
        ("answered", Act.RESULTS_EXPIRE),
        ("twice_read", Act.UPLOAD_EXPIRE),
        ("torn", Act.UPLOAD_EXPIRE),
        ("talked", Act.LOG_EXPIRE),
    ],
)
def test_a_kill_amid_the_going_leaves_all_and_two_more_turns_let_go_once(
    cast: Cast, request: pytest.FixtureRequest, going: str, act: str
) -> None:
    thing, began = request.getfixturevalue(going), now()
    whole = state(thing)
    expiry.turn(at=began)
    killed_amid_the_going(began + 8 * DAY)
    assert state(thing) == whole
    assert [*invariants.quotas_add_up(now()), *(each for each in invariants.present(now()) if thing.pk in each)] == []
    for _delivered in range(2):
        expiry.turn(at=began + 8 * DAY)
    assert state(thing) != whole
    assert AuditEvent.objects.filter(action=act).count() == 1
    assert [*invariants.quotas_add_up(now()), *(each for each in invariants.present(now()) if thing.pk in each)] == []
