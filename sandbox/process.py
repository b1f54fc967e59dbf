"""The one child process per server process that loads models: started when needed, limited, replaced when stuck."""

import atexit
import json
import select
import subprocess
import sys
import threading
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from fynix import blobs, env
from fynix.errors import DomainError

TIMEOUT_S = 20.0


class Timeout(DomainError):
    code = "sandbox_timeout"
    status = 504


class Unavailable(DomainError):
    code = "dependency_unavailable"
    status = 503


def ask(*, sha256: str, schema: dict[str, Any], table: dict[str, list[Any]], explain: bool = True) -> dict[str, Any]:
    """Let the stored model answer raw rows: child.answer, or child.score without an explanation.

    Raises blobs.Corrupt, Timeout, Unavailable.
    """
    with blobs.local(sha256) as path:
        request = {"sha256": sha256, "path": str(path), "schema": schema, "table": table, "explain": explain}
        with _lock:
            return _exchange(json.dumps(request))


_lock = threading.Lock()
_child: subprocess.Popen[str] | None = None


def _exchange(line: str) -> dict[str, Any]:
    child = _running()
    assert child.stdin is not None  # noqa: S101  both pipes were asked for
    assert child.stdout is not None  # noqa: S101
    try:
        child.stdin.write(line + "\n")
        child.stdin.flush()
        if not select.select([child.stdout], [], [], TIMEOUT_S)[0]:
            raise Timeout(
                _("The model took too long to answer. Try again; if it happens twice, tell your administrator.")
            )
        reply = child.stdout.readline()
    except Timeout:
        end()
        raise
    except BrokenPipeError:
        reply = ""
    if not reply:
        end()
        raise Unavailable(_("The model could not be loaded just now. Try again in a moment."))
    answer: dict[str, Any] = json.loads(reply)
    return answer


def _running() -> subprocess.Popen[str]:
    global _child  # noqa: PLW0603  one child per process is the point
    if _child is not None and _child.poll() is not None:
        end()
    if _child is None:
        _child = subprocess.Popen(
            [sys.executable, "-m", "sandbox.child", str(settings.JOB_MEMORY_BYTES)],
            cwd=env.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    return _child


def end() -> None:
    """Kill the child and close its pipes; the next question starts another."""
    global _child  # noqa: PLW0603  one child per process is the point
    if _child is not None:
        _child.kill()
        with _child:
            _child = None


atexit.register(end)
