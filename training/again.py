"""A run once more: the form that starts one, filled with what an earlier run asked for and one change."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext

from training import story
from training.engine import RunConfig
from training.engine.recipes import ALIASES
from training.models import Run
from training.narrative import Change


def wish(run: Run, change: Change, *, columns: Sequence[str]) -> dict[str, Any]:
    """Values of the form's fields by name; `columns` are those of the table."""
    config = RunConfig.from_json(run.config)
    left_out = {config.target, *config.exclude, *config.personal, *change.exclude}
    own = {ALIASES.get(name, name): value for name, value in config.parameters.items()}
    parameters = {**own, **change.parameters}
    return {
        "target": config.target,
        "task": config.task,
        "columns": [name for name in columns if name not in left_out],
        "recipe": config.recipe,
        "seed": config.seed,
        "test_share": config.test_share,
        "metrics": list(config.metrics),
        **_own(config),
        "group": "" if change.time else config.group,
        "time": change.time or config.time,
        "model_name": run.model_name,
        "parameters": "\n".join(f"{name}={value}" for name, value in parameters.items()),
    }


def _own(config: RunConfig) -> dict[str, str]:
    return {
        f"own_{part}_{place}": getattr(each, part)
        for place, each in enumerate(config.own, start=1)
        for part in ("name", "formula", "better")
    }


def proposed(run: Run, code: str) -> Change:
    """The change that the run's claim of this code proposes; an empty one when there is none."""
    found = (claim.change for claim in story.claims(run, story.read(run)) if claim.code == code)
    return next(found, None) or Change()


def words(change: Change) -> str:
    """The change as part of a sentence, such as `without “fee”, with learning_rate=0.03`; may be empty."""
    without = [gettext("without “%(name)s”") % {"name": name} for name in change.exclude]
    having = [
        gettext("with %(name)s=%(value)s") % {"name": name, "value": value} for name, value in change.parameters.items()
    ]
    ordered = [gettext("divided by “%(name)s”") % {"name": change.time}] if change.time else []
    return ", ".join([*without, *having, *ordered])
