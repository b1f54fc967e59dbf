"""Starts programs, keeps them running, and stops all of them together."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fynix import guard

POLL_S = 0.1
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STEADY_S = 60.0  # a program that ran this long starts again with the first pause
HANDOVER_S = 3.0  # how long the children of a killed pilot may take to let go of the data folder


class AlreadyRunning(Exception):
    """Another pilot holds this data folder; the text is its process id."""


class StartFailed(Exception):
    """A program ended or stayed silent instead of getting ready; the text is for people."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A process to keep running.

    `is_ready` says whether it does its work yet; `ready_s` is how long that may take, `grace_s` how long it
    may take to end after SIGTERM. A lower `stop_step` is stopped earlier.
    """

    name: str
    argv: Sequence[str]
    stop_step: int
    env: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] = lambda: True
    ready_s: float = 20
    grace_s: float = 10


class Keeper:
    """One program under its guard."""

    def __init__(self, program: Program, *, logs: Path, lock: int) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = self.resume_at = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._lock = lock
        self._lifeline = -1

    def start(self) -> None:
        end, self._lifeline = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-I", guard.__file__, str(self.log), *self.program.argv],
            stdin=end,
            env={**os.environ, **self.program.env},
            start_new_session=True,  # a Ctrl-C at the terminal is the pilot's to act on
            # The guard shares the lock: the data folder stays taken until the last guard has cleaned up.
            pass_fds=(self._lock,),
        )
        os.close(end)
        self.started_at = time.monotonic()

    def ended(self) -> int | None:
        """The exit status when the program has ended since the last look, else None."""
        if self.process is None or self.process.poll() is None:
            return None
        if time.monotonic() - self.started_at > STEADY_S:
            self._pause_s = FIRST_PAUSE_S
        self.resume_at = time.monotonic() + self._pause_s
        return self.close()

    def resume_when_due(self) -> None:
        """Start an ended program again once its pause is over; the next pause is twice as long."""
        if self.process is None and time.monotonic() >= self.resume_at:
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            self.start()

    def ask_to_stop(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def has_stopped(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def close(self) -> int:
        """Kill what still runs of the program; the exit status of its guard."""
        if self.process is None:
            return 0
        os.close(self._lifeline)
        status = self.process.wait()
        self.process = None
        return status

    def last_lines(self, count: int = 12) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


class Flag:
    """What a signal says. Its handler runs amid whatever the main thread does, so there is no lock that may be held."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Whether it is set after this time."""
        if not self._is_set:
            time.sleep(seconds)
        return self._is_set


class Supervisor:
    """Runs a table of programs until `stop` is set; `hurry` cuts the waiting at the end short."""

    def __init__(self, programs: Sequence[Program], *, logs: Path, lock: int, say: Callable[[str], None]) -> None:
        logs.mkdir(mode=0o700, exist_ok=True)
        self.keepers = {program.name: Keeper(program, logs=logs, lock=lock) for program in programs}
        self.stop = Flag()
        self.hurry = Flag()
        self._say = say
        guard.adopt_orphans()

    def start(self, name: str) -> None:
        """Start one program and wait until it is ready, unless `stop` is set; raises StartFailed."""
        if self.stop.is_set():
            return
        keeper = self.keepers[name]
        keeper.start()
        while not self.stop.is_set() and not keeper.program.is_ready():
            self._check_start(keeper)
            self.stop.wait(POLL_S)

    def _check_start(self, keeper: Keeper) -> None:
        program, status = keeper.program, keeper.ended()
        if status is not None:
            raise StartFailed(
                f"{program.name} ended while starting (exit status {status}). "
                f"Its last words, from {keeper.log}:\n{keeper.last_lines()}"
            )
        if time.monotonic() - keeper.started_at > program.ready_s:
            raise StartFailed(f"{program.name} is not ready after {program.ready_s:.0f} s; see {keeper.log}.")

    def watch(self) -> None:
        """Start again whatever ends, until `stop` is set."""
        while not self.stop.wait(POLL_S):
            for keeper in self.keepers.values():
                status = keeper.ended()
                if status is not None:
                    guard.end_descendants(spare=self._guards())  # strays, had the guard itself been killed
                    self._say(f"{keeper.program.name} ended (exit status {status}) and starts again: {keeper.log}")
                keeper.resume_when_due()

    def _guards(self) -> frozenset[int]:
        return frozenset(keeper.process.pid for keeper in self.keepers.values() if keeper.process is not None)

    def end(self) -> None:
        """Stop every program step by step; what does not end within its grace is killed."""
        for step in sorted({keeper.program.stop_step for keeper in self.keepers.values()}):
            self._end([keeper for keeper in self.keepers.values() if keeper.program.stop_step == step])
        guard.end_descendants()

    def _end(self, keepers: Sequence[Keeper]) -> None:
        for keeper in keepers:
            keeper.ask_to_stop()
        limit = time.monotonic() + max(keeper.program.grace_s for keeper in keepers)
        while time.monotonic() < limit and not self.hurry.is_set():
            if all(keeper.has_stopped() for keeper in keepers):
                break
            time.sleep(POLL_S / 4)
        for keeper in keepers:
            keeper.close()


@contextmanager
def only_one(data: Path) -> Iterator[int]:
    """Hold the data folder for this process and its guards; raises AlreadyRunning with the holder's id."""
    descriptor = os.open(data / "pilot.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        _lock(file.fileno(), holder=file.read().strip())
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def _lock(descriptor: int, *, holder: str) -> None:
    limit = time.monotonic() + HANDOVER_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > limit:
                raise AlreadyRunning(holder) from None
            time.sleep(POLL_S)
        else:
            return
