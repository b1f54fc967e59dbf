"""`python -m fynix.probe web|worker|schedule|dask`: whether the process beside it does its work; exit status 0 or 1.

Container engines ask this every few seconds, so it loads neither Django nor the apps.
"""

import argparse
import http.client
import sys
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from fynix import env, redis
from fynix.observability import presence


def web(port: int) -> bool:
    """The web process answers, and so do its database, its Redis and its store."""
    return _answers(port, "/health/ready", host=env.listing("FYNIX_HOSTS", ("localhost",))[0].lstrip(".*"))


def worker(port: int) -> bool:
    """The worker of this machine has asked for work lately."""
    queue = redis.client(redis.QUEUE)
    name = queue.get(presence.key("worker"))
    heard_ms = queue.zscore(presence.HEARTBEATS, name) if name else None
    return heard_ms is not None and time.time() - float(heard_ms) / 1000 < presence.SILENT_S


def schedule(port: int) -> bool:
    """The schedule of this machine has taken a turn lately."""
    return bool(redis.client(redis.QUEUE).exists(presence.key("schedule")))


def dask(port: int) -> bool:
    """The scheduler or the worker of a Dask cluster answers at the port of its own pages."""
    return _answers(port, "/health", host="localhost")


def _answers(port: int, path: str, *, host: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


PROBES: dict[str, Callable[[int], bool]] = {"web": web, "worker": worker, "schedule": schedule, "dask": dask}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fynix.probe", description="Does the process beside it work?")
    parser.add_argument("role", choices=PROBES)
    parser.add_argument("--port", type=int, default=8000, help="of web, or of Dask's pages (default: %(default)s)")
    options = parser.parse_args()
    try:
        return 0 if PROBES[options.role](options.port) else 1
    except RedisError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
