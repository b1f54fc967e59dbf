"""Mia decides about personal data: what is hidden is hidden at once and everywhere, and the next table holds it so."""

import hashlib
import hmac
from typing import Any

import polars as pl
import pytest
from django.db import DatabaseError, transaction

from accounts.models import AuditEvent
from datasets import privacy, versions
from datasets.models import DatasetVersion, PrivacyDecision
from fynix.queue.models import State
from tests.cast import Cast, api, as_
from tests.datasets.uploading import read, uploaded

PLANS = ("plus", "basic", "basic")
NAMES = ["Ann Lee", "Bob Roy", "Cyd Fox", "Dan Poe"]
PEOPLE = "email,nick,part,age,plan\n" + "".join(
    f"user{n}@mail.example,{NAMES[n % 4]} {n},{100 + n}-{10 + n % 80}-{1000 + n},{20 + n % 50},{PLANS[n % 3]}\n"
    for n in range(200)
)
RAW = ("user3@mail.example", "Dan Poe 3", "103-13-1003")


@pytest.fixture
def people(cast: Cast) -> DatasetVersion:
    return read(uploaded(cast.ben, cast.acme, PEOPLE.encode(), "people.csv"))


def decide(person: Any, version: DatasetVersion, column: str, treatment: str) -> Any:
    return api(person).post(
        f"/api/v1/dataset-versions/{version.pk}/privacy", {"column": column, "treatment": treatment}
    )  # fmt: skip


def derived(person: Any, version: DatasetVersion) -> DatasetVersion:
    answer = api(person).post(f"/api/v1/dataset-versions/{version.pk}/derivations", {})
    assert answer.status_code == 202, answer.content
    made = read(DatasetVersion.objects.get(pk=answer.json()["dataset_version_id"]))
    assert made.job.state == State.SUCCEEDED
    return made


def table(version: DatasetVersion) -> pl.DataFrame:
    with versions.table(version) as path:
        return pl.read_parquet(path)


def shown(person: Any, version: DatasetVersion) -> str:
    """Everything that the product says about a version: page, profile, preview."""
    texts = [as_(person).get(version.get_absolute_url()).content.decode()]
    addresses = (f"/api/v1/dataset-versions/{version.pk}/{what}" for what in ("profile", "preview?limit=50"))
    texts.extend(api(person).get(address).content.decode() for address in addresses)
    return "\n".join(texts)


def test_what_was_found_is_masked_before_anybody_decides(cast: Cast, people: DatasetVersion) -> None:
    text = shown(cast.ada, people)
    assert RAW[0] not in text
    assert RAW[1] in text


def test_a_confirmed_column_is_hidden_at_once_and_left_out_of_training(cast: Cast, people: DatasetVersion) -> None:
    assert decide(cast.mia, people, "nick", "redact").status_code == 201
    assert RAW[1] not in shown(cast.ada, people)
    preview = api(cast.vic).get(f"/api/v1/dataset-versions/{people.pk}/preview").json()
    assert "nick" in preview["masked"]
    assert preview["rows"][0][preview["columns"].index("nick")] == "•••"
    asked = {"dataset_version_id": people.pk, "target": "age", "task": "regression", "model_name": "age"}
    started = api(cast.ben).post(f"/api/v1/projects/{cast.acme.slug}/runs", asked)
    assert started.status_code == 202, started.content
    run = api(cast.ben).get(f"/api/v1/runs/{started.json()['run_id']}").json()
    assert "nick" in str(run["config"])


def test_a_dismissed_flag_shows_its_values_in_the_next_version(cast: Cast, people: DatasetVersion) -> None:
    decide(cast.mia, people, "email", "show")
    assert RAW[0] not in shown(cast.ada, people)
    second = derived(cast.ben, people)
    assert RAW[0] in shown(cast.ada, second)
    assert versions.document(second).column("email").pii is None
    assert api(cast.vic).get(f"/api/v1/dataset-versions/{second.pk}/privacy").json()["pending"] == []


def test_hashes_tell_equal_from_different_and_need_the_projects_key(cast: Cast, people: DatasetVersion) -> None:
    decide(cast.mia, people, "email", "hash")
    second = derived(cast.ben, people)
    values = table(second)["email"].to_list()
    key = privacy.key(cast.acme)
    assert values[3] == hmac.new(key, RAW[0].encode(), hashlib.sha256).hexdigest()[:16]
    assert len(set(values)) == 200
    assert privacy.key(cast.elsewhere) != key
    assert RAW[0] not in shown(cast.ada, second)


def test_part_whole_and_column_are_covered_in_the_table(cast: Cast, people: DatasetVersion) -> None:
    for column, treatment in (("email", "partial"), ("nick", "redact"), ("part", "drop")):
        decide(cast.mia, people, column, treatment)
    second = derived(cast.ben, people)
    found = table(second)
    assert found.columns == ["email", "nick", "age", "plan"]
    assert found["email"][3] == "u***@m***.example"
    assert set(found["nick"]) == {"•••"}
    assert not [raw for raw in RAW if raw in shown(cast.ada, second)]
    assert table(people).columns == ["email", "nick", "part", "age", "plan"]


def test_a_decision_holds_for_the_next_upload_too(cast: Cast, people: DatasetVersion) -> None:
    decide(cast.mia, people, "nick", "hash")
    newer = read(uploaded(cast.ben, cast.acme, PEOPLE.encode(), "people.csv", dataset=people.dataset.slug))
    assert versions.document(newer).column("nick").treatment == "hash"
    assert RAW[1] not in shown(cast.ada, newer)


def test_whoever_looks_at_the_values_is_recorded(cast: Cast, people: DatasetVersion) -> None:
    address = f"/api/v1/dataset-versions/{people.pk}/reveals"
    answer = api(cast.mia).post(address, {"column": "email"}).json()
    assert answer["values"][3] == RAW[0]
    assert len(answer["values"]) == 20
    event = AuditEvent.objects.get(action="privacy:reveal")
    assert (event.actor, event.subject, event.detail["column"]) == (cast.mia, people.pk, "email")
    assert RAW[0] not in str(event.detail)
    assert api(cast.ben).post(address, {"column": "email"}).status_code == 403
    assert api(cast.mia).post(address, {"column": "nobody"}).json()["code"] == "unknown_column"
    assert AuditEvent.objects.filter(action="privacy:reveal").count() == 1
    decide(cast.mia, people, "email", "redact")
    second = derived(cast.ben, people)
    covered = api(cast.mia).post(f"/api/v1/dataset-versions/{second.pk}/reveals", {"column": "email"})
    assert (covered.status_code, covered.json()["code"]) == (409, "values_covered")


def test_mia_decides_on_the_page_and_ben_makes_the_version(cast: Cast, people: DatasetVersion) -> None:
    page = people.get_absolute_url()
    assert 'name="treatment"' in as_(cast.mia).get(page).content.decode()
    assert 'name="treatment"' not in as_(cast.ben).get(page).content.decode()
    assert as_(cast.mia).post(f"{page}/privacy", {"column": "nick", "treatment": "drop"})["Location"] == page
    assert "Make a version with them" in as_(cast.ben).get(page).content.decode()
    made = as_(cast.ben).post(f"{page}/treated")
    second = read(DatasetVersion.objects.get(number=2))
    assert made["Location"] == second.get_absolute_url()
    assert as_(cast.ben).post(f"{second.get_absolute_url()}/treated")["Location"] == second.get_absolute_url()
    revealed = as_(cast.mia).post(f"{page}/reveal", {"column": "email"}).content.decode()
    assert RAW[0] in revealed


@pytest.mark.parametrize(
    "said", [{"column": "nick", "treatment": "burn"}, {"column": "nobody", "treatment": "hash"}, {"column": "nick"}]
)
def test_what_makes_no_sense_is_refused(cast: Cast, people: DatasetVersion, said: dict[str, str]) -> None:
    assert api(cast.mia).post(f"/api/v1/dataset-versions/{people.pk}/privacy", said).status_code == 422
    assert as_(cast.mia).post(f"{people.get_absolute_url()}/privacy", said).status_code == 422
    assert not PrivacyDecision.objects.exists()


def test_decisions_are_a_history_that_nobody_changes(cast: Cast, people: DatasetVersion) -> None:
    decide(cast.mia, people, "nick", "redact")
    decide(cast.ada, people, "nick", "show")
    assert privacy.current(people.dataset) == {"nick": "show"}
    with pytest.raises(DatabaseError), transaction.atomic():
        PrivacyDecision.objects.update(treatment="show")
    with pytest.raises(DatabaseError), transaction.atomic():
        PrivacyDecision.objects.all().delete()
