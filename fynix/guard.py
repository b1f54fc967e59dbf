"""Runs one program so that nothing of it outlives the pilot: `python guard.py LOG COMMAND...`.

The pilot holds the other end of this process's standard input. When that end closes, however the pilot ended,
the program and all that it started are killed. SIGTERM is passed on to it. Whatever it prints goes to
LOG, which is turned over when it grows. Only the standard library is imported, because there is one guard for
every program.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

LIFELINE = 0
LOG_BYTES = 5 << 20  # of one log file; the one before it is kept as `.1`
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
POLL_S = 0.02


class Log:
    """An append-only file of bounded size."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        if self.file.tell() + len(data) > LOG_BYTES:
            self.file.close()
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            self.file = self.path.open("ab", buffering=0)
        self.file.write(data)


def run(log: Log, argv: list[str]) -> int:
    """Run the program to its end, or to the pilot's; its exit status, negative for a signal."""
    adopt_orphans()
    wake = _wake_on(signal.SIGTERM, signal.SIGCHLD)
    output, inlet = os.pipe()
    program = _start(argv, inlet)
    os.close(inlet)
    status = _attend(program, log, wake, output)
    end_descendants()
    while select.select([output], [], [], 0)[0] and _copy(output, log):
        pass
    return status


def _attend(program: int, log: Log, wake: int, output: int) -> int:
    """Copy output, pass SIGTERM on and bury the dead until the program ends or the lifeline closes."""
    sources = [LIFELINE, wake, output]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if output in ready and not _copy(output, log):
            sources.remove(output)
        if LIFELINE in ready and not os.read(LIFELINE, 1):
            return -signal.SIGKILL
        if wake in ready and signal.SIGTERM in os.read(wake, 64):
            _signal(program, signal.SIGTERM)
        status = _bury(program)
        if status is not None:
            return status


def _copy(output: int, log: Log) -> bool:
    """Copy some output to the log; False at its end."""
    data = os.read(output, 65536)
    log.write(data)
    return bool(data)


def _bury(program: int) -> int | None:
    """Collect every child that has ended; the program's exit status once it is among them."""
    status = None
    while True:
        try:
            pid, wait_status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == program:
            status = os.waitstatus_to_exitcode(wait_status)


def _wake_on(*signals: signal.Signals) -> int:
    """A descriptor that receives one byte, the signal's number, whenever one of these arrives."""
    wake, alarm = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm)
    for number in signals:
        signal.signal(number, lambda *_: None)
    return wake


def _start(argv: list[str], output: int) -> int:
    """Start the program in a session of its own, killed by the kernel if this guard should die first."""
    guard = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == guard:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.closerange(3, 256)
            os.execvp(argv[0], argv)  # noqa: S606  an argument list of ours, no shell
    except OSError as error:
        os.write(2, f"{argv[0]} could not be started: {error.strerror}\n".encode())
    os._exit(127)


def adopt_orphans() -> None:
    """Become the parent of every orphan below this process, so that none gets out of reach (Linux)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def end_descendants(spare: frozenset[int] = frozenset(), patience_s: float = 5) -> None:
    """Kill every process below this one, except the children in `spare` and what is below those."""
    limit = time.monotonic() + patience_s
    while victims := _descendants(os.getpid(), spare):
        for pid in victims:
            _signal(pid, signal.SIGKILL)
        if time.monotonic() > limit:
            return
        time.sleep(POLL_S)
        _collect(victims)


def _collect(victims: set[int]) -> None:
    for pid in victims:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            continue  # a grandchild: it is ours to collect only once its parent is gone


def _descendants(ancestor: int, spare: frozenset[int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in _parents().items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    queue = [pid for pid in children.get(ancestor, []) if pid not in spare]
    while queue:
        pid = queue.pop()
        found.add(pid)
        queue.extend(children.get(pid, []))
    return found


def _parents() -> dict[int, int]:
    """The parent of every process that can be seen."""
    proc = Path("/proc")
    if not (proc / "self/stat").exists():
        listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False)
        pairs = (line.split() for line in listing.stdout.splitlines())
        return {int(pid): int(parent) for pid, parent in pairs}
    parents = {}
    for folder in proc.glob("[0-9]*"):
        try:
            facts = (folder / "stat").read_text(errors="replace")
        except OSError:
            continue  # it has just ended
        parents[int(folder.name)] = int(facts.rpartition(")")[2].split()[1])
    return parents


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    code = run(Log(Path(sys.argv[1])), sys.argv[2:])
    sys.exit(code if code >= 0 else 128 - code)
