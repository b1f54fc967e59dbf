"""`make bench`: every benchmark once, and docs/benchmarks.md written anew from what they say."""

import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks import measure

PAGE = measure.ROOT / "docs" / "benchmarks.md"
SECTIONS = {
    "bench_upload": "Uploads",
    "bench_profile": "Profiles",
    "bench_training": "Training",
    "bench_feed": "The run feed",
    "bench_runs_list": "Lists of runs",
    "bench_download": "Downloads",
    "bench_exports": "Files to take away",
}
LIBRARIES = ("django", "daphne", "channels", "channels-redis", "redis", "polars", "numpy", "xgboost-cpu")
HEAD = """# What it costs

Written by `make bench` on {date}; every figure was measured then, on one machine, each contender against a named peer
in the same run. Read the ratios: absolute figures belong to the machine.

- Machine: {machine}
- Libraries: {libraries}
- {company}
"""


def main() -> int:
    quick = measure.options(__doc__ or "").quick
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    facts = {"machine": measure.machine(), "libraries": libraries, "company": measure.company()}
    parts = [HEAD.format(date=datetime.now(UTC).date(), **facts)]
    for module, title in SECTIONS.items():
        print(f"{title}…", flush=True)
        argv = [sys.executable, "-m", f"benchmarks.{module}", *(["--quick"] if quick else [])]
        done = subprocess.run(argv, cwd=measure.ROOT, stdout=subprocess.PIPE, text=True, check=True)
        print(done.stdout)
        parts.append(section(module, title, done.stdout))
    if not quick:
        PAGE.write_text("\n".join(parts), encoding="utf-8")
        print(f"{PAGE} is written.")
    return 0


def section(module: str, title: str, figures: str) -> str:
    """Title, what was compared with what, the figures."""
    source = (measure.ROOT / "benchmarks" / f"{module}.py").read_text(encoding="utf-8")
    compared = source.split('"""')[1].strip()
    return f"## {title}\n\n{compared}\n\n{figures.strip()}\n\nSource: `benchmarks/{module}.py`.\n"


if __name__ == "__main__":
    sys.exit(main())
