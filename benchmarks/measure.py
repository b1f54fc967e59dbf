"""Costs of processes, facts about the machine, and small tables."""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIB = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")
QUIET = 0.7  # load below which the machine counts as ours alone


@dataclass(frozen=True)
class Cost:
    """What a process and those it waited for took: seconds of wall and CPU, the largest resident set in MiB.

    `output` is what it printed; None when it was stopped because it took too long.
    """

    wall_s: float
    cpu_s: float
    rss_mib: float
    output: str | None


def cost(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, limit_s: float = 3600) -> Cost:
    """Run a program to its end, or to the limit. Raises CalledProcessError when it fails by itself."""
    started = time.perf_counter()
    child = subprocess.Popen(
        [str(word) for word in argv], env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, cwd=ROOT
    )
    peak, late = _watch(child.pid, until=started + limit_s)
    if late:
        child.kill()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    assert child.stdout
    with child.stdout as pipe:
        output = pipe.read().decode()
    if child.returncode and not late:
        raise subprocess.CalledProcessError(child.returncode, child.args, output)
    return Cost(wall, used.ru_utime + used.ru_stime, peak, None if late else output)


def _watch(pid: int, *, until: float) -> tuple[float, bool]:
    """Wait for the process to end, without burying it: its largest resident set, and whether the time ran out.

    The kernel's own figure (ru_maxrss) counts the parent's memory from before the program was loaded.
    """
    peak = 0.0
    while time.perf_counter() < until:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            return peak, False
        peak = max(peak, peak_mib(pid))
        time.sleep(0.02)
    return peak, True


def cpu_s(pid: int) -> float:
    """CPU seconds that a running process has used so far, without its children."""
    facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(facts[11]) + int(facts[12])) / TICKS


def peak_mib(pid: int) -> float:
    """The largest resident set of a running process so far; 0 for one that is ending."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0) / 1024


def median(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as Markdown; numbers are set to three figures."""
    print(f"\n| {' | '.join(header)} |")
    print(f"|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(_cell(value) for value in row)} |")
    print(flush=True)


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def parser(description: str) -> argparse.ArgumentParser:
    """`--quick`: small sizes, to see that it runs. The figures then mean nothing."""
    found = argparse.ArgumentParser(description=description)
    found.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    return found


def options(description: str) -> argparse.Namespace:
    """What was asked for on the command line of one benchmark."""
    return parser(description).parse_args()


def machine() -> str:
    """One sentence: processor, cores, memory, kernel, Python."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB memory, "
        f"{platform.system()} {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    )


def company() -> str:
    """Whether other work ran beside it, from the load just before."""
    load = os.getloadavg()[0]
    if load < QUIET:
        return f"The machine was quiet (load {load:.1f}) when this began."
    return (
        f"The machine was shared with other work (load {load:.1f} when this began), so CPU seconds say more than\n"
        "wall time and rates."
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def python(code: str) -> list[str]:
    """The command line that runs this code with the product's Python."""
    return [sys.executable, "-c", code]
