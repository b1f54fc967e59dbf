"""The replay list of a run: numbered events go in at one end, the newest FEED_LENGTH stay.

Keys share a hash tag, so a run's keys lie on one Redis node: `feed:{run}:m` holds the epoch and the last
number, `feed:{run}:l` the events as JSON, and `feed:{run}` is the channel that sockets listen to.
"""

import json
from collections.abc import Sequence
from typing import Any

import structlog
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from fynix import redis

log = structlog.get_logger(__name__)

KEEP_S = 24 * 3600  # after a run's last event

# Numbers come from the database. A batch that does not follow the last one (Redis was flushed, restarted
# without its file, or a batch was lost) starts the list anew, so that the list never has a hole.
PUSH = """
local known = redis.call('HMGET', KEYS[1], 'epoch', 'last')
local first, last = tonumber(ARGV[2]), tonumber(known[2] or 0)
if known[1] ~= ARGV[1] or first > last + 1 then
  redis.call('DEL', KEYS[2])
  last = first - 1
end
local fresh = {}
for i = 6, #ARGV do
  local seq = first + i - 6
  if seq > last then
    redis.call('RPUSH', KEYS[2], ARGV[i])
    fresh[#fresh + 1] = ARGV[i]
    last = seq
  end
end
if #fresh > 0 then
  redis.call('LTRIM', KEYS[2], -tonumber(ARGV[3]), -1)
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'last', last)
  redis.call('EXPIRE', KEYS[1], ARGV[4])
  redis.call('EXPIRE', KEYS[2], ARGV[4])
  redis.call('PUBLISH', ARGV[5], '[' .. table.concat(fresh, ',') .. ']')
end
return last
"""


def channel(run: str) -> str:
    return f"feed:{{{run}}}"


def keys(run: str) -> tuple[str, str]:
    """The run's bookkeeping hash and its list."""
    return f"{channel(run)}:m", f"{channel(run)}:l"


def push(*, run: str, epoch: str, first: int, events: Sequence[dict[str, Any]]) -> bool:
    """Append events numbered from `first` and tell the listeners; False when Redis is away.

    Events that are in the list already are skipped.
    """
    lines = [json.dumps(event, separators=(",", ":"), ensure_ascii=False) for event in events]
    try:
        redis.client(redis.FEED).eval(
            PUSH, 2, *keys(run), epoch, first, settings.FEED_LENGTH, KEEP_S, channel(run), *lines
        )
    except RedisError as error:
        log.warning("feed_delayed", run=run, reason=type(error).__name__)
        return False
    return True


def forget(*, run: str) -> None:
    """Drop the list, whose events the database tells in another way from now on."""
    try:
        redis.client(redis.FEED).delete(*keys(run))
    except RedisError as error:
        log.warning("feed_not_forgotten", run=run, reason=type(error).__name__)


async def recent(client: Redis, *, run: str, epoch: str, since: int) -> list[dict[str, Any]] | None:
    """The events numbered above `since`, or None when the list does not reach back that far or Redis is away."""
    meta, events = keys(run)
    try:
        pipe = client.pipeline(transaction=True)
        pipe.hmget(meta, ["epoch", "last"])
        pipe.lrange(events, 0, -1)
        (found, last), lines = await pipe.execute()
    except (RedisError, OSError):
        return None
    if found is None or found.decode() != epoch or int(last) - len(lines) > since:
        return None
    skip = max(0, since - (int(last) - len(lines)))
    return [json.loads(line) for line in lines[skip:]]
