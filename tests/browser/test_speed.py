"""How fast pages come and answer: as Lighthouse sees them on a slow phone, and as a hand feels a busy page.

Shares and layout shifts are held. Times are told in the summary, with what is over the budget: they are the machine's
as much as the page's.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from statistics import quantiles
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fynix import env
from tests.browser.budget import BUDGET, allowed
from tests.browser.world import World, beside
from tests.fynix.test_pilot import Pilot

pytestmark = [pytest.mark.browser, pytest.mark.speed]

Window = Callable[..., Page]
Look = Callable[..., dict[str, Any]]
PAGES = {
    "landing": "home-public", "sign-in": "account_login", "dataset": "dataset-version", "run": "run",
    "model": "model", "sandbox": "sandbox",
}  # fmt: skip
FOR_VISITORS = {"landing", "sign-in"}
REPORT = env.ROOT / ".test-logs" / "speed.txt"
TIMES = ("first_paint_s", "largest_paint_s", "blocking_ms")
SLOWER = 4  # times that the processor is slowed for the hand, as Lighthouse does
TAPS = 20
FELT = """
window.felt = new Map();
new PerformanceObserver((list) => list.getEntries().filter((entry) => entry.interactionId).forEach((entry) => {
    felt.set(entry.interactionId, Math.max(felt.get(entry.interactionId) ?? 0, entry.duration));
})).observe({type: "event", durationThreshold: 16, buffered: true});
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
    if (!entry.hadRecentInput) shifted += entry.value;
})).observe({type: "layout-shift", buffered: true});
"""


@pytest.fixture(scope="module")
def look(chromium_path: str) -> Iterator[Look]:
    """Lighthouse, as tests/browser/lighthouse.mjs runs it."""
    node = shutil.which("node")
    if node is None or not (env.ROOT / "node_modules" / "lighthouse").is_dir():
        pytest.skip("needs Lighthouse: npm ci")
    argv = [node, str(env.ROOT / "tests" / "browser" / "lighthouse.mjs")]
    surroundings = {**os.environ, "CHROME_PATH": chromium_path}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=surroundings) as running:
        yield lambda **wish: _asked(running, wish)
        running.communicate()


def _asked(lighthouse: subprocess.Popen[str], wish: dict[str, Any]) -> dict[str, Any]:
    assert lighthouse.stdin is not None
    assert lighthouse.stdout is not None
    lighthouse.stdin.write(json.dumps(wish) + "\n")
    lighthouse.stdin.flush()
    found: dict[str, Any] = json.loads(lighthouse.stdout.readline())
    assert "error" not in found, found
    return found


def report(line: str) -> None:
    """Say it in the summary of `make test`."""
    REPORT.parent.mkdir(exist_ok=True)
    with REPORT.open("a") as told:
        told.write(line + "\n")


def slow(found: dict[str, Any], part: dict[str, Any], ending: str) -> list[str]:
    """The times that are over the budget with its allowance, and the share that Lighthouse makes of them."""
    figures, share = found["figures"], found["shares"]["performance"]
    limits = {name: part.get(name.replace("_s", f"{ending}_s"), part[name]) for name in TIMES}
    over = [f"{name} {figures[name]:.2f}" for name, limit in limits.items() if figures[name] > allowed(limit)]
    return over + ([f"performance {share}"] if share < part["lighthouse"]["performance"] else [])


@pytest.mark.parametrize("desktop", [False, True], ids=["phone", "desktop"])
@pytest.mark.parametrize("name", PAGES)
def test_lighthouse_keeps_to_the_budget(look: Look, world: World, address: str, name: str, desktop: bool) -> None:
    if desktop and name != "landing":
        pytest.skip("on a desktop the landing is the heaviest page")
    part = BUDGET["landing" if name == "landing" else "app"]
    url = address + world.address(PAGES[name])
    cookies = [] if name in FOR_VISITORS else [_cookie(each) for each in world.mia.cookies["cookies"]]
    wish = {"url": url, "desktop": desktop, "categories": list(part["lighthouse"]), "cookies": cookies}
    runs: list[dict[str, Any]] = []
    verdicts: list[list[str]] = []
    while not decided(verdicts, at_once=name != "landing"):
        runs.append(look(**wish))
        assert runs[-1]["final"] == url
        verdicts.append(slow(runs[-1], part, "_desktop" if desktop else ""))
    held = verdicts.count([]) * 2 >= len(verdicts)
    verdict = "within the budget" if held else f"over the budget: {verdicts}"
    report(f"{name} {'desktop' if desktop else 'phone'}: {verdict}; {' | '.join(map(said, runs))}")

    hard = {key: share for key, share in part["lighthouse"].items() if key != "performance"}
    assert {key: runs[0]["shares"][key] for key in hard} == hard, runs[0]["failing"]
    assert max(run["figures"]["layout_shift"] for run in runs) <= part["layout_shift"]


def decided(verdicts: list[list[str]], *, at_once: bool) -> bool:
    """Whether the median of three runs is known: two agree, or the first was good and that is enough."""
    good = verdicts.count([])
    return good > 1 or len(verdicts) - good > 1 or (at_once and good == len(verdicts) == 1)


def said(run: dict[str, Any]) -> str:
    """A run in one line."""
    shares = "/".join(str(share) for share in run["shares"].values())
    figures = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in run["figures"].items())
    return f"{shares}, {figures}, machine {run['speed']:.0f}"


def test_a_busy_run_page_answers_at_once_and_does_not_jump(window: Window, world: World, pilot: Pilot) -> None:
    script = f"from tests.browser import talker; talker.talk({world.mia.project!r})"
    argv = [sys.executable, str(env.ROOT / "manage.py"), "shell", "--no-imports", "-c", script]
    place = {"cwd": env.ROOT, "env": beside(pilot.data), "text": True}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **place) as talker:
        assert talker.stdout is not None
        number = talker.stdout.readline().strip()
        try:
            page = window(world.mia)
            page.add_init_script(FELT)
            page.goto(f"/p/{world.mia.project}/runs/{number}")
            expect(page.get_by_text("Live", exact=True)).to_be_visible()
            expect(page.locator("fx-chart canvas").first).to_be_visible()
            devtools = page.context.new_cdp_session(page)
            devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
            before = page.locator(".log-line").count()
            for tap in range(TAPS):
                touch(page, tap)
            devtools.send("Emulation.setCPUThrottlingRate", {"rate": 1})
            heard = page.locator(".log-line").count() - before
            felt, shifted = page.evaluate("[[...felt.values()], shifted]")
        finally:
            talker.communicate()

    slowest = quantiles(sorted([*felt, *[16] * (TAPS - len(felt))]), n=4)[2]
    limit = BUDGET["app"]["answer_to_a_tap_ms"]
    verdict = "within the budget" if slowest <= allowed(limit) else f"over the budget of {limit} ms"
    report(f"run page at 20 events a second: a tap takes {slowest:.0f} ms (p75), {verdict}; layout shift {shifted:.4f}")
    assert heard > 0
    assert shifted <= BUDGET["app"]["layout_shift"]


def touch(page: Page, tap: int) -> None:
    """Something that a person does while it trains: read a value, open the table, read the log."""
    chart = page.locator("fx-chart").first
    if tap % 4 == 0:
        chart.get_by_text("As a table").click()
    elif tap % 4 == 1:
        chart.locator(".chart-plot").press("ArrowLeft")
    elif tap % 4 == 2:
        page.locator("fx-log summary").click()
    else:
        page.get_by_role("heading", level=1).click()
    page.wait_for_timeout(250)


def _cookie(each: Any) -> dict[str, str]:
    return {name: each[name] for name in ("name", "value", "domain", "path")}
