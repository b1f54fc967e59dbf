"""Small tables with a known signal, and partners for a training."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from training.engine import Outcome, RoundPoint, RunConfig, train
from training.engine.recipes import Candidate


def churn(rows: int = 600, seed: int = 3) -> pl.DataFrame:
    """A yes-or-no target that a number, a category and noise speak about."""
    generator = np.random.default_rng(seed)
    months, plan = generator.normal(size=rows), generator.choice(["basic", "plus", "max"], rows)
    score = 2 * months + 1.5 * (plan == "max") + generator.normal(size=rows)
    return pl.DataFrame(
        {
            "months": pl.Series(months).set(pl.Series(np.arange(rows) % 17 == 0), None),
            "plan": plan,
            "noise": generator.normal(size=rows),
            "churn": np.where(score > 0.5, "Yes", "No"),
        }
    )


def prices(rows: int = 500, seed: int = 4) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    size = generator.uniform(20, 200, rows)
    return pl.DataFrame(
        {
            "size": size,
            "rooms": generator.integers(1, 6, rows),
            "price": 1000 * size + generator.normal(0, 5000, rows),
        }
    )


def species(rows: int = 450, seed: int = 5) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    kind = generator.integers(0, 3, rows)
    return pl.DataFrame(
        {
            "wing": kind + generator.normal(0, 0.3, rows),
            "beak": generator.normal(size=rows),
            "species": np.array(["ant", "bee", "cow"])[kind],
        }
    )


TASKS = {
    "binary": (churn, "churn"),
    "multiclass": (species, "species"),
    "regression": (prices, "price"),
}


@dataclass
class Watch:
    """Notes all it is told; asks for an end once `stop_after` rounds were seen."""

    stop_after: int | None = None
    points: list[RoundPoint] = field(default_factory=list)
    stages: list[tuple[str, float]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    planned: list[str] = field(default_factory=list)

    def stage(self, stage: str, progress: float) -> None:
        self.stages.append((stage, progress))

    def plan(self, candidates: Sequence[Candidate]) -> None:
        self.planned = [candidate.name for candidate in candidates]

    def rounds(self, points: Sequence[RoundPoint]) -> None:
        self.points.extend(points)

    def log(self, level: str, message: str) -> None:
        self.lines.append(message)

    def cancelled(self) -> bool:
        return self.stop_after is not None and len(self.points) >= self.stop_after


@dataclass
class Shelf:
    """Keeps the latest checkpoint in memory."""

    data: bytes | None = None

    def save(self, data: bytes) -> None:
        self.data = data

    def load(self) -> bytes | None:
        return self.data


def learn(
    tmp_path: Path,
    table: pl.DataFrame,
    config: RunConfig,
    watch: Watch | None = None,
    shelf: Shelf | None = None,
) -> Outcome:
    path = tmp_path / "table.parquet"
    table.write_parquet(path)
    return train(table=path, config=config, observer=watch or Watch(), checkpoints=shelf or Shelf())
