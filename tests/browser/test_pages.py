"""Every page in every way of looking: without a fault that axe knows, quiet, at home, light, and within the screen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import brotli
import pytest
from playwright.sync_api import Page, Request, Response

from fynix import env
from tests.browser.budget import BUDGET
from tests.browser.sights import NO_PAGE, SPECIAL, Sight, sights
from tests.browser.world import Person, World
from tests.contracts.test_access_matrix import ALLAUTH, TABLE

pytestmark = [pytest.mark.browser, pytest.mark.gates]

Window = Callable[..., Page]
LAPTOP, PHONE, ZOOMED = ({"width": w, "height": h} for w, h in ((1280, 900), (320, 640), (640, 400)))
SIGHTS = sights()
AXE = env.ROOT / "node_modules" / "axe-core" / "axe.min.js"
EVERYTHING = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
DJANGOS = ["empty-table-header"]  # a good custom, not WCAG; Django's tables of parts have two such cells
# A page whose policy forbids inline styles refuses axe's own way of reading sheets, and says so; it is not needed.
ASK_AXE = """([by, rules, without]) => axe.run(document, {runOnly: {type: by, values: rules}, preload: false,
    resultTypes: ["violations"], rules: Object.fromEntries(without.map(rule => [rule, {enabled: false}])),
}).then(found => found.violations.flatMap(rule => rule.nodes.map(
    node => `${rule.id} at ${node.target.join(" ")}: ${node.html.slice(0, 120)}`)))"""
# A colour that is still fading from one look to the next is no colour to judge. What is folded away or scrolled out of
# sight stands still in the middle of its fading for ever, so nobody waits longer than the longest takes.
SETTLED = """() => Promise.race([new Promise(resolve => setTimeout(resolve, 1000)),
    Promise.all(document.getAnimations().filter(each => each instanceof CSSTransition)
        .map(each => each.finished.catch(() => 0)))]).then(() => null)"""
WATCH = """
document.addEventListener("securitypolicyviolation", (event) =>
    refused(`${event.violatedDirective} refused ${event.blockedURI} in ${event.sourceFile}:${event.lineNumber}`));
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
    if (!entry.hadRecentInput) shifted += entry.value;
})).observe({type: "layout-shift", buffered: true});
"""
FACTS = """() => ({lang: document.documentElement.lang, title: document.title,
    heads: document.querySelectorAll("h1").length, mains: document.querySelectorAll("main, [role=main]").length})"""
# What is pressed is at least 24 px in each direction, but for links within a sentence (WCAG 2.5.8).
SMALL_TARGETS = """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")]
  .filter((each) => each.checkVisibility() && !each.closest("p, .help, .vh, .skip-to-content-link"))
  .map((each) => [each.outerHTML.slice(0, 90), each.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.height < 23.5 || box.width < 23.5) && box.top >= 0)
  .map(([what, box]) => `${what} ${Math.round(box.width)} x ${Math.round(box.height)}`)"""
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
KINDS = {"document": "html_kib", "stylesheet": "css_kib", "script": "js_kib", "font": "font_kib"}


@dataclass
class Visit:
    """What was seen and heard while a page was open."""

    host: str
    complaints: list[str] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    came: list[Request] = field(default_factory=list)

    def hear(self, message: Any) -> None:
        known = any(words in message.text for words in ("status of 40", "ERR_FAILED"))  # the latter: letters kept back
        if message.type in {"error", "warning"} and not known:
            self.complaints.append(f"says: {message.text}")

    def hear_refusal(self, words: str) -> None:
        self.complaints.append(words)

    def meet(self, request: Request) -> None:
        self.came.append(request)

    def follow(self, request: Request) -> None:
        self.asked.append(request)
        to = urlsplit(request.url)
        if to.scheme not in {"data", "blob"} and to.netloc != self.host:
            self.complaints.append(f"asks {to.netloc}")

    def heavy(self, part: dict[str, Any]) -> list[str]:
        """What weighs more than this part of the budget allows. A page reached in several steps has a warm cache."""
        if sum(each.is_navigation_request() for each in self.asked) > 1:
            return []
        weights: dict[str, float] = dict.fromkeys((*KINDS.values(), "transfer_kib", "requests"), 0)
        for request in self.came:
            answer = request.response() if request.url.startswith("http") else None
            if answer is not None:
                sizes = request.sizes()
                weights["requests"] += 1
                weights["transfer_kib"] += (sizes["responseBodySize"] + sizes["responseHeadersSize"]) / 1024
                if request.resource_type in KINDS:
                    weights[KINDS[request.resource_type]] += _compressed(answer) / 1024
        over = {name: size for name, size in weights.items() if size > part[name]}
        return [f"{name} is {size:.1f}, allowed are {part[name]}" for name, size in over.items()]


def _compressed(answer: Response) -> int:
    """Bytes as a browser gets them over TLS; without it browsers ask for gzip only."""
    body = answer.body()
    return len(body) if answer.request.resource_type == "font" else _small(body)


@cache
def _small(body: bytes) -> int:
    return len(brotli.compress(body))


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("needs axe-core: npm ci")
    return AXE.read_text()


@pytest.fixture
def visited(window: Window, world: World, ada: Person, ben: Person, address: str) -> Callable[[Sight], Any]:
    """`visited(sight)` opens a page as its person does, and listens from the first byte on."""
    people = {None: None, "mia": world.mia, "vic": world.vic, "ada": ada, "ben": ben}

    def come(sight: Sight) -> tuple[Page, Visit]:
        page, visit = window(people[sight.who], viewport=LAPTOP), Visit(urlsplit(address).netloc)
        page.expose_function("refused", visit.hear_refusal)
        page.add_init_script(WATCH)
        page.on("console", visit.hear)
        page.on("pageerror", lambda error: visit.complaints.append(f"breaks: {error}"))
        page.on("request", visit.follow)
        page.on("requestfinished", visit.meet)
        sight.come(page, world)
        page.wait_for_load_state("load")
        return page, visit

    return come


def test_every_address_is_a_page_or_says_why_not() -> None:
    answers = {name for name, needs in TABLE.items() if "GET" in needs} | set(ALLAUTH)
    known = {each.name for each in SIGHTS} | set(NO_PAGE)
    assert {name for name in answers if not name.startswith(("api-", "health-"))} <= known
    assert {name for name in [*NO_PAGE, *SPECIAL] if ":" not in name} <= answers


@pytest.mark.parametrize("sight", SIGHTS, ids=[each.name for each in SIGHTS])
def test_each_page_in_every_way_of_looking(visited: Callable[[Sight], Any], axe: str, sight: Sight) -> None:
    page, visit = visited(sight)
    part = BUDGET[_part(sight)]
    faults = [*_facts(page), *visit.heavy(part), *_shifts(page, part["layout_shift"])]
    if sight.name.startswith("admin:"):
        faults += [f"small: {each}" for each in page.evaluate(SMALL_TARGETS)]
    page.evaluate(axe)
    faults += _asked(page, sight, "light")
    page.emulate_media(color_scheme="dark")
    faults += _asked(page, sight, "dark", only=COLOURS)
    # Here the system chooses the colours, and axe reads those that the page would have had.
    page.emulate_media(color_scheme="light", forced_colors="active")
    faults += _asked(page, sight, "forced colours", without=COLOURS)
    page.emulate_media(forced_colors="none")
    page.evaluate("() => { document.documentElement.dir = 'rtl' }")
    faults += _wide(page, "from right to left")
    page.set_viewport_size(ZOOMED)
    faults += _wide(page, "from right to left at 200 %")
    page.evaluate("() => { document.documentElement.dir = 'ltr' }")
    faults += _wide(page, "at 200 %")

    page.set_viewport_size(PHONE)
    page.emulate_media(reduced_motion="reduce")
    page.route("**/*.woff2", lambda asked: asked.abort())  # a slow line: the wider letters of the machine stand first
    page.reload()
    page.evaluate(axe)
    faults += _asked(page, sight, "320 px without motion") + _wide(page, "at 320 px")
    faults += _moves(page)
    assert faults + visit.complaints == []


def _facts(page: Page) -> list[str]:
    """What is wrong with the frame of the page."""
    facts = page.evaluate(FACTS)
    found = [] if facts["lang"].startswith("en") and facts["title"] else ["has no language or no title"]
    return found + [f"has {facts[name]} {name}" for name in ("heads", "mains") if facts[name] != 1]


def _part(sight: Sight) -> str:
    """The part of the budget that it keeps to."""
    if sight.name == "home-public":
        return "landing"
    return "administration" if sight.name.startswith("admin:") else "app"


def _shifts(page: Page, most: float) -> list[str]:
    shifted = page.evaluate("shifted")
    return [f"shifts by {shifted:.3f} while it loads"] if shifted > most else []


def _asked(page: Page, sight: Sight, look: str, only: Sequence[str] = (), without: Sequence[str] = ()) -> list[str]:
    """What axe finds, by all its rules or by some."""
    page.evaluate(SETTLED)
    by, rules = ("rule", only) if only else ("tag", EVERYTHING)
    spared = [*without, *(DJANGOS if sight.name.startswith("admin:") else ())]
    return [f"{look}: {fault}" for fault in page.evaluate(ASK_AXE, [by, list(rules), spared])]


def _wide(page: Page, look: str) -> list[str]:
    wide = page.evaluate(TOO_WIDE)
    return [f"{look}: is {wide} px too wide"] if wide > 0 else []


def _moves(page: Page) -> list[str]:
    moving = page.evaluate("() => document.getAnimations().filter(each => each.playState === 'running').length")
    return [f"moves {moving} things for who asked for none"] if moving else []
