"""Starts probe.py in a fresh process with limits, and brings back what it saw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.exporters.trees import Floats

PROBE = Path(__file__).with_name("probe.py")
SECONDS = 180
MEMORY_BYTES = 4 * 2**30
LAST_WORDS = 300
# Wheels must answer with nothing installed, so that reader starts without the packages of this environment.
BARE = frozenset({"wheel"})


class Died(Exception):
    """The process ended without a result: it failed, ran out of its limits, or was killed."""


@dataclass(frozen=True)
class Job:
    """One artifact, the name of its file, and the rows to run it on; `details` is what probe.py reads."""

    artifact: str
    data: bytes
    matrix: Floats
    details: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Seen:
    """What a runtime answered: outputs (rows, n) float64, labels and margins where the format gives them."""

    runtime: str
    outputs: NDArray[np.float64]
    labels: tuple[str, ...] | None
    margins: NDArray[np.float64] | None


def run(reader: str, job: Job, *, seconds: int = SECONDS) -> Seen:
    """Runs `reader` of probe.py over a job. Raises Died."""
    with tempfile.TemporaryDirectory(prefix="fynix-parity-") as name:
        folder = Path(name)
        (folder / job.artifact).write_bytes(job.data)
        np.save(folder / "matrix.npy", job.matrix, allow_pickle=False)
        limits = {"artifact": job.artifact, "seconds": seconds, "memory_bytes": MEMORY_BYTES}
        (folder / "job.json").write_text(json.dumps({**job.details, **limits}), "utf-8")
        _start(reader, folder, seconds)
        return _seen(json.loads((folder / "result.json").read_text("utf-8")))


def _start(reader: str, folder: Path, seconds: int) -> None:
    flags = ["-I", "-S"] if reader in BARE else ["-I"]
    command = [sys.executable, *flags, str(PROBE), reader, str(folder)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(folder), **threads}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise Died(f"it took longer than {seconds} seconds") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Died(lines[-1][:LAST_WORDS] if lines else f"its process ended with status {done.returncode}")


def _seen(result: dict[str, Any]) -> Seen:
    labels, margins = result.get("labels"), result.get("margins")
    return Seen(
        runtime=result["runtime"],
        outputs=np.array(result["outputs"], np.float64),
        labels=None if labels is None else tuple(labels),
        margins=None if margins is None else np.array(margins, np.float64),
    )
