"""A file that could not be read is kept for a week: Ben says how it is written, or throws it away."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Allowance, AuditEvent
from datasets import unread
from datasets.models import DatasetVersion
from fynix.queue.models import State
from tests.cast import Cast, api, as_
from tests.datasets.uploading import read, uploaded

CARETS = b"age^plan\n31^basic\n44^plus\n52^basic\n"


@pytest.fixture
def failed(cast: Cast) -> DatasetVersion:
    version = read(uploaded(cast.ben, cast.acme, CARETS, "carets.txt"))
    assert (version.job.state, version.job.error_code) == (State.FAILED, "unparseable_file")
    return version


def room(cast: Cast) -> tuple[int, int]:
    allowance = Allowance.objects.get(project=cast.acme)
    return allowance.used_bytes, allowance.reserved_bytes


def again(person: Any, version: DatasetVersion, **reading: str) -> Any:
    return api(person).post(f"/api/v1/dataset-versions/{version.pk}/derivations", {"reading": reading})


def test_ben_says_what_stands_between_cells_without_sending_it_again(cast: Cast, failed: DatasetVersion) -> None:
    assert room(cast) == (failed.size_bytes, 0)
    page = as_(cast.ben).get(failed.get_absolute_url()).content.decode()
    assert "Say how it is written" in page
    assert "kept for a week" in page
    wrong = as_(cast.ben).post(f"{failed.get_absolute_url()}/reading", {"delimiter": "|"})
    second = read(DatasetVersion.objects.get(number=2))
    assert (wrong["Location"], second.job.state) == (second.get_absolute_url(), State.FAILED)
    right = as_(cast.ben).post(f"{second.get_absolute_url()}/reading", {"delimiter": "other", "sign": "^"})
    third = read(DatasetVersion.objects.get(number=3))
    assert (right["Location"], third.job.state, third.rows) == (third.get_absolute_url(), State.SUCCEEDED, 3)
    assert room(cast) == (failed.size_bytes + third.table_bytes, 0)
    assert unread.expire(at=timezone.now() + 2 * unread.KEPT) == 0
    discarded = api(cast.ben).delete(f"/api/v1/dataset-versions/{failed.pk}/file")
    assert (discarded.status_code, discarded.json()["code"]) == (409, "file_in_use")


def test_vic_may_neither_correct_it_nor_throw_it_away(cast: Cast, failed: DatasetVersion) -> None:
    page = as_(cast.vic).get(failed.get_absolute_url()).content.decode()
    assert "Say how it is written" not in page
    assert again(cast.vic, failed, delimiter="^").status_code == 403
    assert as_(cast.vic).post(f"{failed.get_absolute_url()}/discard").status_code == 403


def test_thrown_away_it_is_free_and_gone(cast: Cast, failed: DatasetVersion) -> None:
    assert as_(cast.ben).post(f"{failed.get_absolute_url()}/discard").status_code == 302
    assert room(cast) == (0, 0)
    assert AuditEvent.objects.filter(action="dataset:discard", subject=failed.pk, actor=cast.ben).exists()
    assert "Nothing of it is stored" in as_(cast.ben).get(failed.get_absolute_url()).content.decode()
    assert again(cast.ben, failed, delimiter="^").json()["code"] == "profile_not_ready"
    assert api(cast.ben).delete(f"/api/v1/dataset-versions/{failed.pk}/file").json()["code"] == "file_not_kept"


def test_after_a_week_it_goes_by_itself_unless_somebody_reads_it(cast: Cast, failed: DatasetVersion) -> None:
    later = failed.created_at + unread.KEPT
    assert unread.expire(at=later - timedelta(minutes=1)) == 0
    assert again(cast.ben, failed, delimiter="|").status_code == 202
    assert unread.expire(at=later) == 0
    read(DatasetVersion.objects.get(number=2))
    assert unread.expire(at=later) == 1
    assert (room(cast), unread.expire(at=later)) == ((0, 0), 0)
    assert not DatasetVersion.objects.filter(sha256__gt="").exists()
