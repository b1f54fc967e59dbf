"""The tables that come with the product, added to a project as if a person had uploaded them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from accounts.models import Project, User
from datasets import parts, uploads, versions
from datasets.models import Dataset, DatasetVersion
from fynix.queue.models import State

BUNDLED = Path(__file__).parent / "bundled"


@dataclass(frozen=True)
class Sample:
    """One bundled table: its file and the words on its card."""

    key: str
    name: StrPromise
    filename: str
    rows: int
    columns: int
    story: StrPromise

    @property
    def path(self) -> Path:
        return BUNDLED / self.filename


SAMPLES: dict[str, Sample] = {
    sample.key: sample
    for sample in (
        Sample(
            "churn",
            _("Customer churn"),
            "telco_churn.csv",
            7043,
            21,
            _("Which customers will leave? Predict Churn."),
        ),
        Sample(
            "penguins",
            _("Penguins"),
            "penguins.csv",
            344,
            7,
            _("Three species, a few measurements. Predict species."),
        ),
    )
}


def get(key: str) -> Sample:
    """The sample of that name. Raises Http404."""
    if key not in SAMPLES:
        raise Http404
    return SAMPLES[key]


def add(*, project: Project, key: str, by: User, at: datetime) -> DatasetVersion:
    """A version of the sample in this project: the one that is there already, else a new one on its way."""
    sample = get(key)
    mark = f"sample:{sample.key}"  # no fingerprint that a client may send has a colon
    dataset = Dataset.objects.filter(project=project, versions__upload__fingerprint=mark).first()
    newest = versions.latest(dataset) if dataset else None
    if newest and newest.job.state not in {State.FAILED, State.CANCELLED}:
        return newest
    upload, _ = uploads.begin(
        project=project, by=by, filename=sample.filename, size_bytes=sample.path.stat().st_size,
        to=uploads.Destination(dataset, str(sample.name)), fingerprint=mark, comes_to_us=True, at=at,
    )  # fmt: skip
    with sample.path.open("rb") as file:
        for number in range(1, upload.part_count + 1):
            length = parts.part_size(upload, number)
            parts.receive(upload=upload, number=number, body=file, length=length, sha256=None, at=at)
    return uploads.complete(upload=upload, by=by, at=at)
