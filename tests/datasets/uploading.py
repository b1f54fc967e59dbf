"""How a person's program uploads: open, send the parts, complete; then it is the worker's turn."""

import random
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import Project, User
from datasets.models import DatasetVersion
from fynix.queue import jobs, work
from fynix.queue.models import Job
from tests.cast import api

MIB = 1 << 20
SMALL = b"age,plan,left\n31,basic,no\n44,plus,yes\n52,basic,no\n"


def table(size: int) -> bytes:
    """A CSV of about `size` bytes with a number, a category and a text."""
    dice = random.Random(7)
    lines = ["reading,site,note"]
    written = len(lines[0]) + 1
    while written < size:
        lines.append(f"{dice.random():.9f},{dice.choice(['north', 'south', 'west'])},{dice.getrandbits(60):015x}")
        written += len(lines[-1]) + 1
    return ("\n".join(lines) + "\n").encode()


def begin(person: User, project: Project, data: bytes, filename: str = "plans.csv", **fields: Any) -> Any:
    asked = {"filename": filename, "size_bytes": len(data), **fields}
    return api(person).post(f"/api/v1/projects/{project.slug}/uploads", asked)


def part(data: bytes, number: int, size: int) -> bytes:
    return data[(number - 1) * size : number * size]


def put(url: str, body: bytes, **headers: str) -> Any:
    """A PUT by somebody who has nothing but the address."""
    return Client(enforce_csrf_checks=True).put(url, body, content_type="application/octet-stream", headers=headers)


def send(opened: dict[str, Any], data: bytes, *, but: frozenset[int] = frozenset()) -> None:
    """Send the parts last to first, leaving some out."""
    for signed in reversed(opened["parts"]):
        if signed["number"] not in but:
            answer = put(signed["url"], part(data, signed["number"], opened["part_size_bytes"]))
            assert answer.status_code == 204, answer.content


def complete(person: User, upload: str, **fields: Any) -> Any:
    return api(person).post(f"/api/v1/uploads/{upload}/complete", fields)


def uploaded(person: User, project: Project, data: bytes, filename: str = "plans.csv", **fields: Any) -> DatasetVersion:
    """The version of a file that was sent whole; nobody has read it yet."""
    opened = begin(person, project, data, filename, **fields).json()
    send(opened, data)
    answer = complete(person, opened["upload_id"])
    assert answer.status_code == 202, answer.content
    return DatasetVersion.objects.get(pk=answer.json()["dataset_version_id"])


def take(version: DatasetVersion) -> Job:
    """A worker takes the version's job."""
    job = jobs.claim(job_id=version.job_id, owner="here:1", at=timezone.now())
    assert job is not None
    return job


def read(version: DatasetVersion) -> DatasetVersion:
    """A worker's child does the job; the version as it is afterwards."""
    job = take(version)
    work.execute(job_id=job.pk, attempt=job.attempt)
    return DatasetVersion.objects.select_related("job", "dataset").get(pk=version.pk)
