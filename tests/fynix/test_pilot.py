"""One command starts the product; however it ends, nothing of it stays behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from fynix import env

pytestmark = [pytest.mark.pilot, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]


class Pilot:
    """`manage.py pilot` on a data folder and a port of its own."""

    def __init__(self, data: Path, port: int | None = None) -> None:
        self.data = data
        self.port = port or free_port()
        outside = {"FYNIX_TEST_DATA", "DJANGO_SETTINGS_MODULE", "REDIS_URL", "DATABASE_URL"}
        self.process = subprocess.Popen(
            [sys.executable, str(env.ROOT / "manage.py"), "pilot", "--port", str(self.port)],
            env={**{k: v for k, v in os.environ.items() if k not in outside}, "FYNIX_DATA": str(data)},
            cwd=data.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for(self, words: str) -> str:
        """Read what the pilot says until these words come; the line that holds them."""
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            said.append(line)
            if words in line:
                return line
        raise AssertionError(f"it ended without saying {words!r}:\n{''.join(said)}")

    def end(self) -> str:
        """Wait for its end; the rest of what it said."""
        with self.process:
            return self.process.communicate(timeout=60)[0]

    def processes(self) -> dict[int, str]:
        """Every process that works on this data folder: id and command line."""
        return {pid: command for pid, command in commands() if str(self.data) in facts(pid, "environ") + command}

    def front_page(self) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}/", timeout=20, follow_redirects=True)


def commands() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if command := facts(pid, "cmdline"):
            yield pid, command.replace("\0", " ")


def facts(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def wait_until(happened: Callable[[], bool], seconds: float = 90) -> None:
    limit = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def pilot(tmp_path: Path) -> Iterator[Pilot]:
    data = tmp_path / "data"
    data.mkdir()
    running = Pilot(data)
    running.wait_for("is ready at")
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.end()


def answers(pilot: Pilot) -> bool:
    try:
        return pilot.front_page().is_success
    except httpx.HTTPError:
        return False


def test_it_serves_heals_and_guards_its_folder(pilot: Pilot) -> None:
    assert pilot.front_page().status_code == 200
    wait_until(lambda: {"redis.log", "web.log", "trainer.log", "worker.log", "schedule.log"} <= log_names(pilot))

    second = Pilot(pilot.data)
    refusal = second.end()
    assert second.process.returncode == 3
    assert f"process {pilot.process.pid}" in refusal
    assert str(pilot.data) in refusal

    os.kill(web_process(pilot), signal.SIGKILL)
    pilot.wait_for("web ended")
    wait_until(lambda: answers(pilot))

    pilot.process.send_signal(signal.SIGINT)
    assert "Stopping" in pilot.end()
    assert pilot.process.returncode == 0
    assert pilot.processes() == {}


def test_nothing_outlives_a_killed_pilot(pilot: Pilot) -> None:
    wait_until(lambda: len([command for command in pilot.processes().values() if "dramatiq" in command]) > 4)
    pilot.process.kill()
    pilot.end()
    wait_until(lambda: pilot.processes() == {}, seconds=10)

    following = Pilot(pilot.data, pilot.port)
    following.wait_for("is ready at")
    following.process.send_signal(signal.SIGTERM)
    following.end()
    assert following.process.returncode == 0
    assert following.processes() == {}


def web_process(pilot: Pilot) -> int:
    """The web process itself, not its guard."""
    found = [pid for pid, command in pilot.processes().items() if "-m fynix.server" in command]
    return next(pid for pid in found if "guard.py" not in facts(pid, "cmdline"))


def log_names(pilot: Pilot) -> set[str]:
    return {file.name for file in (pilot.data / "logs").iterdir()}


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        refused = Pilot(tmp_path, port)
        words = refused.end()
    assert refused.process.returncode == 2
    assert f"Port {port} on 127.0.0.1 is taken" in words
