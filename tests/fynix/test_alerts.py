"""What staff hear of: when it begins, when it lasts, when it is over, and by which ways."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.utils.timezone import now

from accounts import notifications
from accounts.models import Allowance, News, User
from fynix import redis, schedule
from fynix.alerts import deliveries, rules, watch
from fynix.alerts.models import Alert, Delivery
from fynix.health import measures
from fynix.queue.models import Job
from tests.cast import Cast, api, as_
from tests.fynix.test_monitoring import ask, ended, worker
from tests.training.conftest import churn, churn_table, config, run  # noqa: F401
from training.models import Run

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def quiet(settings: Any) -> None:
    """A schedule that turns, and nobody but Sue to be told by e-mail."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.ALERT_EMAILS = ("sue@example.org",)
    settings.PUBLIC_URL = "https://fynix.example"


def look(at: datetime) -> None:
    schedule.presence.schedule_turned()
    watch.turn(at=at)


def firing() -> dict[str, str]:
    open_ = Alert.objects.filter(fired_at__isnull=False, resolved_at__isnull=True)
    return {alert.rule: rules.sentence(alert) for alert in open_}


def bell(person: User) -> list[str]:
    return [notifications.sentence(row) for row in notifications.listed(person).filter(kind__startswith="server:")]


class Receiver(BaseHTTPRequestHandler):
    """A webhook's receiver that answers with the next of `codes`, then 200."""

    codes: list[int] = []
    got: list[tuple[dict[str, str], bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
        self.send_response(self.codes.pop(0) if self.codes else 200)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@contextmanager
def receiver(settings: Any, *codes: int) -> Iterator[list[tuple[dict[str, str], bytes]]]:
    Receiver.codes, Receiver.got = [*codes], []
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/alerts?team=ml"
    settings.ALERT_WEBHOOK_SECRET = "between us"
    try:
        yield Receiver.got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_backlog_is_told_once_reminded_of_and_taken_back(cast: Cast, settings: Any) -> None:
    worker("t1", "train")
    job, began = ask(cast, ago=301), now()
    with receiver(settings) as got:
        for minute in range(3):
            look(began + minute * MINUTE)
        assert firing() == {"queue:slow": "A job of the queue train has waited for 7 min 01 s, longer than 5 min 00 s."}
        assert len(mail.outbox) == len(got) == len(bell(cast.sue)) == 1
        look(began + timedelta(hours=4, minutes=5))
        assert len(got) == 2  # it became critical, which is told at once and stands for the reminder
    Job.objects.filter(pk=job.pk).update(state="cancelled", finished_at=now())
    look(began + timedelta(hours=4, minutes=6))
    assert firing() == {}
    assert bell(cast.sue)[0].startswith("Over: A job of the queue train")
    assert mail.outbox[-1].subject.startswith("[Fynix] Over: A job of the queue train")


def test_what_has_been_critical_for_hours_is_said_again(cast: Cast) -> None:
    worker("t1", "train")
    ask(cast, ago=3000)
    began = now()
    for minutes in (0, 5, 239, 240, 300, 481):
        look(began + minutes * MINUTE)
    assert [row.occasion for row in Delivery.objects.order_by("created_at")] == ["firing", "reminder", "reminder"]


def test_no_worker_for_a_minute_is_critical_though_another_worker_lives(cast: Cast) -> None:
    worker("w1", "profile", "package")
    ask(cast)
    began = now()
    look(began)
    assert firing() == {}
    assert Alert.objects.filter(rule="queue:unserved").exists()
    worker("w1", "profile", "package")
    look(began + MINUTE)
    assert firing() == {"queue:unserved": "No worker serves the queue train, in which jobs wait: 1."}
    assert Alert.objects.get(rule="queue:unserved").severity == "critical"


def test_what_passed_before_it_counted_leaves_no_trace(cast: Cast) -> None:
    worker("w1", "profile")
    job, began = ask(cast), now()
    look(began)
    Job.objects.filter(pk=job.pk).update(state="cancelled", finished_at=now())
    look(began + MINUTE)
    assert not Alert.objects.exists()
    assert not mail.outbox


def test_three_failures_of_ten_are_told_and_two_are_not(cast: Cast) -> None:
    for _ in range(7):
        ended(cast, "train", took_s=1)
    for _ in range(2):
        ended(cast, "train", took_s=1, code="target_invalid")
    began = now()
    look(began)
    assert firing() == {}
    ended(cast, "train", took_s=1, code="target_invalid")
    look(began + MINUTE)
    assert firing() == {"work:failing": "30% of the jobs of the queue train failed within the last hour."}


def test_one_job_without_memory_and_one_lost_worker_are_told(cast: Cast) -> None:
    ended(cast, "package", took_s=1, code="out_of_memory")
    Job.objects.filter(pk=ask(cast, "profile").pk).update(losses=2, heartbeat_at=now())
    worker("w1", "profile")
    look(now())
    assert set(firing()) == {"work:starved", "worker:lost"}


def test_a_run_that_says_nothing_is_told_by_project_and_number(cast: Cast, run: Run) -> None:  # noqa: F811
    began = now()
    Job.objects.exclude(pk=run.job_id).update(state="succeeded", finished_at=began)
    Job.objects.filter(pk=run.job_id).update(
        state="running", lease_until=began, started_at=began - timedelta(minutes=11), finished_at=None
    )
    look(began)
    assert firing() == {"run:silent": f"acme run {run.number} has said nothing for 11 min 00 s."}


def test_a_run_that_takes_three_times_as_long_as_usual_is_told(cast: Cast, run: Run) -> None:  # noqa: F811
    training = measures.Training(run.pk, "acme run 9", running_s=1900, silent_s=1, usual_s=600, behind=0)
    seen = measures.measure(at=now())
    odd = [*rules.endless_runs(_with(seen, trainings=(training,)))]
    assert [(breach.name, breach.bound) for breach in odd] == [("acme run 9", 1800)]
    unknown = measures.Training(run.pk, "acme run 9", running_s=1900, silent_s=1, usual_s=0, behind=0)
    assert not [*rules.endless_runs(_with(seen, trainings=(unknown,)))]


def _with(seen: measures.Measures, **other: Any) -> measures.Measures:
    return measures.Measures(**{**vars(seen), **other})


@pytest.mark.parametrize(("free", "severity"), [(0.11, None), (0.08, "warning"), (0.04, "critical")])
def test_a_full_disk_is_told_in_two_steps(cast: Cast, free: float, severity: str | None) -> None:
    store = measures.Store({}, 0, int(free * 1000), 1000)
    odd = [breach.severity for breach in rules.little_disk(_with(measures.measure(at=now()), store=store))]
    assert odd == ([severity] if severity else [])


def test_a_full_project_a_full_redis_and_a_late_feed_are_told(cast: Cast) -> None:
    Allowance.objects.filter(project=cast.acme).update(limit_bytes=1000, used_bytes=900, reserved_bytes=60)
    seen = measures.measure(at=now())
    assert [(breach.name, breach.value) for breach in rules.full_projects(seen)] == [("acme", 0.96)]
    assert [*rules.redis_full(_with(seen, memory=measures.Memory(81, 100)))]
    late = measures.Training("run_1", "acme run 1", 1, 1, 0, behind=4)
    assert [breach.value for breach in rules.late_feeds(_with(seen, trainings=(late,)))] == [4]


def test_a_schedule_that_died_is_told_by_the_web_process(cast: Cast) -> None:
    began = now()
    for minute in range(3):  # no turn of the schedule
        watch.turn(at=began + minute * MINUTE)
    assert firing() == {"schedule:silent": "The schedule takes no turns."}
    assert mail.outbox[0].subject == "[Fynix] The schedule takes no turns."


def test_redis_that_is_away_is_told(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    began = now()
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere/redis.sock")
    redis._client.cache_clear()
    try:
        for minute in range(2):
            watch.turn(at=began + minute * MINUTE)
    finally:
        redis._client.cache_clear()
    assert firing() == {"redis:away": "Redis does not answer."}


def test_the_webhook_is_signed_and_reads_like_alertmanagers(cast: Cast, settings: Any) -> None:
    ended(cast, "train", took_s=1, code="out_of_memory")
    ended(cast, "package", took_s=1, code="worker_lost")
    with receiver(settings) as got:
        look(now())
    ((headers, body),) = got  # two alerts, one message
    said = json.loads(body)
    assert (said["version"], said["status"], len(said["alerts"])) == ("4", "firing", 2)
    one = said["alerts"][0]
    assert one["labels"]["alertname"] == "work:starved"
    assert one["annotations"]["summary"].endswith("failed within the last hour for want of memory: 1.")
    assert one["generatorURL"] == "https://fynix.example/monitoring"
    signed = headers["x-fynix-time"].encode() + b"." + body
    right = hmac.new(b"between us", signed, hashlib.sha256).hexdigest()
    assert headers["x-fynix-signature"] == f"sha256={right}"


def test_what_the_receiver_refuses_is_sent_later_and_shown_meanwhile(cast: Cast, settings: Any) -> None:
    ended(cast, "train", took_s=1, code="out_of_memory")
    began = now()
    with receiver(settings, 503, 302) as got:
        look(began)
        row = Delivery.objects.get(channel="webhook")
        assert (row.attempts, row.error, row.next_at) == (
            1,
            "The receiver answered 503.",
            began + timedelta(seconds=30),
        )
        assert "The receiver answered 503." in as_(cast.sue).get("/monitoring").content.decode()
        deliveries.send(at=began + timedelta(seconds=29))
        assert len(got) == 1
        deliveries.send(at=began + timedelta(seconds=30))
        deliveries.send(at=began + timedelta(seconds=90))
    row.refresh_from_db()
    assert (len(got), row.attempts, row.error) == (3, 3, "")
    assert row.done_at is not None
    assert len(mail.outbox) == 1


def test_what_cannot_be_sent_for_a_day_is_given_up(cast: Cast, settings: Any) -> None:
    settings.ALERT_WEBHOOK_URL = "http://127.0.0.1:9/nobody"
    ended(cast, "train", took_s=1, code="out_of_memory")
    began = now()
    look(began)
    deliveries.send(at=began + timedelta(days=1, minutes=1))
    row = Delivery.objects.get(channel="webhook")
    assert (row.given_up_at, row.error) == (began + timedelta(days=1, minutes=1), "ConnectionRefusedError")


def test_a_sender_that_died_loses_its_claim(cast: Cast, settings: Any) -> None:
    ended(cast, "train", took_s=1, code="out_of_memory")
    began = now()
    with receiver(settings) as got:
        settings.ALERTS = True
        watch.judge(measures.measure(at=began))
        assert len(deliveries._claimed("webhook", began)) == 1  # and then kill -9
        deliveries.send(at=began + timedelta(minutes=1))
        assert not got
        deliveries.send(at=began + timedelta(minutes=2))
        assert len(got) == 1


def test_eight_who_look_at_once_look_once_and_tell_once(cast: Cast, settings: Any) -> None:
    ended(cast, "train", took_s=1, code="out_of_memory")
    began = now()

    def turn(_: int) -> None:
        try:
            look(began)
        finally:
            connection.close()

    with receiver(settings) as got, ThreadPoolExecutor(8) as pool:
        list(pool.map(turn, range(8)))
    deliveries.send(at=began)
    assert (len(got), len(bell(cast.sue)), Alert.objects.count()) == (1, 1, 1)


def test_nobody_is_told_where_alertmanager_tells(cast: Cast, settings: Any) -> None:
    settings.ALERTS = False
    ended(cast, "train", took_s=1, code="out_of_memory")
    look(now())
    assert set(firing()) == {"work:starved"}
    assert not mail.outbox
    assert not bell(cast.sue)
    assert "Nobody is told of alerts" in as_(cast.sue).get("/monitoring").content.decode()


def test_the_servers_owners_get_the_mail_when_nobody_is_named(cast: Cast, settings: Any) -> None:
    settings.ALERT_EMAILS = ()
    User.objects.filter(pk=cast.ada.pk).update(is_superuser=True, is_staff=True)
    ended(cast, "train", took_s=1, code="out_of_memory")
    look(now())
    assert mail.outbox[0].to == ["ada@example.org"]


def test_only_staff_hear_of_it_and_a_program_may_ask(cast: Cast, settings: Any) -> None:
    settings.METRICS_TOKEN = "of-a-program"
    ended(cast, "train", took_s=1, code="out_of_memory")
    look(now())
    assert [len(bell(person)) for person in (cast.sue, cast.ada, cast.mallory)] == [1, 0, 0]
    assert api(cast.sue).get("/api/v1/notifications").json()["data"][0]["project"] is None
    page = as_(cast.sue).get("/monitoring").content.decode()
    assert "Give the workers more memory" in page
    said = as_(None).get("/health/problems", headers={"Authorization": "Bearer of-a-program"}).json()
    assert [(each["rule"], each["severity"]) for each in said["problems"]] == [("work:starved", "warning")]
    User.objects.filter(pk=cast.sue.pk).update(is_staff=False)
    cast.sue.refresh_from_db()
    assert bell(cast.sue) == []


def test_the_database_knows_one_open_alert_for_a_thing(cast: Cast) -> None:
    ended(cast, "train", took_s=1, code="out_of_memory")
    look(now())
    alert = Alert.objects.get()
    alert.pk = "alr_other"
    with pytest.raises(IntegrityError), transaction.atomic():
        alert.save(force_insert=True)


def test_an_old_alert_is_forgotten(cast: Cast) -> None:
    ended(cast, "train", took_s=1, code="out_of_memory")
    began = now()
    look(began)
    Job.objects.all().update(finished_at=began - timedelta(hours=2), started_at=began - timedelta(hours=3))
    look(began + MINUTE)
    watch.expire(at=began + timedelta(days=89))
    assert Alert.objects.count() == 1
    watch.expire(at=began + timedelta(days=91))
    assert not Alert.objects.exists()


def test_every_kind_of_news_has_its_sentence() -> None:
    assert set(notifications.SENTENCES) == set(News)
    assert len(rules.BY_KEY) == len(rules.RULES)
