"""Columns that predict a target almost alone, named before anybody trains: what is known only afterwards, or a copy.

The learner, its measure and its bounds are those that a finished training is judged by.
"""

import hashlib
import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from datasets import versions
from datasets.models import DatasetVersion
from fynix import env
from fynix.errors import DomainError, Invalid
from training.engine.report import Alone, Screening
from training.narrative.judgement import Verdict, verdict
from training.runs import TargetInvalid

TIMEOUT_S = 60.0
KEPT_S = 86_400  # a table never changes
_one_at_a_time = threading.Lock()


class ScreeningFailed(DomainError):
    code = "screening_failed"
    status = 503


class TargetUnsuited(Invalid):
    code = "target_unsuited"


@dataclass(frozen=True)
class Giveaway:
    """A column that is suspected, and why."""

    found: Alone
    verdict: Verdict


@dataclass(frozen=True)
class Giveaways:
    """What was looked at, and what of it is suspected, the gravest first."""

    target: str
    screening: Screening

    @property
    def suspected(self) -> list[Giveaway]:
        judged = ((each, verdict(each)) for each in self.screening.alone)
        return [Giveaway(each, found) for each, found in judged if found is not None]


def look(*, version: DatasetVersion, target: str) -> Giveaways:
    """Look at every column alone. Raises versions.NotReady, TargetInvalid, TargetUnsuited, ScreeningFailed."""
    columns = {column.name: column for column in versions.document(version).columns}
    if target not in columns:
        raise TargetInvalid(_("The table has no column “{target}”. Choose another target.").format(target=target))
    if columns[target].hides_values:
        raise TargetInvalid(_("“{target}” holds personal data. Choose another target.").format(target=target))
    personal = [name for name, column in columns.items() if column.hides_values]
    asked = json.dumps([version.table_sha256, target, personal]).encode()
    key = f"giveaways:{hashlib.sha256(asked).hexdigest()}"
    answer: dict[str, Any] | None = cache.get(key)
    if answer is None:
        answer = _asked(version, {"target": target, "personal": personal, "columns": list(columns)})
        cache.set(key, answer, KEPT_S)
    if refusal := answer.get("refusal"):
        raise TargetUnsuited(
            _("“{target}” suits no training, so nothing can be said of it. Choose another target.").format(
                target=target
            ),
            field="target", extra={"reason": refusal},
        )  # fmt: skip
    return Giveaways(target, Screening.from_json(answer))


def _asked(version: DatasetVersion, request: dict[str, Any]) -> dict[str, Any]:
    argv = [sys.executable, "-m", "training.child", str(settings.JOB_MEMORY_BYTES)]
    with versions.table(version) as path, _one_at_a_time:
        try:
            done = subprocess.run(
                argv, cwd=env.ROOT, input=json.dumps({**request, "path": str(path)}), capture_output=True, text=True,
                timeout=TIMEOUT_S, check=True,
            )  # fmt: skip
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
            raise ScreeningFailed(
                _("This table could not be looked at just now. Try again; if it happens twice, drop columns first.")
            ) from None
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
