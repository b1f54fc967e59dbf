"""The front page moves in depth without a script, stands still when asked, and its drawings play by hand."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from landing.content import BANDS

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("ada")]  # a server without an owner shows only sign-up

Window = Callable[..., Page]
TRACED = "benchmark,devtools.timeline,disabled-by-default-devtools.timeline,blink.user_timing"
LONG_TASK_US = 50_000
NOTCH_PX = 120  # one notch of a wheel
SHIFTS = """new PerformanceObserver((list) => {
  const moved = list.getEntries().filter((shift) => !shift.hadRecentInput);
  window.shifted = moved.reduce((sum, shift) => sum + shift.value, window.shifted ?? 0);
}).observe({ type: "layout-shift", buffered: true });"""
MOTION = "() => document.getAnimations().length"
PLAYING = """() => document.getAnimations()
  .filter((each) => each.timeline === document.timeline && each.playState === "running").length"""
EVERY_BAND = f"/#{BANDS[-1].key}"  # bands out of sight are left out, but for who came by a link to one of them
THERE = """(key) => new Promise((done) => {
  const top = () => document.getElementById(key).getBoundingClientRect().top;
  const before = top();
  setTimeout(() => done(top() === before && before > 0 && before < 200), 200);
})"""
# Where the words of the page are; what moves must not carry them further than this.
WORD_TRAVEL_PX = 28


def opened(window: Window, address: str = "/", **options: Any) -> Page:
    page = window(None, **options)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    return page


def scroll_through(page: Page) -> list[Any]:
    """Scroll over the whole page as a wheel does; what the browser traced of it."""
    cdp = page.context.new_cdp_session(page)
    events: list[Any] = []
    done: list[bool] = []
    cdp.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    cdp.on("Tracing.tracingComplete", lambda _: done.append(True))
    height = page.evaluate("() => document.documentElement.scrollHeight - innerHeight")
    cdp.send("Tracing.start", {"transferMode": "ReportEvents", "categories": TRACED})
    page.mouse.move(400, 400)
    for _ in range(0, height + NOTCH_PX, NOTCH_PX):
        page.mouse.wheel(0, NOTCH_PX)
        page.wait_for_timeout(30)
    page.wait_for_timeout(500)
    cdp.send("Tracing.end")
    for _ in range(100):
        if done:
            break
        page.wait_for_timeout(100)
    assert done, "the trace did not end"
    # A band has its true height only once it came near, so the end is asked for at the end.
    assert page.evaluate("() => document.documentElement.scrollHeight - innerHeight - scrollY") <= 2
    return events


def busy(events: list[Any]) -> list[int]:
    """How long each task kept the page's main thread, in µs of its processor: a busy machine does not lengthen them."""
    named = [event for event in events if event["name"] == "thread_name"]
    mains = {(each["pid"], each["tid"]) for each in named if each["args"]["name"] == "CrRendererMain"}
    return [event["tdur"] for event in events if event["name"] == "RunTask" and (event["pid"], event["tid"]) in mains]


def test_scrolling_runs_no_script_and_lays_out_hardly_anything(window: Window) -> None:
    page = window(None)
    page.add_init_script(SHIFTS)
    page.goto("/")
    page.wait_for_load_state("networkidle")
    page.evaluate("() => { for (const image of document.images) image.loading = 'eager'; }")
    page.wait_for_load_state("networkidle")
    events = scroll_through(page)
    counts, tasks = Counter(event["name"] for event in events), busy(events)
    assert len(tasks) > 100
    assert max(tasks) <= LONG_TASK_US
    assert counts["FunctionCall"] == 0
    assert counts["Layout"] <= 2 * (len(BANDS) + 2)
    assert page.evaluate("() => window.shifted ?? 0") <= 0.01


def test_pictures_that_come_while_scrolling_move_nothing(window: Window) -> None:
    page = window(None)
    page.add_init_script(SHIFTS)
    page.goto("/")
    page.wait_for_load_state("networkidle")
    scroll_through(page)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("() => [...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert page.evaluate("() => window.shifted ?? 0") <= 0.01


@pytest.mark.parametrize("key", [band.key for band in BANDS])
def test_every_band_has_layers_that_move_at_their_own_speed(window: Window, key: str) -> None:
    page = opened(window)
    travels = travelled(page, f"#{key}")
    far, near = travels[".far"], travels[".near"]
    assert abs(far) > 20
    assert abs(near) > 60
    assert far * near < 0
    if ".scene > svg" in travels:
        assert 0 < abs(travels[".scene > svg"]) <= WORD_TRAVEL_PX


def travelled(page: Page, band: str) -> dict[str, float]:
    """How far each layer of a band moves against the page while the band passes the screen, in px."""
    found = page.evaluate(
        """async (band) => {
          const root = document.querySelector(band);
          const layers = [".far", ".near", ".scene > svg"].filter((name) => root.querySelector(name));
          const at = async (top) => {
            scrollTo({ top, behavior: "instant" });
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            const base = root.getBoundingClientRect().top;
            return layers.map((name) => root.querySelector(name).getBoundingClientRect().top - base);
          };
          const top = root.getBoundingClientRect().top + scrollY;
          const before = await at(top - innerHeight + 40);
          const after = await at(top + root.offsetHeight - 40);
          return layers.map((name, index) => [name, after[index] - before[index]]);
        }""",
        band,
    )
    return dict(found)


def test_on_a_phone_only_decoration_moves_and_hardly(window: Window) -> None:
    page = opened(window, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    for key in ("upload", "watch", "take"):
        travels = travelled(page, f"#{key}")
        assert 0 < abs(travels[".far"]) <= 12.5
        assert 0 < abs(travels[".near"]) <= 12.5
        assert travels[".scene > svg"] == pytest.approx(0, abs=0.5)


def test_whoever_wants_less_motion_gets_none(window: Window) -> None:
    page = opened(window, EVERY_BAND, reduced_motion="reduce")
    assert page.evaluate(MOTION) == 0
    expect(page.get_by_role("button", name="Play:")).to_have_count(0)


def test_the_stop_switch_stops_everything_and_is_remembered(window: Window) -> None:
    page = opened(window, EVERY_BAND)
    assert page.evaluate(MOTION) > 20
    switch = page.get_by_role("switch", name="Stop motion")
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).to_be_checked()
    assert page.evaluate(MOTION) == 0
    page.reload()
    expect(page.get_by_role("switch", name="Stop motion")).to_be_checked()
    assert page.evaluate(MOTION) == 0
    expect(page.get_by_role("button", name="Play:")).to_have_count(0)


def test_the_stop_switch_needs_no_script(window: Window) -> None:
    page = opened(window, java_script_enabled=False)
    expect(page.get_by_role("heading", level=2)).to_have_count(len(BANDS) + 3)
    expect(page.get_by_role("button")).to_have_count(0)
    page.get_by_role("switch", name="Stop motion").check()
    assert page.locator("#upload .far").evaluate("layer => getComputedStyle(layer).animationName") == "none"


def test_nothing_plays_by_itself_and_every_drawing_is_paused_by_the_keyboard(window: Window) -> None:
    page = opened(window)
    buttons = page.get_by_role("button", name="Play:")
    expect(buttons).to_have_count(sum(bool(band.play) for band in BANDS))
    assert page.evaluate(PLAYING) == 0
    for at in range(buttons.count()):
        button = buttons.nth(at)
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_have_attribute("aria-pressed", "true")
        assert page.evaluate(PLAYING) > 0
        page.keyboard.press("Enter")
        expect(button).to_have_attribute("aria-pressed", "false")
        assert page.evaluate(PLAYING) == 0


def test_a_drawing_that_has_played_is_its_picture_again(window: Window) -> None:
    page = opened(window)
    button = page.get_by_role("button", name="Play: an upload that loses its connection")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.evaluate("() => document.getAnimations().find((each) => each.animationName === 'clock').finish()")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert page.evaluate(PLAYING) == 0
    assert page.locator("#upload .demo[data-play]").count() == 0


@pytest.mark.parametrize("width", [320, 390, 640, 820, 1024, 1280, 1600])
def test_the_page_fits_every_screen(window: Window, width: int) -> None:
    page = opened(window, viewport={"width": width, "height": 800})
    assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_policy_lets_the_structured_data_be(window: Window) -> None:
    page = window(None)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto("/")
    page.wait_for_load_state("networkidle")
    assert complaints == []
    assert '"@type":"SoftwareApplication"' in page.locator('script[type="application/ld+json"]').inner_text()


def test_a_dark_screen_gets_dark_photographs(window: Window) -> None:
    page = opened(window, color_scheme="dark")
    page.locator("#understand .photo img").scroll_into_view_if_needed()
    expect(page.locator("#understand .photo img")).to_have_js_property("complete", value=True)
    assert "-wide-dark-" in page.locator("#understand .photo img").evaluate("image => image.currentSrc")


def test_printed_it_is_words_and_pictures_on_white(window: Window) -> None:
    page = opened(window)
    page.emulate_media(media="print")
    expect(page.locator(".lead-bar")).to_be_hidden()
    expect(page.locator(".far").first).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.locator(".hero").evaluate("hero => getComputedStyle(hero).backgroundImage") == "none"


def test_the_first_view_is_few_requests(window: Window) -> None:
    page = window(None)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    page.wait_for_load_state("networkidle")
    assert len([url for url in asked if "/img/shots/" not in url]) <= 14, json.dumps(asked)
    assert len([url for url in asked if url.endswith(".css")]) == 1, json.dumps(asked)


@pytest.mark.parametrize("size", [(390, 844), (1280, 900)], ids=["phone", "laptop"])
def test_a_link_leads_to_its_band_past_bands_that_were_never_seen(window: Window, size: tuple[int, int]) -> None:
    page = opened(window, viewport=dict(zip(("width", "height"), size, strict=True)))
    first = page.evaluate("() => getComputedStyle(document.querySelector('#start')).contentVisibility")
    assert first == "auto"
    for key in ("take", "understand"):
        page.locator(f".loop a[href='#{key}']").press("Enter")
        page.wait_for_function(THERE, arg=key)
