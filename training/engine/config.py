"""What a person asked for when starting a run, version 1 of its JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from training.engine.own import OwnMetric
from training.engine.schema import Task

Recipe = Literal["quick", "standard", "thorough"]


@dataclass(frozen=True)
class RunConfig:
    """`exclude` names columns kept from the model, `parameters` are XGBoost's own, laid over the recipe's.

    `personal` names columns that hold personal data: a model would carry their values in its files.
    `test_share` of the rows is held out before anything is learnt; `threads` 0 means all granted cores.
    `metrics` are followed beside the task's own, see scorers.py, and so are `own`, which a person wrote, see
    formulas.py. Rows with one value of `group` stay together; with `time` the newest rows judge. At most one of the
    two is named, and neither column is learnt from.
    """

    target: str
    task: Task
    recipe: Recipe = "quick"
    exclude: tuple[str, ...] = ()
    seed: int = 7
    test_share: float = 0.2
    threads: int = 0
    parameters: dict[str, float | int | str] = field(default_factory=dict)
    personal: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    own: tuple[OwnMetric, ...] = ()
    group: str = ""
    time: str = ""
    schema_version: int = 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunConfig:
        lists = {name: tuple(data.get(name, ())) for name in ("exclude", "personal", "metrics")}
        own = tuple(OwnMetric(**each) for each in data.get("own", ()))
        return cls(**{**data, **lists, "own": own})

    @property
    def followed(self) -> tuple[str, ...]:
        """Keys of the metrics that are followed beside the task's own."""
        return (*self.metrics, *(each.key for each in self.own))
