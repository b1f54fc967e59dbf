"""A table that was read in the wrong way is read again as people say; the version that is there stays."""

from typing import Any

import pytest

from accounts.models import Allowance, AuditEvent
from datasets import versions
from datasets.models import DatasetVersion
from fynix.queue.models import State
from tests.cast import Cast, api, as_
from tests.datasets.uploading import begin, complete, read, send, uploaded

CARETS = b"age^plan\n31^basic\n44^plus\n52^basic\n"
MIXED = b"age,note\n31,a;b\n44,c;d\n52,e;f\n"


@pytest.fixture
def mixed(cast: Cast) -> DatasetVersion:
    return read(uploaded(cast.ben, cast.acme, MIXED, "notes.csv"))


def again(person: Any, version: DatasetVersion, **said: str) -> Any:
    return as_(person).post(f"{version.get_absolute_url()}/reading", said)


def test_ben_says_what_stands_between_cells_and_gets_version_two(cast: Cast, mixed: DatasetVersion) -> None:
    answer = again(cast.ben, mixed, delimiter=";")
    second = DatasetVersion.objects.get(number=2)
    assert answer["Location"] == second.get_absolute_url()
    second = read(second)
    assert (second.parent, second.sha256, second.columns) == (mixed, mixed.sha256, 2)
    assert versions.document(second).reading.delimiter == ";"
    assert versions.document(mixed).reading.delimiter == ","
    assert AuditEvent.objects.filter(action="dataset:derive", subject=second.pk, actor=cast.ben).exists()


def test_the_file_is_paid_for_once(cast: Cast, mixed: DatasetVersion) -> None:
    again(cast.ben, mixed, header="no")
    second = read(DatasetVersion.objects.get(number=2))
    allowance = Allowance.objects.get(project=cast.acme)
    assert allowance.used_bytes == mixed.size_bytes + mixed.table_bytes + second.table_bytes
    assert allowance.reserved_bytes == 0


def test_the_page_shows_how_it_was_read_and_takes_another_sign(cast: Cast, mixed: DatasetVersion) -> None:
    text = as_(cast.ben).get(mixed.get_absolute_url()).content.decode()
    for words in ("Delimited text", "quotation marks", "comma", "UTF-8", "Read it differently"):
        assert words in text
    answer = again(cast.ben, mixed, delimiter="other", sign="x")
    assert answer.status_code == 200
    assert "one sign that is no letter" in answer.content.decode()
    assert "Read it differently" not in as_(cast.vic).get(mixed.get_absolute_url()).content.decode()


def test_the_same_choice_again_makes_no_version(cast: Cast, mixed: DatasetVersion) -> None:
    answer = again(cast.ben, mixed)
    assert "how the version was made already" in answer.content.decode()
    assert DatasetVersion.objects.count() == 1


def test_a_wrong_choice_fails_in_its_own_version_and_costs_nothing(cast: Cast, mixed: DatasetVersion) -> None:
    before = Allowance.objects.get(project=cast.acme).used_bytes
    again(cast.ben, mixed, delimiter="|")
    second = read(DatasetVersion.objects.get(number=2))
    assert (second.job.state, second.job.error_code) == (State.FAILED, "unparseable_file")
    allowance = Allowance.objects.get(project=cast.acme)
    assert (allowance.used_bytes, allowance.reserved_bytes) == (before, 0)
    assert versions.ready(mixed)


def test_a_program_reads_again_and_says_so_with_the_upload(cast: Cast, mixed: DatasetVersion) -> None:
    address = f"/api/v1/dataset-versions/{mixed.pk}/derivations"
    answer = api(cast.ben).post(address, {"reading": {"delimiter": ";"}})
    assert answer.status_code == 202, answer.content
    second = api(cast.ben).get(f"/api/v1/dataset-versions/{answer.json()['dataset_version_id']}").json()
    assert (second["number"], second["parent_version_id"]) == (2, mixed.pk)
    assert api(cast.ben).post(address, {"reading": {}}).json()["code"] == "nothing_changes"
    assert api(cast.ben).post(address, {"reading": {"delimiter": "x"}}).status_code == 422
    assert api(cast.vic).post(address, {"reading": {"delimiter": ";"}}).status_code == 403

    opened = begin(cast.ben, cast.acme, CARETS, "carets.txt").json()
    send(opened, CARETS)
    done = complete(cast.ben, opened["upload_id"], reading={"delimiter": "^"}).json()
    version = read(DatasetVersion.objects.get(pk=done["dataset_version_id"]))
    assert (version.job.state, version.rows, version.columns) == (State.SUCCEEDED, 3, 2)


def test_a_version_that_is_not_read_yet_cannot_be_read_again(cast: Cast) -> None:
    version = uploaded(cast.ben, cast.acme, MIXED)
    answer = api(cast.ben).post(f"/api/v1/dataset-versions/{version.pk}/derivations", {"reading": {"header": False}})
    assert (answer.status_code, answer.json()["code"]) == (409, "profile_not_ready")
    assert again(cast.ben, version, header="no").status_code == 409
