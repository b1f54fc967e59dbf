"""Events from the database to Redis: numbered without gaps, in order, whatever Redis does meanwhile."""

import json

import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from fynix import redis
from fynix.feed import stream
from fynix.queue import jobs
from tests.make import NOW
from training import events
from training.events import Log
from training.models import Run, RunEvent

pytestmark = pytest.mark.django_db(transaction=True)


def say(run: Run, *messages: str, attempt: int | None = None) -> int:
    lines = [Log(at=NOW, stage="train", level="info", message=message) for message in messages]
    return events.publish(run, lines, attempt=attempt)


def listed(run: Run) -> list[int]:
    _, key = stream.keys(run.pk)
    return [json.loads(line)["seq"] for line in redis.client(redis.FEED).lrange(key, 0, -1)]


def test_the_database_numbers_events_without_gaps(run: Run) -> None:
    assert say(run, "a", "b") == 3
    assert say(run, "c") == 4

    assert list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", flat=True)) == [
        1,
        2,
        3,
        4,
    ]
    assert listed(run) == [1, 2, 3, 4]


def test_a_worker_that_lost_the_run_can_say_nothing(run: Run) -> None:
    first = jobs.claim(job_id=run.job_id, owner="a", at=NOW)
    assert first is not None
    say(run, "mine", attempt=1)
    jobs.release(first, at=NOW)
    jobs.claim(job_id=run.job_id, owner="b", at=NOW)

    with pytest.raises(jobs.LeaseLost):
        say(run, "not mine any more", attempt=1)

    run.refresh_from_db()
    assert run.last_seq == RunEvent.objects.filter(run=run).count() == 2


def test_a_flush_of_redis_starts_the_list_anew_at_the_next_event(run: Run) -> None:
    say(run, "a")
    redis.client(redis.FEED).flushdb()
    say(run, "b", "c")

    assert listed(run) == [3, 4]


def test_a_batch_that_never_arrived_starts_the_list_anew_at_the_next_one(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(run, "a")
    with monkeypatch.context() as away:
        away.setenv("REDIS_URL", "unix:///tmp/nobody-listens-here.sock")
        say(run, "b")
    say(run, "c", "d")

    assert listed(run) == [4, 5]


def test_a_batch_that_arrives_twice_is_listed_once(run: Run) -> None:
    say(run, "a")
    again = events.stored(run, after=0, limit=10)
    stream.push(run=run.pk, epoch=run.epoch, first=1, events=again)

    assert listed(run) == [1, 2]


def test_the_list_keeps_the_newest_events_only(run: Run, settings: Settings) -> None:
    settings.FEED_LENGTH = 5
    say(run, *"abcdefgh")

    assert listed(run) == [5, 6, 7, 8, 9]


def test_without_redis_events_are_kept_in_the_database(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "unix:///tmp/nobody-listens-here.sock")

    assert say(run, "a") == 2
    assert [event["log"]["message"] for event in events.stored(run, after=1, limit=10)] == ["a"]


@pytest.mark.parametrize(("since", "expected"), [(0, None), (3, None), (4, [5, 6, 7, 8, 9]), (8, [9]), (9, [])])
async def test_the_list_answers_only_what_it_holds_without_a_hole(
    run: Run, settings: Settings, since: int, expected: list[int] | None
) -> None:
    settings.FEED_LENGTH = 5
    await sync_to_async(say)(run, *"abcdefgh")
    client = redis.aclient(redis.FEED)
    try:
        found = await stream.recent(client, run=run.pk, epoch=run.epoch, since=since)
        other = await stream.recent(client, run=run.pk, epoch="ep_other", since=since)
    finally:
        await client.aclose()

    assert (None if found is None else [event["seq"] for event in found]) == expected
    assert other is None
