"""compose.yaml on a machine without containers: each service's own command, environment and secrets, as a process.

What containers would give is put in place by name: hosts become this machine, ports free ones, mounted paths folders
of the test. Everything else is what stands in the file.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::[-?]([^}]*))?\}")
NAMES = {"python": sys.executable}


def services() -> dict[str, Any]:
    """The services of compose.yaml, anchors and merges resolved."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return found


def service(name: str) -> Any:
    """What the file says of a service, or of one of its replicas: `trainer-2` is one more `trainer`."""
    return services()[name.partition("-")[0]]


@dataclass
class Composed:
    """The services on this machine. `places` says what stands for a host, port or path of the file."""

    folder: Path
    variables: Mapping[str, str]
    places: Mapping[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """A text of the file as it holds here."""
        text = VARIABLE.sub(lambda found: self.variables.get(found[1]) or (found[2] or ""), text).replace("$$", "$")
        written = "|".join(re.escape(place) for place in sorted(self.places, key=len, reverse=True))
        return re.sub(rf"(?:{written})(?!\w)", lambda found: self.places[found[0]], text)

    def environment(self, name: str) -> dict[str, str]:
        """What the service finds in its environment, and of ours only what a bare machine has."""
        given = {key: self.text(value) for key, value in service(name).get("environment", {}).items()}
        bare = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "HOME": str(self.folder), "HOSTNAME": name}
        return {**bare, "XDG_DATA_HOME": str(self.folder / "certificates"), **given}

    def argv(self, words: list[str]) -> list[str]:
        return [NAMES.get(word, self.text(word)) for word in words]

    def start(self, name: str) -> None:
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.argv(service(name)["command"]), env=self.environment(name), cwd=ROOT, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def run(self, name: str, *words: str) -> str:
        """A command in the service's environment, to its end; what it printed."""
        done = subprocess.run(
            self.argv(list(words) or service(name)["command"]), env=self.environment(name), cwd=ROOT,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{name} {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def is_healthy(self, name: str) -> bool:
        """What the service's own health check says."""
        how, *words = service(name)["healthcheck"]["test"]
        argv = ["sh", "-c", self.text(words[0])] if how == "CMD-SHELL" else self.argv(words)
        if argv[0] == "wget" and shutil.which("wget") is None:
            argv = ["curl", "-sf", "-o", "/dev/null", argv[-1]]
        done = subprocess.run(argv, env=self.environment(name), cwd=ROOT, capture_output=True, check=False)
        return done.returncode == 0

    def wait_for(self, name: str, seconds: float = 120) -> None:
        """Until the service is healthy."""
        limit = time.monotonic() + seconds
        while not self.is_healthy(name):
            ended = self.running[name].poll()
            assert ended is None, f"{name} ended with {ended}: {self.said(name)[-2000:]}"
            assert time.monotonic() < limit, f"{name} is not healthy: {self.said(name)[-2000:]}"
            time.sleep(0.3)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def said(self, name: str) -> str:
        return self.log(name).read_text(errors="replace")

    def stop(self) -> dict[str, int]:
        """Stop all as an engine does: SIGTERM first, and what others depend on only after them; how each ended."""
        last = {"redis"} & self.running.keys()
        return {**self._end(self.running.keys() - last), **self._end(last)}

    def _end(self, names: set[str]) -> dict[str, int]:
        for name in names:
            self.running[name].terminate()
        ends = {}
        for name in names:
            grace = float(service(name).get("stop_grace_period", "10s").removesuffix("s"))
            try:
                ends[name] = self.running[name].wait(grace)
            except subprocess.TimeoutExpired:
                self.running[name].kill()
                ends[name] = self.running[name].wait()
        return ends

    def kill(self) -> None:
        """End whatever is left, and the processes that it started."""
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
