"""The engine, against bare `xgb.train` on the same rows with the same parameters and rounds.

The bare peer is what a person would write in a notebook: codes for categories, a split, QuantileDMatrix, xgb.train
with evals. The engine does that in segments that can be resumed, writes a checkpoint every 10 seconds, tells every
round to an observer, and then judges and explains the model. Every segment applies the earlier trees to the rows once
more: that is the price of a training that a killed worker resumes to the same bytes.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import measure
from training import engine
from training.engine.observer import Level, RoundPoint, Stage

ROWS, ROUNDS = 200_000, 300
QUICK_ROWS, QUICK_ROUNDS = 4_000, 20
TARGETS = {"binary": "left", "regression": "spend"}
METRICS = {"binary": ["logloss", "auc"], "regression": ["rmse", "mae"]}
OBJECTIVES = {"binary": "binary:logistic", "regression": "reg:squarederror"}


def main() -> None:
    """Every contender in a process of its own, one after the other."""
    if len(sys.argv) > 2:
        contender, task, file, rounds = sys.argv[1:]
        print(json.dumps(CONTENDERS[contender](task, Path(file), int(rounds))))
        return
    quick = measure.options(__doc__ or "").quick
    rows, rounds = (QUICK_ROWS, QUICK_ROUNDS) if quick else (ROWS, ROUNDS)
    with tempfile.TemporaryDirectory(prefix="fynix-bench-") as folder:
        file = Path(folder) / "table.parquet"
        make_table(rows).write_parquet(file)
        print(f"{rows:,} rows, 20 columns, {rounds} rounds of depth 6, {len(os.sched_getaffinity(0))} threads.")
        for task in TARGETS:
            print(f"\n{task.capitalize()}:")
            show({name: _run(name, task, file, rounds) for name in CONTENDERS})


def _run(contender: str, task: str, file: Path, rounds: int) -> tuple[dict[str, float], measure.Cost]:
    argv = [sys.executable, "-m", "benchmarks.bench_training", contender, task, file, str(rounds)]
    cost = measure.cost(argv, env={"OMP_WAIT_POLICY": "PASSIVE"})
    return json.loads(cost.output or "{}"), cost


def show(found: dict[str, tuple[dict[str, float], measure.Cost]]) -> None:
    peer = found["bare, both curves (peer)"][0]
    rows = [
        (name, fit["wall_s"], fit["cpu_s"], fit["cpu_s"] / peer["cpu_s"], whole.cpu_s, whole.rss_mib, fit["score"])
        for name, (fit, whole) in found.items()
    ]
    header = ("", "train: wall s", "train: CPU s", "CPU ÷ peer", "whole process: CPU s", "RSS MiB", "validation loss")
    measure.table(header, rows)


class Watcher:
    """Notes what the stage `train` took, and every round."""

    def __init__(self) -> None:
        self.began = self.took = (0.0, 0.0)
        self.points = 0

    def stage(self, stage: Stage, progress: float) -> None:
        if stage == "train" and progress == 0:
            self.began = clocks()
        elif stage == "train" and progress == 1:
            self.took = since(self.began)

    def plan(self, candidates: object) -> None:
        """One parameter set is like another here."""

    def rounds(self, points: Sequence[RoundPoint]) -> None:
        self.points += len(points)

    def log(self, level: Level, message: str) -> None:
        """Nobody reads along here."""

    def cancelled(self) -> bool:
        return False


class OnDisk:
    """Checkpoints as the product keeps them: written and synced."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "checkpoint"

    def save(self, data: bytes) -> None:
        with self.file.open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())

    def load(self) -> bytes | None:
        return None


def ours(task: str, file: Path, rounds: int) -> dict[str, float]:
    other = next(column for name, column in TARGETS.items() if name != task)
    parameters = {"n_estimators": rounds, "early_stopping_rounds": rounds}
    config = engine.RunConfig(target=TARGETS[task], task=task, exclude=(other,), parameters=parameters)
    watcher = Watcher()
    outcome = engine.train(table=file, config=config, observer=watcher, checkpoints=OnDisk(file.parent))
    assert watcher.points == outcome.report.rounds_run == rounds
    wall, cpu = watcher.took
    return {"wall_s": wall, "cpu_s": cpu, "score": outcome.report.validation[METRICS[task][0]]}


def bare(task: str, file: Path, rounds: int, *, curves: bool) -> dict[str, float]:
    import xgboost as xgb

    frame = pl.read_parquet(file)
    names = [name for name in frame.columns if name not in TARGETS.values()]
    codes = [pl.col(name).cast(pl.Categorical).to_physical() for name in names if frame[name].dtype == pl.String]
    types = ["c" if frame[name].dtype == pl.String else "q" for name in names]
    matrix = frame.select(names).with_columns(codes).cast(pl.Float32).to_numpy()
    labels = frame[TARGETS[task]].cast(pl.Float32).to_numpy()
    place = np.random.default_rng(7).permutation(frame.height)
    _test, valid, train = np.split(place, [frame.height // 5, frame.height // 5 + frame.height * 4 // 25])
    rows = {"train": (matrix[train], labels[train]), "valid": (matrix[valid], labels[valid])}
    began = clocks()
    options = {"feature_types": types, "enable_categorical": True}
    learnt = xgb.QuantileDMatrix(*rows["train"], **options)
    watched = xgb.QuantileDMatrix(*rows["valid"], ref=learnt, **options)
    parameters = {
        "objective": OBJECTIVES[task], "eval_metric": METRICS[task], "tree_method": "hist", "learning_rate": 0.1,
        "max_depth": 6, "max_cat_to_onehot": 101, "nthread": len(os.sched_getaffinity(0)),
    }  # fmt: skip
    log: dict[str, dict[str, list[float]]] = {}
    evals = [(learnt, "train"), (watched, "valid")] if curves else [(watched, "valid")]
    xgb.train(parameters, learnt, rounds, evals=evals, evals_result=log, verbose_eval=False)
    wall, cpu = since(began)
    return {"wall_s": wall, "cpu_s": cpu, "score": min(log["valid"][METRICS[task][0]])}


CONTENDERS = {
    "engine": ours,
    "bare, both curves (peer)": lambda *facts: bare(*facts, curves=True),
    "bare, validation curve only": lambda *facts: bare(*facts, curves=False),
}


def clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def since(began: tuple[float, float]) -> tuple[float, float]:
    wall, cpu = clocks()
    return wall - began[0], cpu - began[1]


def make_table(rows: int) -> pl.DataFrame:
    """Numbers with missing values, three categories, a yes-or-no and a numeric target that follow some of them."""
    dice = np.random.default_rng(7)
    numbers = {f"number_{index:02}": dice.normal(size=rows) for index in range(17)}
    levels = {f"level_{size}": dice.integers(0, size, rows) for size in (3, 12, 60)}
    signal = numbers["number_00"] * numbers["number_01"] + np.abs(numbers["number_02"]) + (levels["level_12"] % 5) / 2
    noisy = signal + dice.normal(size=rows)
    frame = pl.DataFrame(
        {
            **numbers,
            **{name: [f"v{value}" for value in values] for name, values in levels.items()},
            "left": (noisy > np.median(noisy)).astype(np.int64),
            "spend": noisy,
        }
    )
    gaps = pl.Series(dice.random(rows) < 0.05)
    return frame.with_columns(
        pl.when(gaps).then(None).otherwise(pl.col(name)).alias(name) for name in ("number_03", "number_00", "level_3")
    )


if __name__ == "__main__":
    main()
