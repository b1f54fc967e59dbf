"""The pages of datasets: bring a table, watch it being read, read its profile."""

import html
import re
from typing import Any

import pytest

from datasets.models import DatasetVersion
from fynix.queue import jobs
from tests.cast import Cast, api, as_
from tests.datasets.uploading import MIB, SMALL, begin, put, read, take, uploaded

PEOPLE = b"customer_id,email,age,plan,empty\n" + b"".join(
    f"C{n:05},user{n}@mail.example,{20 + n % 50},{'basic' if n % 3 else 'plus'},\n".encode() for n in range(200)
)


@pytest.fixture
def people(cast: Cast) -> DatasetVersion:
    """A table with personal data, uploaded by Ben and read."""
    return read(uploaded(cast.ben, cast.acme, PEOPLE, "people.csv"))


def page(person: Any, address: str, status: int = 200) -> str:
    answer = as_(person).get(address)
    assert answer.status_code == status, answer.content[:400]
    return html.unescape(answer.content.decode())


def test_an_empty_project_offers_an_upload_and_the_samples(cast: Cast) -> None:
    text = page(cast.ben, f"/p/{cast.acme.slug}/datasets")
    assert "Drop your table here" in text
    assert f'action="/p/{cast.acme.slug}/samples/churn"' in text
    assert f'init="/api/v1/projects/{cast.acme.slug}/uploads"' in text


def test_vic_looks_but_is_offered_no_upload(cast: Cast, people: DatasetVersion) -> None:
    listing = page(cast.vic, f"/p/{cast.acme.slug}/datasets")
    assert "people" in listing
    for text in (listing, page(cast.vic, people.get_absolute_url())):
        assert "<fx-upload" not in text
        assert "Train a model" not in text


@pytest.mark.parametrize("address", ["", "/people", "/people/v/1"])
def test_mallory_finds_nothing_and_visitors_are_asked_to_sign_in(
    cast: Cast, people: DatasetVersion, address: str
) -> None:
    where = f"/p/{cast.acme.slug}/datasets{address}"
    page(cast.mallory, where, status=404)
    answer = as_(None).get(where)
    assert answer.status_code == 302
    assert "login" in answer["Location"]


def test_an_upload_that_was_left_is_back_on_the_page(cast: Cast, small_parts: None) -> None:
    data = SMALL * (3 * MIB // 2 // len(SMALL))
    opened = begin(cast.ben, cast.acme, data, "big.csv").json()
    put(opened["parts"][0]["url"], data[:MIB])
    text = page(cast.ben, f"/p/{cast.acme.slug}/datasets")
    assert "1.0 MB of 1.6 MB are here. Choose the file again to go on." in text
    assert opened["upload_id"] in text
    assert opened["upload_id"] not in page(cast.mia, f"/p/{cast.acme.slug}/datasets")


def test_the_dataset_leads_to_its_newest_version(cast: Cast, people: DatasetVersion) -> None:
    uploaded(cast.ben, cast.acme, PEOPLE, dataset=people.dataset.slug)
    answer = as_(cast.vic).get(f"/p/{cast.acme.slug}/datasets/people")
    assert answer["Location"] == f"/p/{cast.acme.slug}/datasets/people/v/2"


def test_while_a_table_is_read_the_page_says_how_far(cast: Cast) -> None:
    version = uploaded(cast.ben, cast.acme, SMALL)
    assert "Waiting for a worker" in page(cast.ben, version.get_absolute_url())
    jobs.report(take(version), stage="Examining column 2 of 3", progress=41)
    text = page(cast.ben, version.get_absolute_url())
    assert "Examining column 2 of 3" in text
    assert 'value="41"' in text
    facts = api(cast.ben).get(f"/api/v1/dataset-versions/{version.pk}").json()
    assert (facts["status"], facts["stage"], facts["progress"]) == (
        "running",
        "Examining column 2 of 3",
        41.0,
    )


def test_a_table_that_could_not_be_read_says_why_and_takes_another(cast: Cast) -> None:
    version = read(uploaded(cast.ben, cast.acme, b"age\n31\n44\n", "one.csv"))
    text = page(cast.ben, version.get_absolute_url())
    assert version.job.error_detail in text
    assert 'dataset="one"' in text
    facts = api(cast.ben).get(f"/api/v1/dataset-versions/{version.pk}").json()
    assert facts["error"] == {"code": "unparseable_file", "detail": version.job.error_detail}
    for part in ("profile", "preview"):
        answer = api(cast.ben).get(f"/api/v1/dataset-versions/{version.pk}/{part}")
        assert (answer.status_code, answer.json()["code"]) == (409, "profile_not_ready")


def test_the_profile_shows_every_column_and_no_address(cast: Cast, people: DatasetVersion) -> None:
    text = page(cast.vic, people.get_absolute_url())
    for name in ("customer_id", "email", "age", "plan", "empty"):
        assert f">{name}</bdi></a>" in text
    assert "200 rows × 5 columns" in text
    assert "Personal data found" in text
    assert "@mail.example" not in text
    assert text.count('class="masked"') == 12
    assert re.search(r'<rect class="bar" x="0\.00" y="[\d.]+" width="[\d.]+" height="[\d.]+">', text)
    assert "style=" not in text


def test_columns_are_found_and_sorted_without_script(cast: Cast, people: DatasetVersion) -> None:
    address = people.get_absolute_url()
    found = page(cast.vic, f"{address}?q=EMAI")
    assert ">email</bdi></a>" in found
    assert ">plan</bdi></a>" not in found
    by_missing = page(cast.vic, f"{address}?sort=missing")
    assert by_missing.index(">empty</bdi></a>") < by_missing.index(">customer_id</bdi></a>")
    assert "No column has this in its name" in page(cast.vic, f"{address}?q=zzz")
    assert ">age</bdi></a>" in page(cast.vic, f"{address}?sort=sideways&page=99")


def test_a_hostile_header_and_name_are_shown_as_text(cast: Cast) -> None:
    data = b'<script>alert(1)</script>,"><img src=x onerror=alert(1)>\n1,2\n3,4\n5,6\n'
    version = read(uploaded(cast.ben, cast.acme, data, 'x"><b>.csv'))
    raw = as_(cast.ben).get(version.get_absolute_url()).content.decode()
    assert "<script>alert" not in raw
    assert "<img" not in raw
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in raw


def test_programs_read_the_same(cast: Cast, people: DatasetVersion) -> None:
    root = f"/api/v1/dataset-versions/{people.pk}"
    facts = api(cast.vic).get(root).json()
    assert (facts["status"], facts["rows"], facts["columns"], facts["error"]) == ("succeeded", 200, 5, None)
    document = api(cast.vic).get(f"{root}/profile").json()
    assert [column["name"] for column in document["columns"]][:2] == ["customer_id", "email"]
    preview = api(cast.vic).get(f"{root}/preview?limit=3").json()
    assert (preview["masked"], len(preview["rows"])) == (["email"], 3)
    assert "@mail.example" not in str(document) + str(preview)
    assert api(cast.vic).get(f"{root}/preview?limit=0").status_code == 422
    for address in (
        root,
        f"{root}/profile",
        f"{root}/preview",
        f"/api/v1/datasets/{people.dataset_id}/versions",
    ):
        assert api(cast.mallory).get(address).status_code == 404


def test_lists_come_in_pages(cast: Cast) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        uploaded(cast.ben, cast.acme, SMALL, name)
    address = f"/api/v1/projects/{cast.acme.slug}/datasets"
    first = api(cast.vic).get(f"{address}?limit=2").json()
    rest = api(cast.vic).get(f"{address}?limit=2&cursor={first['next_cursor']}").json()
    assert [row["name"] for row in first["data"] + rest["data"]] == ["c", "b", "a"]
    assert rest["next_cursor"] is None
    newest = first["data"][0]
    listed = api(cast.vic).get(f"/api/v1/datasets/{newest['dataset_id']}/versions").json()["data"]
    assert [row["dataset_version_id"] for row in listed] == [newest["latest_version_id"]]
    assert api(cast.mallory).get(address).status_code == 404
