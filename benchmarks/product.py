"""The real web process, with its own data folder and Redis, and people to use it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

PATIENCE_S = 60


@dataclass(frozen=True)
class Product:
    """A running web process; the Django of this process works on the same database."""

    data: Path
    port: int
    web: int

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def data_folder() -> Iterator[Path]:
    """A data folder that goes away, with its tables made and Django set up for it. Once in a process."""
    folder = Path(tempfile.mkdtemp(prefix="fynix-bench-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the blocks end and take their servers along
    os.environ |= {"FYNIX_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "fynix.settings", "FYNIX_LOG_LEVEL": "ERROR"}
    try:
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server(data: Path) -> Iterator[None]:
    """Our own Redis on the socket of the data folder."""
    from redis.exceptions import RedisError

    from fynix import redis

    with running(redis.server_argv(redis.find_binary(), data)):
        limit = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit:
            try:
                redis.client().ping()
            except RedisError:
                time.sleep(0.05)
            else:
                break
        yield


@contextmanager
def product() -> Iterator[Product]:
    """Data folder, Redis and web process; everything ends with the block."""
    with ExitStack() as stack:
        data = stack.enter_context(data_folder())
        stack.enter_context(redis_server(data))
        port = free_port()
        argv = [sys.executable, "-m", "fynix.server", "--port", str(port)]
        web = stack.enter_context(running(argv))
        answers(f"http://127.0.0.1:{port}/health/live")
        yield Product(data, port, web)


@contextmanager
def running(argv: list[str]) -> Iterator[int]:
    """A program that is stopped with the block; its process id."""
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def answers(url: str) -> None:
    """Wait until something answers there. Raises TimeoutError."""
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        try:
            urlopen(url, timeout=5).close()
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"nothing answers at {url}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
