"""`make bench`: every benchmark once, and docs/benchmarks.md written anew from what they say.

With names (`python -m benchmarks bench_profile`), only those, and only their sections are written anew.
"""

import re
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

Written by `make bench`; every figure was measured on one machine, each contender against a named peer in the same run,
on the day and beside the work that its section names. Read the ratios: absolute figures belong to the machine.

- Machine: {machine}
- Libraries: {libraries}
"""


def main() -> int:
    parser = measure.parser(__doc__ or "")
    parser.add_argument("only", nargs="*", metavar="bench", help=f"which ones, instead of all: {', '.join(SECTIONS)}")
    asked = parser.parse_args()
    if unknown := set(asked.only) - SECTIONS.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    parts = written() if asked.only else {}
    for module in asked.only or SECTIONS:
        print(f"{SECTIONS[module]}…", flush=True)
        company = measure.company()
        argv = [sys.executable, "-m", f"benchmarks.{module}", *(["--quick"] if asked.quick else [])]
        done = subprocess.run(argv, cwd=measure.ROOT, stdout=subprocess.PIPE, text=True, check=True)
        print(done.stdout)
        parts[SECTIONS[module]] = section(module, company, done.stdout)
    if not asked.quick:
        head = HEAD.format(machine=measure.machine(), libraries=libraries)
        PAGE.write_text(
            "\n".join([head, *(parts[title] for title in SECTIONS.values() if title in parts)]), encoding="utf-8"
        )
        print(f"{PAGE} is written.")
    return 0


def written() -> dict[str, str]:
    """The sections that stand on the page, by title."""
    found = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    return {part.partition("\n")[0]: f"## {part.rstrip()}\n" for part in found}


def section(module: str, company: str, figures: str) -> str:
    """Title, what was compared with what, when and beside what, the figures."""
    source = (measure.ROOT / "benchmarks" / f"{module}.py").read_text(encoding="utf-8")
    compared = source.split('"""')[1].strip()
    when = f"Measured on {datetime.now(UTC).date()}. {company}"
    return f"## {SECTIONS[module]}\n\n{compared}\n\n{when}\n\n{figures.strip()}\n\nSource: `benchmarks/{module}.py`.\n"


if __name__ == "__main__":
    sys.exit(main())
