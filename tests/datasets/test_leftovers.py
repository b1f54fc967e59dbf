"""Lines that were left out of a table can be taken away: numbers and reasons by all, the lines by who may look."""

import csv
import io
from typing import Any

import pytest

from accounts.models import Allowance, AuditEvent
from datasets.models import DatasetVersion
from tests.cast import Cast, api, as_
from tests.datasets.uploading import SMALL, read, uploaded

ODD = [n for n in range(300) if n % 2]
ROWS = "".join(f"{n},plan{n % 3},x{',=secret@corp.org' if n % 2 else ''}\n" for n in range(300))
TABLE = f"age,plan,left\n{ROWS}".encode()


@pytest.fixture
def torn(cast: Cast) -> DatasetVersion:
    return read(uploaded(cast.ben, cast.acme, TABLE, "torn.csv"))


def rows(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.content
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_every_line_that_was_left_out_is_told_not_only_the_first_hundred(cast: Cast, torn: DatasetVersion) -> None:
    address = f"{torn.get_absolute_url()}/left-out"
    assert address in as_(cast.vic).get(torn.get_absolute_url()).content.decode()
    answer = as_(cast.vic).get(address)
    found = rows(answer)
    assert "torn-v1-left-out.csv" in answer["Content-Disposition"]
    assert [int(row["line"]) for row in found] == [n + 2 for n in ODD]
    assert found[0]["reason"] == "4 cells where the table has 3 columns."
    assert "secret" not in answer.content.decode()
    assert rows(api(cast.vic).get(f"/api/v1/dataset-versions/{torn.pk}/left-out")) == found
    assert Allowance.objects.get(project=cast.acme).used_bytes > torn.size_bytes + torn.table_bytes


def test_mia_gets_the_lines_and_it_is_recorded(cast: Cast, torn: DatasetVersion) -> None:
    page = as_(cast.mia).get(torn.get_absolute_url()).content.decode()
    assert "With what stands in them" in page
    found = rows(as_(cast.mia).post(f"{torn.get_absolute_url()}/left-out"))
    assert found[0]["text"] == "1,plan1,x,=secret@corp.org"
    event = AuditEvent.objects.get(action="dataset:lines", subject=torn.pk)
    assert (event.actor, event.detail["lines"]) == (cast.mia, len(ODD))
    address = f"/api/v1/dataset-versions/{torn.pk}/left-out"
    assert rows(api(cast.mia).post(address)) == found
    assert api(cast.ben).post(address).status_code == 403
    assert "With what stands in them" not in as_(cast.ben).get(torn.get_absolute_url()).content.decode()


def test_lines_of_json_are_told_too(cast: Cast) -> None:
    data = b'{"a": 1, "b": 2}\n{"a": 1,\n{"a": 3, "b": 4}\n'
    version = read(uploaded(cast.ben, cast.acme, data, "lines.jsonl"))
    found = rows(api(cast.mia).post(f"/api/v1/dataset-versions/{version.pk}/left-out"))
    assert found == [{"line": "2", "reason": "This line is no JSON.", "text": '{"a": 1,'}]


def test_a_whole_table_has_none(cast: Cast) -> None:
    version = read(uploaded(cast.ben, cast.acme, SMALL))
    answer = api(cast.vic).get(f"/api/v1/dataset-versions/{version.pk}/left-out")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_lines_left_out")
