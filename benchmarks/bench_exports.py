"""Every format of a model of the default recipe against the booster it was made from, over the whole holdout.

The rows are all that were held back and the made-up hard ones (values at, under and over each split, missing, unseen).
`--tables FOLDER` adds the tables that lie there, by the names and targets in TABLES.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks import measure
from datasets.profiling.job import profile
from registry.exporters import EXPORTERS, ExportContext, export
from registry.exporters.model import decode
from registry.exporters.parity import Parity, check
from training.engine import Outcome, RunConfig, train

BUNDLED = measure.ROOT / "datasets" / "bundled"
TABLES = {
    "telco_churn": RunConfig("Churn", "binary", exclude=("customerID",)),
    "penguins": RunConfig("species", "multiclass"),
    "titanic": RunConfig("survived", "binary", exclude=("name",)),
    "housing": RunConfig("median_house_value", "regression"),
    "diamonds": RunConfig("cut", "multiclass"),
    "taxis": RunConfig("tip", "regression", exclude=("total",)),
}
QUICK_TABLES = ("penguins",)
SHOW_MARGINS = ("native", "wheel")


class Quiet:
    """Listens to a training and keeps its checkpoints, both in vain."""

    def stage(self, *_: object) -> None: ...
    def plan(self, *_: object) -> None: ...
    def rounds(self, *_: object) -> None: ...
    def log(self, *_: object) -> None: ...
    def save(self, data: bytes) -> None: ...

    def cancelled(self) -> bool:
        return False

    def load(self) -> None:
        return None


@dataclass(frozen=True)
class Figures:
    """One file: its size, how long it took to write and to prove, and what the proof says."""

    size: int
    written_ms: float
    proved_s: float
    parity: Parity


def main() -> None:
    given = options()
    rows = []
    for name, config in TABLES.items():
        paths = [folder / f"{name}.csv" for folder in (BUNDLED, *given.tables)]
        path = next((path for path in paths if path.exists()), None)
        if path is None or (given.quick and name not in QUICK_TABLES):
            continue
        outcome = learn(path, config)
        for key, found in proved(outcome):
            p = found.parity
            gap = f"{p.max_abs:.1e}"
            rows.append(
                (
                    f"{name}, {config.target}", outcome.report.best_round, p.rows, p.adversarial_rows,
                    EXPORTERS[key].label, gap, "–" if p.label_agreement is None else f"{p.label_agreement:.3%}",
                    same_margins(p), found.size, found.written_ms, found.proved_s,
                )
            )  # fmt: skip
            print("·", *rows[-1][:1], key, gap, flush=True)
    header = ("table, target", "rounds", "held-back rows", "hard rows", "format", "largest difference", "same label",
              "margins", "bytes", "ms to write", "s to prove")  # fmt: skip
    measure.table(header, rows)


def same_margins(parity: Parity) -> str:
    """The native file and the wheel tell their margins; the other formats tell answers only."""
    if parity.format not in SHOW_MARGINS:
        return "–"
    return "equal to the last bit" if parity.margins_bit_equal else "differ"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small table, to see that it runs")
    parser.add_argument("--tables", type=Path, action="append", default=[], help="a folder with more tables")
    return parser.parse_args()


def learn(path: Path, config: RunConfig) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        read = profile(path, filename=path.name, workdir=Path(folder), progress=lambda *_: None)
        return train(table=read.table, config=config, observer=Quiet(), checkpoints=Quiet())


def proved(outcome: Outcome) -> Iterator[tuple[str, Figures]]:
    model = decode(outcome.native, outcome.schema)
    context = ExportContext(model, outcome.native, "Bench", "bench000", 1, "# Bench\n", date(2026, 1, 2))
    rows = {name: outcome.holdout[name].to_list() for name in outcome.schema.names}
    for key in EXPORTERS:
        started = time.perf_counter()
        made = export(key, context)
        written = time.perf_counter() - started
        started = time.perf_counter()
        parity = check(
            key, made.data, model=model, native=outcome.native, rows=rows, filename=made.filename, whole=True
        )
        yield key, Figures(len(made.data), written * 1000, time.perf_counter() - started, parity)


if __name__ == "__main__":
    main()
