"""`manage.py pilot`: the whole product with one command."""

import errno
import http.client
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import redis.exceptions
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connections
from django.utils.module_loading import module_has_submodule

from fynix import env, tables
from fynix import redis as own_redis
from fynix.supervisor import AlreadyRunning, Program, StartFailed, Supervisor, only_one

FAILED, PORT_TAKEN, FOLDER_TAKEN = 1, 2, 3  # exit statuses
MOST_HOPS = 4
WORKER_GRACE_S = 30  # a training checkpoints and goes back to the queue meanwhile

# Trainings run one at a time, away from the short work that people wait for.
WORKERS = {"trainer": (("train",), 1), "worker": (("profile", "package", "test", "default"), 2)}


class Command(BaseCommand):
    requires_system_checks = ()  # `make check` runs them; a start should be quick
    help = "Starts the web pages, the workers, the schedule and Redis, and keeps them running until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")

    def handle(self, *, host: str, port: int, **_: Any) -> None:
        data = env.data_dir()
        try:
            with only_one(data) as lock:
                check_port(host, port)
                table = programs(data, host=host, port=port)
                self.fly(Supervisor(table, logs=data / "logs", lock=lock, say=self.say), host=host, port=port)
        except AlreadyRunning as holder:
            self.give_up(
                FOLDER_TAKEN,
                f"It already runs in {data} (process {holder}). Stop that one first, or "
                "choose another data folder: make run DATA=another/folder",
            )
        except PortTakenError as error:
            self.give_up(PORT_TAKEN, str(error))
        except (StartFailed, env.Misconfigured) as error:
            self.give_up(FAILED, str(error))

    def fly(self, supervisor: Supervisor, *, host: str, port: int) -> None:
        """From the first start to the last stop."""
        stop_on_signals(supervisor)
        try:
            self.migrate()
            self.collect()
            for name in supervisor.keepers:
                supervisor.start(name)
                if name == "web" and not supervisor.stop.is_set():
                    self.say(f"Fynix Flux Pilot is ready at {settings.PUBLIC_URL or address(host, port)}")
            supervisor.watch()
            self.say("Stopping…")
        finally:
            supervisor.end()

    def migrate(self) -> None:
        """Bring the tables up to date when they are not."""
        if tables.pending():
            self.say("Preparing the database…")
            call_command("migrate", verbosity=0, interactive=False)
        connections.close_all()

    def collect(self) -> None:
        """Gather the style sheets and scripts that pages name, when nobody has."""
        if not settings.DEBUG and not (settings.STATIC_ROOT / "staticfiles.json").exists():
            call_command("collectstatic", verbosity=0, interactive=False)

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def give_up(self, status: int, text: str) -> None:
        self.stderr.write(text)
        sys.exit(status)


class PortTakenError(Exception):
    """Something else listens where the web pages should; the text says what to do."""


def check_port(host: str, port: int) -> None:
    """Raise PortTakenError when the web process could not listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(
                    f"Port {port} on {host} is taken by another program. Stop that one, or choose another "
                    f"port: make run PORT={port + 1}"
                ) from None
            raise PortTakenError(f"Cannot listen on {host}, port {port}: {error.strerror}.") from None


def programs(data: Path, *, host: str, port: int) -> tuple[Program, ...]:
    """What runs, in the order of starting."""
    return (*_redis(data), _web(host, port), *_workers(), _schedule())


def _redis(data: Path) -> Iterator[Program]:
    if own_redis.is_embedded():
        argv = own_redis.server_argv(own_redis.find_binary(), data)
        yield Program(name="redis", argv=argv, stop_step=2, is_ready=redis_answers)


def _web(host: str, port: int) -> Program:
    return Program(
        name="web",
        argv=(sys.executable, "-m", "fynix.server", "--host", host, "--port", str(port)),
        env=_environment(),
        stop_step=0,
        is_ready=partial(page_answers, host, port),
        ready_s=90,
    )


def _workers() -> Iterator[Program]:
    for name, (queues, threads) in WORKERS.items():
        command = (sys.executable, "-m", "dramatiq", "django_dramatiq.setup", *_actor_modules())
        size = ("--processes", "1", "--threads", str(threads), "--queues", *queues)
        patience = ("--skip-logging", "--worker-shutdown-timeout", str(WORKER_GRACE_S * 1000))
        yield Program(
            name=name,
            argv=(*command, *size, *patience),
            env=_environment() | {"dramatiq_queue_prefetch": "1"},  # a busy worker must not hoard messages
            stop_step=1,
            grace_s=WORKER_GRACE_S + 5,
        )


def _actor_modules() -> list[str]:
    return [
        f"{app.name}.{name}"
        for app in apps.get_app_configs()
        for name in settings.DRAMATIQ_AUTODISCOVER_MODULES
        if module_has_submodule(app.module, name)
    ]


def _schedule() -> Program:
    argv = (sys.executable, str(env.ROOT / "manage.py"), "schedule")
    return Program(name="schedule", argv=argv, env=_environment(), stop_step=1)


def _environment() -> dict[str, str]:
    """What children need to find the code and the data from any working directory."""
    path = os.pathsep.join(filter(None, (str(env.ROOT), os.environ.get("PYTHONPATH"))))
    return {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "FYNIX_DATA": str(env.data_dir())}


def redis_answers() -> bool:
    try:
        return bool(own_redis.client().ping())
    except redis.exceptions.RedisError:
        return False


def page_answers(host: str, port: int) -> bool:
    """Whether the first page comes back whole, after the redirects that stay on this server."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not listened on
    named = next((name for name in settings.ALLOWED_HOSTS if name.strip(".*")), "localhost")
    path, hops = "/", 0
    while path.startswith("/") and hops < MOST_HOPS:
        status, location = _fetch(local, port, path, {"Host": named.lstrip(".")})
        if status not in range(300, 400):
            return status in range(200, 300)
        path, hops = location, hops + 1
    return hops < MOST_HOPS


def _fetch(host: str, port: int, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """Status and Location of one page, (0, "") when there is no answer."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()
    return answer.status, answer.getheader("Location", "")


def address(host: str, port: int) -> str:
    """The address to type into a browser on this machine."""
    name = "localhost" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{name}:{port}"


def stop_on_signals(supervisor: Supervisor) -> None:
    """The first signal stops everything in order; a second one does not wait."""

    def stop(number: int, frame: FrameType | None) -> None:
        (supervisor.hurry if supervisor.stop.is_set() else supervisor.stop).set()

    handler: Callable[[int, FrameType | None], None] = stop
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)
