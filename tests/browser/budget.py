"""What a page may cost, from docs/performance-budget.toml, and its table for docs/performance-budget.md.

`python -m tests.browser.budget` writes the table anew.
"""

import tomllib
from typing import Any

from fynix import env

FIGURES = env.ROOT / "docs" / "performance-budget.toml"
PAGE = env.ROOT / "docs" / "performance-budget.md"
BEGIN, END = "<!-- from performance-budget.toml -->\n", "<!-- until here -->\n"
BUDGET: dict[str, Any] = tomllib.loads(FIGURES.read_text())
UNITS = {"s": "s", "ms": "ms", "kib": "KiB"}


def allowed(figure: float) -> float:
    """The most that a time may be on a machine that others use too."""
    return figure * (1 + float(BUDGET["times"]["allowance"]))


def table() -> str:
    """The budget as Markdown."""
    parts = [_flat(BUDGET[name]) for name in ("landing", "app", "administration")]
    lines = ["| figure | landing | application | administration |", "|---|---|---|---|"]
    for name in {**parts[0], **parts[1]}:
        limits = " | ".join(_limit(name, part) for part in parts)
        lines.append(f"| {_words(name)} | {limits} |")
    return "\n".join(lines) + "\n"


def _flat(part: dict[str, Any]) -> dict[str, float]:
    shares = {f"Lighthouse {name}": share for name, share in part.get("lighthouse", {}).items()}
    return {**{name: limit for name, limit in part.items() if name != "lighthouse"}, **shares}


def _words(name: str) -> str:
    words = name.rpartition("_")[0] if name.rpartition("_")[2] in UNITS else name
    return words.replace("_", " ").replace("js", "script")


def _limit(name: str, part: dict[str, float]) -> str:
    if name not in part:
        return ""
    if name.startswith("Lighthouse"):
        return f"{part[name]} or more"
    unit = UNITS.get(name.rpartition("_")[2], "")
    return f"{part[name]} {unit}".strip() if part[name] else "none"


def printed() -> str:
    """The table as the page has it."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    text = PAGE.read_text()
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    PAGE.write_text(before + BEGIN + table() + END + after)


if __name__ == "__main__":
    main()
