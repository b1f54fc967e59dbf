"""A run that says twenty things a second and learns nothing: `talk(project)` in a `manage.py shell` beside a pilot.

It does what a worker does (claims the job, publishes through the feed, keeps its lease), so the page hears the real
thing at a rate that no small training reaches. It prints the run's number and talks until its stdin closes.
"""

import math
import select
import sys
from collections.abc import Iterator
from itertools import count

from django.db import transaction
from django.utils.timezone import now

from fynix.queue import jobs
from fynix.queue.models import Job
from training import events, runs
from training.engine import RunConfig
from training.engine.recipes import METRICS
from training.models import Run

PER_SECOND = 20
RENEW_EVERY = 4 * PER_SECOND


def begun(project: str) -> tuple[Run, Job]:
    """A run like the newest one of the project, claimed before a worker hears of it."""
    like = Run.objects.filter(project__slug=project).latest("created_at")
    with transaction.atomic():
        run = runs.start(
            project=like.project, version=like.dataset_version, config=RunConfig.from_json(like.config),
            name="A lively run", model_name="lively", by=like.created_by, at=now(),
        )  # fmt: skip
        job = jobs.claim(job_id=run.job_id, owner="talker", at=now())
    assert job
    return run, job


def said(metrics: list[str]) -> Iterator[events.Event]:
    """Two rounds, a line, how far it is; and so on."""
    yield events.Status(at=now(), stage="queued", state="running", attempt=1)
    for step in count(1):
        for number in (2 * step - 1, 2 * step):
            values = {name: 0.5 + math.exp(-number / 300) / 3 for name in metrics}
            yield events.Metric(at=now(), stage="train", points=(events.Point(number, values),))
        yield events.Log(at=now(), stage="train", level="info", message=f"Round {2 * step} is done.")
        yield events.Progress(at=now(), stage="train", progress=10 + 70 * (1 - math.exp(-step / 500)), seconds_left=60)


def talk(project: str) -> None:
    run, job = begun(project)
    print(run.number, flush=True)
    told = said([f"{part}-{metric}" for part in ("train", "valid") for metric in METRICS[run.task]])
    for number in count():
        events.publish(run, [next(told)], attempt=job.attempt)
        if number % RENEW_EVERY == 0:
            jobs.renew(job, at=now())
        if select.select([sys.stdin], [], [], 1 / PER_SECOND)[0]:
            break
    with transaction.atomic():
        jobs.fail(job, code="said_enough", detail="It was only there to talk.", at=now())
        events.publish(run, [events.Status(at=now(), stage="train", state="failed", attempt=job.attempt)])
