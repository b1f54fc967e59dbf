"""How the server is: for staff on a page, for Prometheus as figures."""

import json
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.test import Client
from django.utils.timezone import now
from prometheus_client.parser import text_string_to_metric_families

from accounts import quotas
from fynix import redis
from fynix.alerts import points
from fynix.health import durations, measures
from fynix.observability import presence
from fynix.queue import jobs
from fynix.queue.models import Job
from fynix.settings import JOB_KINDS
from tests.cast import Cast, as_

pytestmark = pytest.mark.django_db(transaction=True)

RULES = Path(__file__).parents[2] / "deploy" / "prometheus-rules.yml"
SECRET = {"Authorization": "Bearer a-token-of-prometheus"}


def ask(cast: Cast, kind: str = "train", *, ago: float = 0.0) -> Job:
    moment = now() - timedelta(seconds=ago)
    return jobs.enqueue(kind=kind, subject="x", project_id=cast.acme.pk, user_id=cast.ben.pk, at=moment)


def ended(cast: Cast, kind: str, *, took_s: float, code: str = "") -> None:
    job = ask(cast, kind)
    Job.objects.filter(pk=job.pk).update(
        state="failed" if code else "succeeded", error_code=code, attempt=1,
        started_at=now() - timedelta(seconds=took_s), finished_at=now(),
    )  # fmt: skip


def worker(name: str, *queues: str, ago: float = 0.0, began: float = 0.0) -> None:
    """A worker that asked for work so many seconds ago."""
    about = {"name": name, "queues": list(queues), "began": time.time() - began}
    redis.client(redis.QUEUE).hset(presence.WORKERS, name, json.dumps(about))
    redis.client(redis.QUEUE).zadd(presence.HEARTBEATS, {name: (time.time() - ago) * 1000})


def exposed(client: Client | None = None) -> dict[str, float]:
    """Every sample that Prometheus reads, by name and labels."""
    answer = (client or Client()).get("/metrics", headers=SECRET)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {f"{s.name}{sorted(s.labels.values())}": s.value for family in families for s in family.samples}


@pytest.fixture
def token(settings) -> None:
    settings.METRICS_TOKEN = "a-token-of-prometheus"


def test_prometheus_reads_what_waits_who_works_and_what_is_stored(cast: Cast, token: None) -> None:
    ask(cast, ago=90)
    ask(cast, ago=10)
    worker("t1", "train")
    worker("w1", "profile", "package")
    quotas.charge(project=cast.acme, user=cast.ben, kind="artifact", subject="a", size_bytes=700, at=now())
    seen = exposed()
    assert seen["fynix_queue_waiting['train']"] == 2
    assert 89 < seen["fynix_queue_oldest_seconds['train']"] < 100
    assert [seen[f"fynix_queue_workers['{kind}']"] for kind in ("train", "profile", "package")] == [1, 1, 1]
    assert seen["fynix_storage_bytes['artifact']"] == 700
    assert seen["fynix_redis_up[]"] == 1
    assert seen["fynix_disk_free_bytes[]"] < seen["fynix_disk_bytes[]"]


def test_prometheus_reads_how_long_work_took_and_why_it_failed(cast: Cast, token: None) -> None:
    for took in (0.4, 2.5, 45, 4000):
        ended(cast, "train", took_s=took)
    ended(cast, "train", took_s=8, code="out_of_memory")
    seen = exposed()
    assert seen["fynix_jobs_ended_total['', 'succeeded', 'train']"] == 4
    assert seen["fynix_jobs_ended_total['failed', 'out_of_memory', 'train']"] == 1
    below = [seen[f"fynix_job_duration_seconds_bucket['{limit:.1f}', 'train']"] for limit in durations.BUCKETS_S]
    assert below == [1, 2, 3, 3, 4, 4, 4, 4, 4, 5, 5]
    assert seen["fynix_job_duration_seconds_count['train']"] == 5
    assert 4050 < seen["fynix_job_duration_seconds_sum['train']"] < 4060


def test_a_worker_that_fell_silent_is_none_and_is_forgotten(cast: Cast) -> None:
    worker("gone", "train", ago=61, began=100)
    worker("here", ago=5, began=100)
    worker("young", "train", began=0)
    redis.client(redis.QUEUE).zrem(presence.HEARTBEATS, "young")  # it has not asked for work yet
    assert [each.name for each in presence.workers()] == ["here"]
    left = {name.decode() for name in redis.client(redis.QUEUE).hgetall(presence.WORKERS)}
    assert left == {"here", "young"}
    assert {queue.kind: queue.workers for queue in measures.measure(at=now()).queues} == dict.fromkeys(JOB_KINDS, 1)


def test_figures_are_there_without_redis(cast: Cast, token: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(cast)
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere/redis.sock")
    redis._client.cache_clear()
    try:
        seen = exposed()
        page = as_(cast.sue).get("/monitoring")
    finally:
        redis._client.cache_clear()
    assert (seen["fynix_redis_up[]"], seen["fynix_queue_waiting['train']"]) == (0, 1)
    assert not [name for name in seen if name.startswith(("fynix_queue_workers", "fynix_schedule_up"))]
    assert "Redis does not answer" in page.content.decode()


def test_figures_are_for_the_token_and_for_staff_only(cast: Cast, token: None) -> None:
    for path in ("/metrics", "/health/problems"):
        assert Client().get(path).status_code == 404
        assert Client().get(path, headers={"Authorization": "Bearer something else"}).status_code == 404
        assert as_(cast.ada).get(path).status_code == 404
        assert as_(cast.sue).get(path).status_code == Client().get(path, headers=SECRET).status_code == 200


def test_without_a_token_nobody_gets_in_with_an_empty_one(cast: Cast, settings) -> None:
    settings.METRICS_TOKEN = ""
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_no_label_names_a_person_a_project_or_a_run(cast: Cast, token: None) -> None:
    quotas.charge(project=cast.acme, user=cast.ben, kind="dataset", subject="dv_secret", size_bytes=7, at=now())
    ask(cast)
    text = Client().get("/metrics", headers=SECRET).content.decode()
    for word in ("acme", cast.acme.pk, "ben", "dv_secret"):
        assert word not in text


def test_every_rule_for_prometheus_reads_figures_that_are_there(cast: Cast, token: None) -> None:
    ended(cast, "train", took_s=1, code="out_of_memory")
    names = {name.partition("[")[0] for name in exposed()} | {"fynix_queue_workers", "fynix_schedule_up"}
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    alerts = [rule for rule in rules if "alert" in rule]
    for rule in rules:
        assert {*re.findall(r"fynix_[\w:]+", rule["expr"])} <= names | recorded, rule
    assert all(rule["labels"]["severity"] in {"warning", "critical"} for rule in alerts)
    assert len({rule["alert"] for rule in alerts}) == len(alerts) == len(rules) - len(recorded)


def test_sue_sees_queues_failures_durations_and_charts(cast: Cast) -> None:
    for step in range(3):
        points.keep(measures.measure(at=now() - timedelta(minutes=3 - step)))
    ask(cast)
    ended(cast, "profile", took_s=3)
    ended(cast, "train", took_s=9, code="target_invalid")
    page = as_(cast.sue).get("/monitoring").content.decode()
    assert "No rule is broken." in page
    assert "<code>target_invalid</code>" in page
    assert "Jobs that wait" in page
    assert page.count("<polyline") == 2 + 3 * len(JOB_KINDS) + 3
    assert "9.0 s" in page


def test_a_point_is_kept_once_a_minute_and_forgotten_after_a_fortnight(cast: Cast) -> None:
    at = now()
    for seconds in (0, 20, 40, 60):
        points.keep(measures.measure(at=at + timedelta(seconds=seconds)))
    assert [moment for moment, _ in points.since(at - timedelta(hours=1))] == [at, at + timedelta(seconds=60)]
    points.expire(at=at + timedelta(days=14, seconds=30))
    assert len(points.since(at - timedelta(hours=1))) == 1


def test_a_request_of_prometheus_leaves_no_line_in_the_log(
    cast: Cast, token: None, caplog: pytest.LogCaptureFixture
) -> None:
    Client().get("/metrics", headers=SECRET)
    Client().get("/health/live")
    assert "answered" not in caplog.text
