"""The components under real fingers: keyboard alone, from the right, at rest, in forced colours."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Person

pytestmark = pytest.mark.browser

Window = Callable[..., Page]


@pytest.fixture
def guide(window: Window, ada: Person) -> Page:
    """Ada looks after the server, so the style guide is open to her."""
    page = window(ada)
    page.goto("/styleguide")
    return page


def specimen(page: Page, name: str) -> Locator:
    return page.locator(f'[data-specimen="{name}"]')


def test_a_dialog_keeps_the_focus_and_gives_it_back(guide: Page) -> None:
    opener = specimen(guide, "dialog").get_by_role("button", name="Copy a link")
    opener.focus()
    guide.keyboard.press("Enter")
    window = guide.get_by_role("dialog", name="Copy a link")
    expect(window).to_be_visible()
    for _ in range(6):
        guide.keyboard.press("Tab")
        behind = "document.activeElement.closest('main') && !document.activeElement.closest('dialog')"
        assert not guide.evaluate(behind)
    guide.keyboard.press("Escape")
    expect(window).to_be_hidden()
    expect(opener).to_be_focused()


def test_a_menu_is_walked_with_arrows_and_closed_with_escape(guide: Page) -> None:
    menu = specimen(guide, "menu").locator("details").first
    button = menu.locator("summary")
    button.focus()
    guide.keyboard.press("ArrowDown")
    expect(menu.get_by_role("link", name="Open")).to_be_focused()
    guide.keyboard.press("ArrowDown")
    expect(menu.get_by_role("link", name="Download")).to_be_focused()
    guide.keyboard.press("End")
    expect(menu.get_by_role("button", name="Copy the link")).to_be_focused()  # what is disabled is passed over
    guide.keyboard.press("ArrowDown")
    expect(menu.get_by_role("link", name="Open")).to_be_focused()
    guide.keyboard.press("Escape")
    expect(menu.get_by_role("link", name="Open")).to_be_hidden()
    expect(button).to_be_focused()


def test_a_menu_that_is_left_closes(guide: Page) -> None:
    menu = specimen(guide, "menu").locator("details").first
    menu.locator("summary").focus()
    guide.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    for _ in range(5):
        guide.keyboard.press("Tab")
    expect(menu).not_to_have_attribute("open", "")


def test_tabs_are_one_stop_and_arrows_choose(guide: Page) -> None:
    tabs = specimen(guide, "tabset")
    tabs.get_by_role("tab", name="Python").focus()
    guide.keyboard.press("ArrowRight")
    expect(tabs.get_by_role("tab", name="Shell")).to_be_focused()
    expect(tabs.get_by_role("tab", name="Shell")).to_have_attribute("aria-selected", "true")
    expect(tabs.get_by_role("tabpanel", name="Shell")).to_be_visible()
    expect(tabs.get_by_role("tabpanel", name="Python")).to_be_hidden()
    guide.keyboard.press("ArrowRight")
    guide.keyboard.press("ArrowRight")
    expect(tabs.get_by_role("tab", name="Python")).to_be_focused()
    guide.keyboard.press("End")
    expect(tabs.get_by_role("tab", name="ONNX")).to_be_focused()
    guide.keyboard.press("Tab")
    expect(tabs.get_by_role("tabpanel", name="ONNX")).to_be_focused()


def test_tabs_without_scripts_are_all_there(window: Window, ada: Person) -> None:
    page = window(ada, java_script_enabled=False)
    page.goto("/styleguide")
    expect(specimen(page, "tabset").get_by_text("Any ONNX runtime reads it.", exact=True)).to_be_visible()
    expect(specimen(page, "tabset").get_by_role("heading", name="Shell")).to_be_visible()


def test_an_explanation_comes_with_the_focus_and_goes_with_escape(guide: Page) -> None:
    word = specimen(guide, "tooltip").locator(".tip")
    words = specimen(guide, "tooltip").get_by_role("tooltip", include_hidden=True)
    expect(words).to_be_hidden()
    word.focus()
    expect(words).to_be_visible()
    guide.keyboard.press("Escape")
    expect(words).to_be_hidden()
    guide.mouse.move(0, 0)
    guide.evaluate("document.activeElement.blur()")
    word.hover()
    expect(words).to_be_visible()
    words.hover()
    expect(words).to_be_visible()
    guide.keyboard.press("Escape")
    expect(words).to_be_hidden()


def test_a_toast_is_announced_without_taking_the_focus(guide: Page) -> None:
    button = specimen(guide, "toast").get_by_role("button", name="Copy")
    button.focus()
    guide.keyboard.press("Enter")
    region = guide.locator("#toasts")
    expect(region).to_have_text("Copied.")
    expect(region).to_have_attribute("role", "status")
    expect(button).to_be_focused()
    guide.keyboard.press("Escape")
    expect(region).to_be_empty()


def test_a_button_is_busy_while_its_form_is_on_the_way(guide: Page) -> None:
    asked: list[str] = []
    guide.on("request", lambda request: asked.append(request.url) if "?q=" in request.url else None)
    button = specimen(guide, "form").locator("form").last.get_by_role("button")
    # The answer goes elsewhere, so that the page stays to be looked at.
    button.evaluate(
        """(node) => { const frame = document.createElement("iframe"); frame.name = "elsewhere";
             document.body.append(frame); node.form.target = frame.name; }"""
    )
    button.click()
    expect(button).to_have_text("Finding…")
    expect(button).to_have_attribute("aria-busy", "true")
    button.click()
    guide.wait_for_timeout(300)
    assert len(asked) == 1


def test_the_summary_of_a_form_leads_to_the_field(guide: Page) -> None:
    form = specimen(guide, "form").locator("form").first
    form.get_by_role("link", name="E-mail: Enter a valid email address.").focus()
    guide.keyboard.press("Enter")
    guide.keyboard.press("Tab")  # from the field it leads to, on to the next
    expect(form.get_by_role("button", name="Save")).to_be_focused()


def test_the_guide_fits_from_the_right_too(window: Window, ada: Person) -> None:
    page = window(ada, viewport={"width": 320, "height": 640})
    page.goto("/styleguide?dir=rtl")
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) == 0
    label, box = specimen(page, "field").locator("label").first, specimen(page, "field").locator("input").first
    right = "node => Math.round(node.getBoundingClientRect().right)"
    turned = specimen(page, "button").locator(".icon-turns").first
    assert turned.evaluate("node => getComputedStyle(node).scale") == "-1 1"
    assert abs(label.evaluate(right) - box.evaluate(right)) <= 1


def test_nothing_moves_for_who_asked_for_rest(window: Window, ada: Person) -> None:
    page = window(ada, reduced_motion="reduce")
    page.goto("/styleguide")
    page.wait_for_timeout(400)
    moving = page.evaluate(
        """() => document.getAnimations().filter((each) => each.playState === "running").map(
             (each) => each.animationName ?? each.transitionProperty)"""
    )
    assert moving == []
    expect(specimen(page, "skeleton").locator(".skeleton").first).to_be_visible()


def test_a_skeleton_waits_before_it_is_seen(guide: Page) -> None:
    seen = guide.evaluate(
        """() => { const old = document.querySelector(".skeleton"), fresh = old.cloneNode(true);
             old.after(fresh);
             const first = getComputedStyle(fresh).visibility;
             const later = (done) => setTimeout(() => done([first, getComputedStyle(fresh).visibility]), 600);
             return new Promise(later); }"""
    )
    assert seen == ["hidden", "visible"]


def test_in_forced_colours_every_button_keeps_an_edge(window: Window, ada: Person) -> None:
    page = window(ada, forced_colors="active")
    page.goto("/styleguide")
    bare = page.evaluate(
        """() => [...document.querySelectorAll(".btn, .card, .badge")].filter(
             (each) => getComputedStyle(each).borderTopWidth === "0px").length"""
    )
    assert bare == 0
