"""Tables come in by signed parts: in any order, again, resumed, and only from people who may."""

import base64
import hashlib
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts import projects
from accounts.models import Allowance, AuditEvent, PersonalAllowance, Project
from datasets import parts, storage, uploads
from datasets.models import DatasetVersion, Upload, UploadState
from fynix.queue.models import Job
from tests.cast import Cast, api
from tests.datasets.uploading import MIB, SMALL, begin, complete, part, put, send, table, uploaded

BIG = table(5 * MIB // 2)
FINGERPRINT = "plans-2026-11"


def reserved(project: Project) -> int:
    return Allowance.objects.get(project=project).reserved_bytes


def resigned(url: str, **changes: str) -> str:
    """The address with some of its query changed."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return parts._replace(query=urlencode({**query, **changes})).geturl()


def test_ben_uploads_in_any_order_and_the_bytes_arrive_as_they_were(cast: Cast, small_parts: None) -> None:
    opened = begin(cast.ben, cast.acme, BIG)
    assert opened.status_code == 201
    facts = opened.json()
    assert (facts["status"], facts["mode"], facts["part_count"]) == ("open", "direct", 3)
    send(facts, BIG)
    assert storage.path(facts["upload_id"]).read_bytes() == BIG
    answer = complete(cast.ben, facts["upload_id"])
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/v1/tasks/{answer.json()['task_id']}"
    version = DatasetVersion.objects.get(pk=answer.json()["dataset_version_id"])
    assert (version.number, version.dataset.name, version.filename) == (1, "plans", "plans.csv")
    assert answer.json()["page"] == f"/p/{cast.acme.slug}/datasets/plans/v/1"


def test_ben_goes_on_where_he_stopped(cast: Cast, small_parts: None) -> None:
    first = begin(cast.ben, cast.acme, BIG, fingerprint=FINGERPRINT).json()
    send(first, BIG, but=frozenset({2}))
    again = begin(cast.ben, cast.acme, BIG, fingerprint=FINGERPRINT)
    assert again.status_code == 200
    resumed = again.json()
    assert resumed["upload_id"] == first["upload_id"]
    assert sorted(p["number"] for p in resumed["received_parts"]) == [1, 3]
    assert [p["number"] for p in resumed["parts"]] == [2]
    send(resumed, BIG)
    assert complete(cast.ben, first["upload_id"]).status_code == 202
    assert reserved(cast.acme) == len(BIG)


def test_a_resumed_upload_goes_where_ben_said_last(cast: Cast) -> None:
    dataset = uploaded(cast.ben, cast.acme, SMALL, "customers.csv").dataset
    data = SMALL + b"60,plus,no\n"
    begin(cast.ben, cast.acme, data, "more.csv", fingerprint=FINGERPRINT)
    opened = begin(cast.ben, cast.acme, data, "more.csv", fingerprint=FINGERPRINT, dataset=dataset.slug).json()
    send(opened, data)
    answer = complete(cast.ben, opened["upload_id"]).json()
    assert (answer["dataset_id"], answer["number"]) == (dataset.pk, 2)


def test_mia_does_not_meet_bens_upload_of_the_same_file(cast: Cast) -> None:
    bens = begin(cast.ben, cast.acme, SMALL, fingerprint=FINGERPRINT).json()
    mias = begin(cast.mia, cast.acme, SMALL, fingerprint=FINGERPRINT)
    assert mias.status_code == 201
    assert mias.json()["upload_id"] != bens["upload_id"]


def test_completing_early_names_what_is_missing(cast: Cast, small_parts: None) -> None:
    opened = begin(cast.ben, cast.acme, BIG).json()
    send(opened, BIG, but=frozenset({1, 3}))
    answer = complete(cast.ben, opened["upload_id"])
    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["numbers"]) == ("parts_missing", [1, 3])
    assert Upload.objects.get(pk=opened["upload_id"]).state == UploadState.OPEN


def test_completing_again_gives_the_same_version(cast: Cast) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    send(opened, SMALL)
    first, second = (complete(cast.ben, opened["upload_id"]) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert Job.objects.count() == DatasetVersion.objects.count() == 1
    assert AuditEvent.objects.filter(action="upload:complete", actor=cast.ben).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_windows_complete_at_once_and_one_version_is_made(cast: Cast) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    send(opened, SMALL)
    start, answers = Barrier(2), []

    def window() -> None:
        start.wait()
        answers.append(complete(cast.ben, opened["upload_id"]))
        connection.close()

    windows = [Thread(target=window) for _ in range(2)]
    for thread in windows:
        thread.start()
    for thread in windows:
        thread.join()
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.json()["dataset_version_id"] for answer in answers}) == 1
    assert Job.objects.count() == DatasetVersion.objects.count() == 1


def test_vic_may_not_upload_and_mallory_sees_nothing(cast: Cast) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    address = f"/api/v1/uploads/{opened['upload_id']}"
    for person, status in ((cast.vic, 403), (cast.mallory, 404), (cast.sue, 404)):
        assert begin(person, cast.acme, SMALL).status_code == status
        assert api(person).post(f"{address}/parts/sign", {"numbers": [1]}).status_code == status
        assert complete(person, opened["upload_id"]).status_code == status
        assert api(person).delete(address).status_code == status
    assert api(cast.vic).get(address).status_code == 200
    assert api(cast.mallory).get(address).status_code == 404
    assert api(None).get(address).status_code == 401


def test_ben_cannot_upload_to_a_dataset_of_another_project(cast: Cast) -> None:
    hers = uploaded(cast.mallory, cast.elsewhere, SMALL).dataset
    assert begin(cast.ben, cast.acme, SMALL, dataset=hers.pk).status_code == 404


@pytest.mark.parametrize("changes", [{"s": "0" * 64}, {"e": "99999999999"}, {"e": "soon"}, {"e": "²"}, {"s": "é"}])
def test_a_changed_address_is_refused(cast: Cast, changes: dict[str, str]) -> None:
    url = begin(cast.ben, cast.acme, SMALL).json()["parts"][0]["url"]
    answer = put(resigned(url, **changes), SMALL)
    assert (answer.status_code, answer.json()["code"]) == (403, "signature_invalid")


def test_an_address_is_for_one_part_of_one_upload(cast: Cast, small_parts: None) -> None:
    opened = begin(cast.ben, cast.acme, BIG).json()
    other = begin(cast.ben, cast.acme, BIG).json()
    first = opened["parts"][0]["url"]
    body = part(BIG, 1, opened["part_size_bytes"])
    for url in (
        first.replace("/1?", "/2?"),
        first.replace(opened["upload_id"], other["upload_id"]),
        first.replace(opened["upload_id"], "up_none"),
    ):
        assert put(url, body).status_code == 403


def test_an_address_expires_and_a_fresh_one_works(cast: Cast) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    with time_machine.travel(timezone.now() + storage.URL_LIFE + timedelta(seconds=2)):
        answer = put(opened["parts"][0]["url"], SMALL)
        assert (answer.status_code, answer.json()["code"]) == (403, "url_expired")
        signed = api(cast.ben).post(f"/api/v1/uploads/{opened['upload_id']}/parts/sign", {"numbers": [1]})
        assert put(signed.json()["parts"][0]["url"], SMALL).status_code == 204


@pytest.mark.parametrize("body", [SMALL[:-1], SMALL + b"\n", b""])
def test_a_part_of_the_wrong_size_is_refused(cast: Cast, body: bytes) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    assert put(opened["parts"][0]["url"], body).status_code == 422
    assert complete(cast.ben, opened["upload_id"]).json()["numbers"] == [1]


def test_a_part_that_changed_on_the_way_is_refused(cast: Cast) -> None:
    url = begin(cast.ben, cast.acme, SMALL).json()["parts"][0]["url"]
    right = hashlib.sha256(SMALL)
    in_base64 = base64.b64encode(right.digest()).decode()
    wrong = {"X-Fynix-Sha256": hashlib.sha256(b"other").hexdigest()}
    for headers in (wrong, {"Content-Digest": "sha-256=:AAAA:"}, {"X-Fynix-Sha256": "no hash"}):
        answer = put(url, SMALL, **headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "checksum_mismatch")
    for headers in ({"X-Fynix-Sha256": right.hexdigest()}, {"Content-Digest": f"sha-256=:{in_base64}:"}):
        answer = put(url, SMALL, **headers)
        assert (answer.status_code, answer["ETag"]) == (204, f'"{right.hexdigest()}"')


def test_a_part_sent_again_badly_is_missing_until_it_is_sent_well(cast: Cast) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    url = opened["parts"][0]["url"]
    assert put(url, SMALL).status_code == 204
    assert put(url, SMALL.upper(), **{"X-Fynix-Sha256": hashlib.sha256(SMALL).hexdigest()}).status_code == 422
    assert complete(cast.ben, opened["upload_id"]).status_code == 409
    assert put(url, SMALL).status_code == 204
    assert complete(cast.ben, opened["upload_id"]).status_code == 202


def test_nobody_changes_a_table_after_it_was_completed(cast: Cast) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    send(opened, SMALL)
    complete(cast.ben, opened["upload_id"])
    answer = put(opened["parts"][0]["url"], SMALL.upper())
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_not_open")
    assert storage.path(opened["upload_id"]).read_bytes() == SMALL


def test_a_full_project_refuses_before_the_first_byte(cast: Cast) -> None:
    Allowance.objects.filter(project=cast.acme).update(limit_bytes=len(SMALL) - 1)
    answer = begin(cast.ben, cast.acme, SMALL)
    assert (answer.status_code, answer.json()["code"]) == (403, "quota_exceeded")
    assert not Upload.objects.exists()
    assert reserved(cast.acme) == 0


def test_a_full_disk_refuses_before_the_first_byte(cast: Cast, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 2**62
    Allowance.objects.filter(project=cast.acme).update(limit_bytes=2**62)
    PersonalAllowance.objects.filter(user=cast.ada).update(limit_bytes=2**62)
    asked = {"filename": "huge.csv", "size_bytes": 2**55}
    answer = api(cast.ben).post(f"/api/v1/projects/{cast.acme.slug}/uploads", asked)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    assert not Upload.objects.exists()
    assert reserved(cast.acme) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_a_disk_that_fills_up_meanwhile_costs_the_part_and_not_the_upload(cast: Cast) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    file = storage.path(opened["upload_id"])
    kept = file.rename(file.with_suffix(".kept"))
    file.symlink_to("/dev/full")
    answer = put(opened["parts"][0]["url"], SMALL)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    assert complete(cast.ben, opened["upload_id"]).json()["numbers"] == [1]
    kept.replace(file)
    send(opened, SMALL)
    assert complete(cast.ben, opened["upload_id"]).status_code == 202
    assert file.read_bytes() == SMALL


@pytest.mark.parametrize(
    ("size", "status", "code"), [(0, 422, "empty_file"), (-1, 422, "empty_file"), (11, 413, "file_too_large")]
)
def test_a_file_of_no_or_too_many_bytes_is_refused(
    cast: Cast, settings: Any, size: int, status: int, code: str
) -> None:
    settings.MAX_UPLOAD_BYTES = 10
    asked = {"filename": "plans.csv", "size_bytes": size}
    answer = api(cast.ben).post(f"/api/v1/projects/{cast.acme.slug}/uploads", asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_ben_cancels_and_everything_is_given_back(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    send(opened, SMALL)
    address = f"/api/v1/uploads/{opened['upload_id']}"
    with django_capture_on_commit_callbacks(execute=True):
        assert [api(cast.ben).delete(address).status_code for _ in range(2)] == [204, 204]
    assert reserved(cast.acme) == 0
    assert not storage.path(opened["upload_id"]).exists()
    assert put(opened["parts"][0]["url"], SMALL).status_code == 409
    assert complete(cast.ben, opened["upload_id"]).status_code == 409


def test_a_completed_upload_cannot_be_cancelled(cast: Cast) -> None:
    version = uploaded(cast.ben, cast.acme, SMALL)
    answer = api(cast.ben).delete(f"/api/v1/uploads/{version.upload_id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "upload_already_completed")


def test_an_upload_left_for_a_week_is_swept_away(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    left = begin(cast.ben, cast.acme, SMALL, fingerprint=FINGERPRINT).json()
    later = timezone.now() + parts.LIFE + timedelta(minutes=1)
    with time_machine.travel(later), django_capture_on_commit_callbacks(execute=True):
        kept = begin(cast.mia, cast.acme, SMALL).json()
        assert uploads.expire(at=timezone.now()) == 1
    with time_machine.travel(later):
        assert api(cast.ben).get(f"/api/v1/uploads/{left['upload_id']}").json()["code"] == "upload_expired"
        assert api(cast.mia).get(f"/api/v1/uploads/{kept['upload_id']}").json()["status"] == "open"
        assert not storage.path(left["upload_id"]).exists()
        assert storage.path(kept["upload_id"]).exists()
        assert begin(cast.ben, cast.acme, SMALL, fingerprint=FINGERPRINT).status_code == 201


def test_a_file_that_no_upload_knows_is_swept_away(cast: Cast) -> None:
    version = uploaded(cast.ben, cast.acme, SMALL)
    storage.reserve("up_stray", 10)
    uploads.expire(at=timezone.now())
    assert storage.path("up_stray").exists()
    uploads.expire(at=timezone.now() + uploads.STRAY_AFTER + timedelta(minutes=1))
    assert not storage.path("up_stray").exists()
    assert storage.path(str(version.upload_id)).exists()


@pytest.mark.parametrize(
    ("filename", "shown", "name"),
    [
        ("../../etc/passwd.csv", "passwd.csv", "passwd"),
        ("C:\\Users\\ben\\sales 2024.csv", "sales 2024.csv", "sales 2024"),
        ("a\u202egnp.csv\x07\r\n", "agnp.csv", "agnp"),
        ("..", "table.csv", "table"),
        ("<script>alert(1)</script>.csv", "script>.csv", "script>"),
        ("ü" * 200 + ".csv", "ü" * 127, "ü" * 120),
    ],
)
def test_a_hostile_name_is_only_ever_shown(cast: Cast, filename: str, shown: str, name: str) -> None:
    upload = Upload.objects.get(pk=begin(cast.ben, cast.acme, SMALL, filename).json()["upload_id"])
    assert (upload.filename, upload.dataset_name) == (shown, name)
    assert storage.path(upload.pk).parent.name == "uploads"


def test_two_tables_of_one_name_are_two_datasets(cast: Cast) -> None:
    slugs = [uploaded(cast.ben, cast.acme, SMALL, "Pläne!.csv").dataset.slug for _ in range(2)]
    assert slugs == ["plane", "plane-2"]


def test_part_addresses_are_signed_a_hundred_at_a_time(cast: Cast) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    address = f"/api/v1/uploads/{opened['upload_id']}/parts/sign"
    for numbers in ([], [0], [2], list(range(1, 102))):
        assert api(cast.ben).post(address, {"numbers": numbers}).status_code == 422


def test_the_address_of_a_part_dies_with_the_senders_membership(cast: Cast) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    signed = api(cast.mia).post(f"/api/v1/uploads/{opened['upload_id']}/parts/sign", {"numbers": [1]}).json()
    projects.remove_member(cast.acme.memberships.get(user=cast.ben), by=cast.ada, at=timezone.now())
    answer = put(opened["parts"][0]["url"], SMALL)
    assert (answer.status_code, answer.json()["code"]) == (403, "signature_invalid")
    assert put(resigned(signed["parts"][0]["url"], u=str(cast.ada.pk)), SMALL).status_code == 403
    assert put(signed["parts"][0]["url"], SMALL).status_code == 204


def test_an_analyst_touches_only_what_is_their_own(cast: Cast) -> None:
    opened = begin(cast.mia, cast.acme, SMALL).json()
    address = f"/api/v1/uploads/{opened['upload_id']}"
    ben, ada = api(cast.ben), api(cast.ada)
    assert ben.get(address).status_code == 200
    assert ben.post(f"{address}/parts/sign", {"numbers": [1]}).status_code == 403
    assert ben.post(f"{address}/complete", {}).status_code == ben.delete(address).status_code == 403
    assert ada.post(f"{address}/parts/sign", {"numbers": [1]}).status_code == 200
    assert ada.delete(address).status_code == 204


def test_a_place_among_the_uploads_is_given_for_our_own_addresses_only(cast: Cast) -> None:
    url = begin(cast.ben, cast.acme, SMALL).json()["parts"][0]["url"]
    assert storage.refusal(url.encode()) is None
    bent = [
        "/u/x/1",
        "/u/",
        "/u/%00/1?u=1&e=1&s=",
        url[:-1],
        url.replace("/1?", "/2?"),
        resigned(url, u="1 "),
        "/u/\xff",
    ]
    assert {refused.code for address in bent if (refused := storage.refusal(address.encode()))} == {"signature_invalid"}
    assert all(storage.refusal(address.encode()) for address in bent)
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        late = storage.refusal(url.encode())
    assert late is not None
    assert (late.code, late.status) == ("url_expired", 403)


@pytest.mark.django_db(transaction=True)
def test_a_part_that_is_on_its_way_again_cannot_slip_under_a_completion(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = begin(cast.ben, cast.acme, SMALL).json()
    send(opened, SMALL)
    completed: list[tuple[int, bytes]] = []

    def finish() -> None:
        code = complete(cast.ben, opened["upload_id"]).status_code
        completed.append((code, storage.path(opened["upload_id"]).read_bytes()))
        connection.close()

    other = Thread(target=finish)
    taken = parts.UploadPart.objects.filter

    def filter_(**lookup: Any) -> Any:
        """The moment before the part leaves the list."""
        if not other.ident:
            other.start()
            other.join(1)
        return taken(**lookup)

    monkeypatch.setattr(parts.UploadPart.objects, "filter", filter_)
    again = put(opened["parts"][0]["url"], SMALL.replace(b"31", b"99"))
    other.join()
    kept = storage.path(opened["upload_id"]).read_bytes()
    [(code, then)] = completed
    assert code in {202, 409}
    assert again.status_code in {204, 409}
    assert code == 409 or kept == then  # what was completed stays as it was
    assert again.status_code == 204 or kept == SMALL
