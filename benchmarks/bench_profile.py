"""A full profile, against DuckDB's SUMMARIZE and ydata-profiling's minimal report.

Each runs in a process of its own. The peers are installed into a virtual environment that goes away afterwards, because
the product never needs them. FYNIX_BENCH_PEERS names one that is kept.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import measure
from benchmarks.measure import MIB, Cost

ROWS = 1_350_000  # 315 MB
QUICK_ROWS = 20_000
PATIENCE_S = 180.0
FIRST_NAMES = ("Ada", "Ben", "Clara", "Dimitri", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Katharina")
LAST_NAMES = ("Abel", "Baumgartner", "Costa", "Dubois", "Eriksen", "Fischer", "Greco", "Huber", "Ivanov", "Kim")
NOTES = (
    "", "called twice, will call again", "asked for a discount, was refused", 'said "maybe" to our offer', "moved",
    "wants a quote by post, not by mail",
)  # fmt: skip

OURS = """
import sys, tempfile
from pathlib import Path
from datasets.profiling.job import profile
with tempfile.TemporaryDirectory(dir=Path(sys.argv[1]).parent) as folder:
    found = profile(Path(sys.argv[1]), filename="table.csv", workdir=Path(folder), progress=lambda *_: None)
    print(found.document.rows, len(found.document.columns))
"""
DUCKDB = """
import sys, duckdb
duckdb.sql("SET enable_progress_bar = false")
print(duckdb.__version__, len(duckdb.sql(f"SUMMARIZE SELECT * FROM read_csv('{sys.argv[1]}')").fetchall()))
"""
YDATA = """
import os, sys, warnings
os.environ["TQDM_DISABLE"] = "1"
warnings.simplefilter("ignore")
import pandas, ydata_profiling
report = ydata_profiling.ProfileReport(pandas.read_csv(sys.argv[1]), minimal=True, progress_bar=False)
print(ydata_profiling.__version__, len(report.to_json()))
"""


def main() -> None:
    """Make a table and let each look at it once."""
    quick = measure.options(__doc__ or "").quick
    with tempfile.TemporaryDirectory(prefix="fynix-bench-") as folder, peers() as python:
        file = Path(folder) / "table.csv"
        rows = QUICK_ROWS if quick else ROWS
        make_table(rows).write_csv(file)
        size = file.stat().st_size
        ours = measure.cost([*measure.python(OURS), file])
        duckdb = measure.cost([python, "-c", DUCKDB, file])
        share, ydata = minimal_report(python, file, rows)
    print(f"A generated table of {rows:,} rows, 22 columns, {size / MIB:,.0f} MiB.")
    if share > 1:
        print(f"ydata-profiling needed more than {PATIENCE_S:.0f} s for it, so it got 1/{share} of the rows.")
    show(ours, duckdb, ydata, share)


def show(ours: Cost, duckdb: Cost, ydata: Cost, share: int) -> None:
    summarize, minimal = version("DuckDB", duckdb), version("ydata-profiling", ydata)
    part = f", 1/{share} of the rows" if share > 1 else ""
    contenders = (
        ("full profile and typed table", ours, 1),
        (f"{summarize} SUMMARIZE (peer)", duckdb, 1),
        (f"{minimal} minimal (peer){part}", ydata, share),
    )
    rows = [
        (name, cost.cpu_s, cost.wall_s, cost.rss_mib, ours.cpu_s / (cost.cpu_s * times))
        for name, cost, times in contenders
    ]
    measure.table(("", "CPU s", "wall s", "largest RSS MiB", "our CPU ÷ theirs"), rows)
    if share > 1:
        print(f"The last ratio takes {share} times what ydata-profiling used.")


def version(name: str, cost: Cost) -> str:
    return f"{name} {(cost.output or '?').splitlines()[-1].split()[0]}"


def minimal_report(python: Path, file: Path, rows: int) -> tuple[int, Cost]:
    """What ydata-profiling took, and which share of the rows it got: all (1), or a tenth (10)."""
    argv = [python, "-c", YDATA]
    whole = measure.cost([*argv, file], limit_s=PATIENCE_S)
    if whole.output is not None:
        return 1, whole
    part = file.with_name("part.csv")
    pl.scan_csv(file).head(rows // 10).sink_csv(part)
    return 10, measure.cost([*argv, part])


@contextmanager
def peers() -> Iterator[Path]:
    """A Python that has duckdb and ydata-profiling."""
    if kept := os.environ.get("FYNIX_BENCH_PEERS"):
        yield Path(kept) / "bin" / "python"
        return
    with tempfile.TemporaryDirectory(prefix="fynix-peers-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "duckdb", "ydata-profiling"]
        subprocess.run([python, *install], check=True)
        yield python


def make_table(rows: int) -> pl.DataFrame:
    """Orders of a shop as they come: keys, people, dates, money, notes; some cells are missing, some values repeat."""
    dice = np.random.default_rng(7)
    place = dice.zipf(1.4, rows) % 900
    day = np.datetime64("2021-01-01T00:00:00", "ms")
    second = np.timedelta64(1000, "ms")
    raw = pl.DataFrame({
        "customer_id": dice.integers(10_000_000, 10_000_000 + rows, rows),
        "order": np.arange(rows) + 10_000_000,
        "first_name": dice.choice(FIRST_NAMES, rows),
        "last_name": dice.choice(LAST_NAMES, rows),
        "area": dice.integers(201, 990, rows),
        "group": dice.integers(10, 99, rows),
        "serial": dice.integers(1000, 9999, rows),
        "birth_date": day - dice.integers(6_000, 30_000, rows) * 86_400 * second,
        "joined": day + dice.integers(0, 150_000_000, rows) * second,
        "renewed": day + dice.integers(0, 150_000_000, rows) * second,
        "place": place,
        "country": dice.choice(["AT", "CH", "DE", "FR", "IT", "US"], rows),
        "plan": dice.choice(["basic", "plus", "pro"], rows, p=[0.6, 0.3, 0.1]),
        "price": dice.lognormal(6, 1.1, rows).round(2),
        "income": dice.lognormal(10, 0.6, rows).round(2),
        "balance": dice.normal(500, 900, rows).round(2),
        "score": dice.random(rows).round(6),
        "distance": dice.exponential(40, rows).round(6),
        "age": dice.integers(18, 95, rows),
        "active": dice.choice(["yes", "no"], rows),
        "note": dice.choice(NOTES, rows),
        "churn": dice.choice([0, 1], rows, p=[0.8, 0.2]),
    })  # fmt: skip
    there = pl.Series(dice.random(rows) >= 0.05)
    return raw.select(
        "customer_id",
        pl.format("ORD-{}", "order").alias("order_id"),
        "first_name",
        "last_name",
        pl.format("{}.{}{}@example.org", "first_name", "last_name", "customer_id").str.to_lowercase().alias("email"),
        pl.format("{}-{}-{}", "area", "group", "serial").alias("ssn"),
        pl.format("({}) 555-{}", "area", "serial").alias("phone"),
        pl.col("birth_date").dt.strftime("%Y-%m-%d"),
        pl.col("joined").dt.strftime("%Y-%m-%dT%H:%M:%S"),
        pl.col("renewed").dt.strftime("%m/%d/%Y"),
        pl.format("River Town {}", "place").alias("city"),
        pl.when(there).then("country").alias("country"),
        "plan",
        pl.format("${}", "price").alias("price"),
        pl.when(there).then("income").alias("income"),
        "balance",
        pl.when(there).then("score").alias("score"),
        "distance",
        pl.when(there).then("age").alias("age"),
        "active",
        "note",
        "churn",
    )


if __name__ == "__main__":
    main()
