"""The numeric core of training: tables in, one model out. Imports no web framework."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.engine.config import RunConfig
    from training.engine.errors import Cancelled, Untrainable
    from training.engine.observer import Checkpoints, Observer, RoundPoint
    from training.engine.predict import Model
    from training.engine.report import RunReport
    from training.engine.run import Outcome, train
    from training.engine.schema import BadInput, InputColumn, ModelSchema
    from training.engine.target import TaskGuess, guess_from

HOMES = {
    "BadInput": "schema",
    "Cancelled": "errors",
    "Checkpoints": "observer",
    "InputColumn": "schema",
    "Model": "predict",
    "ModelSchema": "schema",
    "Observer": "observer",
    "Outcome": "run",
    "RoundPoint": "observer",
    "RunConfig": "config",
    "RunReport": "report",
    "TaskGuess": "target",
    "Untrainable": "errors",
    "guess_from": "target",
    "train": "run",
}

__all__ = [
    "BadInput",
    "Cancelled",
    "Checkpoints",
    "InputColumn",
    "Model",
    "ModelSchema",
    "Observer",
    "Outcome",
    "RoundPoint",
    "RunConfig",
    "RunReport",
    "TaskGuess",
    "Untrainable",
    "guess_from",
    "train",
]


def __getattr__(name: str) -> object:
    # The learner takes seconds and 150 MB to load; only a process that trains or predicts should pay for it.
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
