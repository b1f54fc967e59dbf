"""Throw-away PostgreSQL and Redis servers for the service lane, on unix sockets and free ports."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 30


def find(program: str) -> str | None:
    """A server program on PATH or where Debian keeps PostgreSQL's."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), reverse=True)
    found = shutil.which(program)
    # A wrapper of that name elsewhere cannot be trusted to know initdb's siblings.
    return str(places[0]) if places else found


def missing() -> list[str]:
    """What has to be installed before the service lane can run, as install lines."""
    lines = []
    if "TEST_DATABASE_URL" not in os.environ and not find("initdb"):
        lines.append("apt-get install postgresql")
    if "TEST_REDIS_URL" not in os.environ and not (find("valkey-server") or find("redis-server")):
        lines.append("apt-get install redis-server")
    if not find("caddy"):
        lines.append("apt-get install caddy")
    return lines


@contextmanager
def running() -> Iterator[dict[str, str]]:
    """DATABASE_URL and REDIS_URL for the block: of servers named by the environment, else of throw-away ones."""
    with tempfile.TemporaryDirectory(prefix="fynix-services-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with _postgres(Path(folder)) as database, _redis(Path(folder)) as cache:
            yield {"DATABASE_URL": database, "REDIS_URL": cache}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    data, port = folder / "postgres", free_port()
    data.mkdir()
    identity = _unprivileged(data)
    options = ["--auth=trust", "--username=fynix", "--encoding=UTF8", "--no-sync", "--locale=C.UTF-8"]
    subprocess.run([str(find("initdb")), "-D", str(data), *options], check=True, stdout=subprocess.DEVNULL, **identity)
    settings = {
        "fsync": "off",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(data),
        "max_connections": "200",
    }
    argv = [str(find("postgres")), "-D", str(data), "-p", str(port)]
    argv += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **identity) as server:
        _answers(port)
        url = f"postgres://fynix@127.0.0.1:{port}/postgres"
        try:
            yield url
        finally:
            server.terminate()


def _unprivileged(data: Path) -> dict[str, object]:
    """PostgreSQL refuses to run as root: hand its folder to another user and run as that one."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(data, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    port = free_port()
    program = find("valkey-server") or find("redis-server")
    argv = [
        str(program),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as server:
        _answers(port)
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()


def _answers(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(0.5)  # PostgreSQL listens a moment before it lets anybody in
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")
