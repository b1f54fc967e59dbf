"""What a screen reader is told of the main pages: landmarks and headings, compared with files in `outlines/`.

A page that changed on purpose renews its file: `RENEW_OUTLINES=1 .venv/bin/pytest tests/browser/test_outlines.py`; read
the difference before you commit it.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.world import Person, World

pytestmark = [pytest.mark.browser, pytest.mark.gates]

Window = Callable[..., Page]
FILES = Path(__file__).parent / "outlines"
MAIN = (
    "home-public", "account_login", "account_signup", "home", "project", "datasets", "dataset-version",
    "run-new", "run",
    "runs", "models", "model", "model-version", "model-promote", "sandbox", "project-settings",
    "docs",
)  # fmt: skip
ROLES = "banner|navigation|main|complementary|contentinfo|region|search|form|heading"
LINE = re.compile(rf"^(?P<depth> *)- '?(?P<what>(?:{ROLES})\b.*?):?'?$")
VARIES = re.compile(r"\d[\d.,]*")  # figures belong to the day and to the data, not to the page


def outline(page: Page) -> str:
    """Landmarks and headings of the page that is open, nested as they are."""
    found = filter(None, map(LINE.match, page.locator("body").aria_snapshot().splitlines()))
    kept = [(len(line["depth"]), _said(line["what"])) for line in found]
    return "".join(f"{'  ' * _above(kept, at)}{words}\n" for at, (_, words) in enumerate(kept))


def _said(what: str) -> str:
    """The role, the name without its figures, and the level of a heading."""
    named, level, _ = re.split(r"(\[level=\d\]|$)", what, maxsplit=1)
    return VARIES.sub("#", named).strip() + (f" {level}" if level else "")


def _above(kept: list[tuple[int, str]], at: int) -> int:
    """How many of the kept lines hold this one."""
    depth, above = kept[at][0], 0
    for other, _ in reversed(kept[:at]):
        if other < depth:
            depth, above = other, above + 1
    return above


@pytest.mark.parametrize("route", MAIN)
def test_a_screen_reader_finds_the_same_landmarks_and_headings(
    window: Window, world: World, ada: Person, route: str
) -> None:
    page = window(None if route in {"home-public", "account_login", "account_signup"} else world.mia)
    page.goto(world.address(route))
    told, file = outline(page), FILES / f"{route}.txt"
    if os.environ.get("RENEW_OUTLINES"):
        FILES.mkdir(exist_ok=True)
        file.write_text(told)
    assert told == file.read_text()
