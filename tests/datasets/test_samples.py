"""One click brings a bundled table, by the same way as any other."""

from datetime import UTC, datetime

import polars as pl
import pytest
from django.http import Http404

from datasets import samples, versions
from datasets.models import Dataset, DatasetVersion
from tests.cast import Cast, api, as_
from tests.datasets.uploading import SMALL, begin, complete, read, send

NOW = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("key", samples.SAMPLES)
def test_a_sample_is_what_its_card_says(cast: Cast, key: str) -> None:
    sample = samples.get(key)
    version = read(samples.add(project=cast.acme, key=key, by=cast.ben, at=NOW))
    assert versions.ready(version)
    assert (version.rows, version.columns) == (sample.rows, sample.columns)
    assert version.dataset.name == sample.name
    with versions.table(version) as path:
        assert pl.scan_parquet(path).select(pl.len()).collect().item() == sample.rows


def test_every_bundled_table_says_where_it_comes_from() -> None:
    origin = (samples.BUNDLED / "ORIGIN.md").read_text()
    for sample in samples.SAMPLES.values():
        assert sample.filename in origin
        assert (samples.BUNDLED / f"LICENSE-{sample.path.stem}.txt").stat().st_size > 1000


def test_ben_clicks_twice_and_gets_one_dataset(cast: Cast) -> None:
    address = f"/p/{cast.acme.slug}/samples/penguins"
    first, second = (as_(cast.ben).post(address) for _ in range(2))
    assert first["Location"] == second["Location"] == f"/p/{cast.acme.slug}/datasets/penguins/v/1"
    assert Dataset.objects.count() == DatasetVersion.objects.count() == 1


def test_bens_own_table_of_that_name_is_not_taken_for_the_sample(cast: Cast) -> None:
    own = Dataset.objects.create(
        project=cast.acme, slug="penguins", name="Penguins", created_by=cast.ben, created_at=NOW
    )
    assert samples.add(project=cast.acme, key="penguins", by=cast.ben, at=NOW).dataset != own


def test_a_program_adds_a_sample_too(cast: Cast) -> None:
    answer = api(cast.ben).post(f"/api/v1/projects/{cast.acme.slug}/samples/penguins")
    assert answer.status_code == 202
    assert answer.json()["page"] == f"/p/{cast.acme.slug}/datasets/penguins/v/1"


def test_vic_may_not_add_one_and_mallory_finds_nothing(cast: Cast) -> None:
    for person, status in ((cast.vic, 403), (cast.mallory, 404)):
        assert as_(person).post(f"/p/{cast.acme.slug}/samples/penguins").status_code == status
        assert api(person).post(f"/api/v1/projects/{cast.acme.slug}/samples/penguins").status_code == status
    assert not Dataset.objects.exists()


def test_there_is_no_other_sample(cast: Cast) -> None:
    with pytest.raises(Http404):
        samples.add(project=cast.acme, key="titanic", by=cast.ben, at=NOW)


def test_a_table_of_bens_own_is_never_taken_for_a_sample(cast: Cast) -> None:
    opened = begin(cast.ben, cast.acme, SMALL, fingerprint="sample-penguins").json()
    send(opened, SMALL)
    complete(cast.ben, opened["upload_id"])
    added = samples.add(project=cast.acme, key="penguins", by=cast.ada, at=NOW)
    assert added.filename == "penguins.csv"
    assert begin(cast.ben, cast.acme, SMALL, fingerprint="sample:penguins").status_code == 422
