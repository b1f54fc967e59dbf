"""A guard takes everything that its program started along when the pilot is gone."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fynix import guard

# A program with a stubborn grandchild in a session of its own.
FAMILY = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
stubborn = '''
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("here", flush=True)
time.sleep(600)
'''
subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True)
{end}
"""
LIVE = "time.sleep(600)"
LEAVE = "time.sleep(1); sys.exit(7)"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")


def guarded(log: Path, program: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-I", guard.__file__, str(log), sys.executable, "-c", program]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)


def below(pid: int) -> set[int]:
    """Every process below this one."""
    parents = guard._parents()
    found = {child for child, parent in parents.items() if parent == pid}
    return found.union(*(below(child) for child in found))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(happened: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)


def grown(log: Path) -> bool:
    return log.exists() and b"here" in log.read_bytes()


def test_when_the_pilot_is_gone_nothing_is_left(tmp_path: Path) -> None:
    with guarded(tmp_path / "log", FAMILY.format(end=LIVE)) as process:
        wait_until(lambda: grown(tmp_path / "log"))
        family = below(process.pid)
        assert len(family) == 2
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
        assert not any(map(alive, family))


def test_when_the_program_ends_what_it_started_ends_too(tmp_path: Path) -> None:
    with guarded(tmp_path / "log", FAMILY.format(end=LEAVE)) as process:
        wait_until(lambda: grown(tmp_path / "log"))
        family = below(process.pid)
        assert process.wait(10) == 7
        assert not any(map(alive, family))


def test_the_program_dies_with_a_killed_guard(tmp_path: Path) -> None:
    with guarded(tmp_path / "log", "import time; print('here', flush=True); time.sleep(600)") as process:
        wait_until(lambda: grown(tmp_path / "log"))
        (program,) = below(process.pid)
        process.kill()
        wait_until(lambda: not alive(program))


def test_a_request_to_stop_reaches_the_program(tmp_path: Path) -> None:
    program = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("goodbye") or 3))
print("here", flush=True)
time.sleep(600)
"""
    with guarded(tmp_path / "log", program) as process:
        wait_until(lambda: grown(tmp_path / "log"))
        process.terminate()
        assert process.wait(10) == 3
    assert (tmp_path / "log").read_text() == "here\ngoodbye\n"


def test_a_program_killed_by_a_signal_is_told_apart(tmp_path: Path) -> None:
    with guarded(tmp_path / "log", "import os; os.kill(os.getpid(), 9)") as process:
        assert process.wait(10) == 128 + signal.SIGKILL


def test_a_program_that_does_not_exist_says_so_in_the_log(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", guard.__file__, str(tmp_path / "log"), "/nowhere/program"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        assert process.wait(10) == 127
    assert "/nowhere/program could not be started" in (tmp_path / "log").read_text()


def test_the_log_stays_within_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LOG_BYTES", 1000)
    log = guard.Log(tmp_path / "log")
    for number in range(100):
        log.write(f"line {number}\n".encode() * 10)
    log.file.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "log.1"]
    assert all(file.stat().st_size <= 1000 for file in tmp_path.iterdir())
    assert (tmp_path / "log").read_text().endswith("line 99\n")
