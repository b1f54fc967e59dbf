"""Downloads by signed links: whole, in ranges, expired, tampered, revoked."""

from datetime import timedelta

import pytest
from _pytest.logging import LogCaptureFixture
from django.db import IntegrityError, transaction
from django.test import AsyncClient, Client
from django.utils.timezone import now

from accounts.models import AuditEvent, Membership
from fynix import blobs
from registry import downloads
from registry.models import Artifact, DownloadGrant, ModelVersion
from tests.cast import Cast, api, as_


@pytest.fixture
def wheel(first: ModelVersion) -> Artifact:
    return first.artifacts.get(format="wheel")


def link(wheel: Artifact, cast: Cast) -> str:
    answer = api(cast.vic).post(f"/api/v1/artifacts/{wheel.pk}/download-url", {})
    assert answer.status_code == 201
    return answer.json()["url"].removeprefix("http://testserver")


async def fetch(address: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    answer = await AsyncClient().get(address, headers={k.replace("_", "-"): v for k, v in headers.items()})
    body = b"".join([chunk async for chunk in answer]) if answer.streaming else answer.content
    return answer.status_code, dict(answer.headers), body


@pytest.mark.django_db(transaction=True)
async def test_vic_downloads_the_whole_file_and_parts_of_it(cast: Cast, wheel: Artifact) -> None:
    from asgiref.sync import sync_to_async

    address = await sync_to_async(link)(wheel, cast)
    whole = await sync_to_async(blobs.read)(wheel.sha256)
    status, headers, body = await fetch(address)
    assert (status, body) == (200, whole)
    assert headers["Content-Disposition"] == f'attachment; filename="{wheel.filename}"'
    etag = headers["ETag"]
    status, headers, body = await fetch(address, Range="bytes=100-199")
    assert (status, body, headers["Content-Range"]) == (206, whole[100:200], f"bytes 100-199/{len(whole)}")
    assert (await fetch(address, Range="bytes=-10"))[2] == whole[-10:]
    assert (await fetch(address, Range=f"bytes={len(whole)}-"))[0] == 416
    assert (await fetch(address, Range="bytes=5-9", If_Range='"other"'))[2] == whole
    assert (await fetch(address, If_None_Match=etag))[0] == 304
    assert await DownloadGrant.objects.values_list("uses", flat=True).aget() == 6
    assert await AuditEvent.objects.filter(action="artifact:download", actor=cast.vic).acount() == 1


@pytest.mark.django_db(transaction=True)
async def test_starting_at_the_second_byte_does_not_escape_the_audit(cast: Cast, wheel: Artifact) -> None:
    from asgiref.sync import sync_to_async

    address = await sync_to_async(link)(wheel, cast)
    assert (await fetch(address, Range="bytes=1-"))[0] == 206
    assert await AuditEvent.objects.filter(action="artifact:download", actor=cast.vic).acount() == 1


def test_the_button_on_the_page_leads_to_the_file(cast: Cast, wheel: Artifact) -> None:
    answer = as_(cast.vic).post(f"/artifacts/{wheel.pk}/download")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/dl/")
    assert as_(cast.mallory).post(f"/artifacts/{wheel.pk}/download").status_code == 404
    assert as_(None).post(f"/artifacts/{wheel.pk}/download").status_code == 302
    assert api(cast.mallory).post(f"/api/v1/artifacts/{wheel.pk}/download-url", {}).status_code == 404


def test_a_link_dies_when_it_expires_is_revoked_or_its_person_leaves(cast: Cast, wheel: Artifact) -> None:
    address = link(wheel, cast)
    DownloadGrant.objects.update(expires_at=now() - timedelta(seconds=1), created_at=now() - timedelta(hours=1))
    assert Client().get(address).status_code == 410
    address = link(wheel, cast)
    assert api(cast.mia).post(f"/api/v1/artifacts/{wheel.pk}/revocation").json() == {"revoked": 1}
    assert "taken back" in Client().get(address).content.decode()
    assert Client().get(address).status_code == 410
    address = link(wheel, cast)
    Membership.objects.filter(user=cast.vic).delete()
    assert Client().get(address).status_code == 403


def test_a_link_cannot_be_bent(cast: Cast, wheel: Artifact) -> None:
    address = link(wheel, cast)
    assert Client().get(address[:-1] + ("A" if address[-1] != "A" else "B")).status_code == 403
    assert Client().get("/dl/nonsense").status_code == 403


def test_a_file_that_has_changed_is_not_handed_out(cast: Cast, wheel: Artifact, caplog: LogCaptureFixture) -> None:
    address = link(wheel, cast)
    with blobs.local(wheel.sha256) as path:
        whole = path.read_bytes()
        path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    try:
        for part in ({}, {"Range": "bytes=5-9"}):
            answer = Client().get(address, headers=part)
            assert (answer.status_code, answer.streaming) == (409, False)
            assert "has changed since it was written" in answer.content.decode()
        assert "blob_corrupt" in caplog.text
    finally:
        path.write_bytes(whole)
    assert Client().get(address).status_code == 200


def test_a_longer_life_than_the_server_allows_is_cut(cast: Cast, wheel: Artifact, settings) -> None:
    settings.DOWNLOAD_SECONDS = 60
    given = downloads.grant(artifact=wheel, user=cast.vic, seconds=900, at=now())
    assert given.expires_at - given.created_at == timedelta(seconds=60)


def test_mia_revokes_every_open_link_of_a_version_and_the_record_says_so(cast: Cast, first: ModelVersion) -> None:
    files = list(first.artifacts.filter(format__in=["onnx", "wheel"]))
    addresses = [link(file, cast) for file in files]
    page = "/p/acme/models/churn/v/1"
    assert "2 open download links" in as_(cast.mia).get(page).content.decode()
    assert "Revoke them" not in as_(cast.vic).get(page).content.decode()
    assert api(cast.ben).post(f"/api/v1/model-versions/{first.pk}/revocation").status_code == 403
    assert as_(cast.mia).post(f"{page}/links").status_code == 302
    assert [Client().get(address).status_code for address in addresses] == [410, 410]
    assert set(DownloadGrant.objects.values_list("revoked_by__email", flat=True)) == {"mia@example.org"}
    event = AuditEvent.objects.get(action="links:revoke")
    assert (event.actor, event.subject, event.detail) == (cast.mia, first.pk, {"links": 2})
    assert api(cast.mia).post(f"/api/v1/model-versions/{first.pk}/revocation").json() == {"revoked": 0}


def test_a_revoked_link_needs_a_person_who_revoked_it(cast: Cast, wheel: Artifact) -> None:
    link(wheel, cast)
    with pytest.raises(IntegrityError), transaction.atomic():
        DownloadGrant.objects.update(revoked_at=now())


@pytest.mark.django_db(transaction=True)
async def test_a_download_that_broke_off_goes_on_where_it_stopped(cast: Cast, wheel: Artifact) -> None:
    from asgiref.sync import sync_to_async

    address = await sync_to_async(link)(wheel, cast)
    whole = await sync_to_async(blobs.read)(wheel.sha256)
    _, headers, begun = await fetch(address, Range="bytes=0-999")
    status, _, rest = await fetch(address, Range="bytes=1000-", If_Range=headers["ETag"])
    assert (status, begun + rest) == (206, whole)
    await sync_to_async(downloads.revoke)(
        artifacts=Artifact.objects.all(), subject=wheel.pk, project=cast.acme, by=cast.mia, at=now()
    )
    assert (await fetch(address, Range="bytes=1000-"))[0] == 410
