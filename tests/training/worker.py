"""A worker of a test's own: real supervision of a real child process."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.db import connection

from fynix.queue import supervision
from training.checkpoints import Kept
from training.models import Run, RunEvent

PATIENCE_S = 60


def supervise(run: Run) -> threading.Thread:
    """What a worker does on hearing of the run, in a thread of its own."""

    def work() -> None:
        try:
            supervision.supervise(job_id=run.job_id)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_for(happened: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.05)


def child_of(run: Run) -> int:
    """The process that trains the run."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(FileNotFoundError, ProcessLookupError):  # others come and go meanwhile
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if run.job_id.encode() in words and b"work" in words:
                return int(folder.name)
    raise AssertionError("no process trains this run")


def checkpointed(run: Run) -> bool:
    """Whether a whole checkpoint is kept; one that is being written counts for nothing."""
    with suppress(FileNotFoundError):  # the next one took its place while we looked
        return Kept(run=run.pk, attempt=0).load() is not None
    return True


def training(run: Run) -> bool:
    return RunEvent.objects.filter(run=run, type="metric").exists()
