"""`make test`: every lane, one line for each failure as its lane ends, a summary at the end.

A lane whose programs are missing is named with the line that installs them; with CI=true that is a failure.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import checks, servers

ROOT = checks.ROOT
LOGS = ROOT / ".test-logs"
LANE_LIMIT_S = 40 * 60  # far more than a lane takes: what hangs is named while there is somebody to read it


@dataclass(frozen=True)
class Lane:
    """A group of tests with the servers it stands on and the programs it needs."""

    name: str
    arguments: tuple[str, ...]
    surroundings: Callable[[], AbstractContextManager[dict[str, str]]]
    missing: Callable[[], list[str]]


@dataclass(frozen=True)
class Result:
    """What became of a lane; `failures` are one line each."""

    name: str
    passed: int
    failures: tuple[str, ...]
    skipped: int
    seconds: float


@contextmanager
def alone() -> Iterator[dict[str, str]]:
    yield {}


def nothing() -> list[str]:
    return []


def browser_missing() -> list[str]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return [] if found else ["apt-get install chromium"]


def axe_missing() -> list[str]:
    return browser_missing() + _programs_missing("axe-core")


def lighthouse_missing() -> list[str]:
    node = [] if shutil.which("node") else ["apt-get install nodejs npm"]
    return browser_missing() + (node or _programs_missing("lighthouse"))


def _programs_missing(package: str) -> list[str]:
    if (ROOT / "node_modules" / package).is_dir():
        return []
    return ["npm ci" if shutil.which("npm") else "apt-get install nodejs npm"]


CORE = Lane("core", ("-m", "core and not browser and not pilot and not service"), alone, nothing)
UNIT = Lane("unit", ("-m", "not core and not browser and not pilot and not service"), alone, nothing)
SERVICE = Lane("service", ("-m", "not browser and not pilot and not core"), servers.running, servers.missing)
PILOT = Lane("pilot", ("-m", "pilot and not browser"), alone, nothing)
BROWSER = Lane("browser", ("-m", "browser and not gates and not speed"), alone, browser_missing)
GATES = Lane("gates", ("-m", "gates"), alone, axe_missing)
SPEED = Lane("speed", ("-m", "speed"), alone, lighthouse_missing)
# Each stage has the machine to itself. Its tracks run side by side, the lanes of a track one after the other: lanes of
# one stage share neither a database nor a Redis nor a port. Lanes wait for processes and pages, so several tracks
# keep two cores busy, the longest lane beginning at once; what measures time has the machine alone.
STAGES: tuple[tuple[tuple[Lane | None, ...], ...], ...] = (
    ((SERVICE,), (UNIT, PILOT), (BROWSER,), (None, CORE, GATES)),  # None stands for the checks
    ((SPEED,),),
)


def run(lane: Lane) -> Result:
    """One pytest over the lane, its output in a log."""
    report, log = LOGS / f"{lane.name}.xml", LOGS / f"{lane.name}.log"
    started = time.monotonic()
    with lane.surroundings() as environment, log.open("w") as output:
        argv = [sys.executable, "-m", "pytest", "-q", "--no-header", f"--junitxml={report}", *lane.arguments]
        place = {"cwd": ROOT, "env": {**os.environ, **environment}, "stdout": output, "stderr": output}
        with subprocess.Popen(argv, **place) as running:
            code = _ended(running)
    return _read(lane.name, report, code, time.monotonic() - started)


def _ended(running: subprocess.Popen[bytes]) -> int:
    """The exit code; at the limit pytest is interrupted, so that it writes down what it has."""
    for patience in (LANE_LIMIT_S, 60):
        try:
            return running.wait(patience)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGINT)
    running.kill()
    return running.wait()


def _read(name: str, report: Path, code: int, seconds: float) -> Result:
    if not report.exists():
        return Result(
            name,
            0,
            (f"{name}: pytest ended with {code} before any test, see {LOGS.name}/{name}.log",),
            0,
            seconds,
        )
    cases = list(ET.parse(report).getroot().iter("testcase"))  # noqa: S314  written by our own pytest
    failures = tuple(f"{name}: {line}" for case in cases for line in _failures(case))
    skipped = sum(case.find("skipped") is not None for case in cases)
    if code and not failures:
        failures = (f"{name}: pytest ended with {code}, see {LOGS.name}/{name}.log",)
    return Result(name, len(cases) - len(failures) - skipped, failures, skipped, seconds)


def _failures(case: ET.Element) -> Iterator[str]:
    for kind in ("failure", "error"):
        found = case.find(kind)
        if found is not None:
            lines = (found.get("message") or kind).strip().splitlines() or [kind]
            yield f"{case.get('classname')}::{case.get('name')}: {lines[0][:200]}"


def check() -> Result:
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "tests.checks"], cwd=ROOT, capture_output=True, text=True, check=False)
    (LOGS / "checks.log").write_text(done.stdout + done.stderr)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "FAILED "))]
    failures = tuple(
        f"checks: {line.split(maxsplit=1)[1]}, see {LOGS.name}/checks.log" for line in lines if line[0] == "F"
    )
    return Result("checks", len(lines) - len(failures), failures, 0, time.monotonic() - started)


def main() -> int:
    """All stages, each lane told as it ends, then the sum."""
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir()
    started = time.monotonic()
    results: list[Result] = []
    absent: list[str] = []
    for stage in STAGES:
        with ThreadPoolExecutor(len(stage)) as pool:
            for done, missed in pool.map(_follow, stage):
                results += done
                absent += missed
    return _summary(results, absent, time.monotonic() - started)


def _follow(track: tuple[Lane | None, ...]) -> tuple[list[Result], list[str]]:
    """The results of a track's lanes, and what the others of them lack."""
    results, absent = [], []
    for lane in track:
        if lane is not None and (lines := lane.missing()):
            absent.append(f"{lane.name} lane not run: {'; '.join(lines)}")
            continue
        result = check() if lane is None else run(lane)
        print(
            f"{result.name:8} {result.passed:5} passed {len(result.failures):4} failed {result.seconds:6.0f} s",
            flush=True,
        )
        for line in result.failures:
            print(line, flush=True)
        results.append(result)
    return results, absent


def _summary(results: list[Result], absent: list[str], seconds: float) -> int:
    required = os.environ.get("CI") == "true"
    failed = sum(len(result.failures) for result in results) + (len(absent) if required else 0)
    if (LOGS / "speed.txt").exists():
        print((LOGS / "speed.txt").read_text(), end="")
    for line in absent:
        print(line)
    passed, skipped = sum(result.passed for result in results), sum(result.skipped for result in results)
    print(f"all of it took {seconds:.0f} s")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
