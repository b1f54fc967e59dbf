"""The shell around every page, by keyboard alone: palette, single keys, bell, the tab's title and icon."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person
from tests.browser.test_live import started, version, wait_for_rounds  # noqa: F401

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
DRAWN = re.compile("^data:image/svg")
UNREAD = re.compile(r"Notifications, \d+ unread")


@pytest.fixture(scope="module")
def penguins(ben: Person) -> str:
    """Ben's table, read and ready."""
    return str(ben.program.sample("penguins"))


def icon(page: Page) -> str:
    return str(page.locator("link[rel=icon]").get_attribute("href"))


def test_ben_goes_anywhere_with_the_palette_and_the_keyboard(window: Window, ben: Person, penguins: str) -> None:
    page = window(ben)
    page.goto("/home")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search projects, datasets, runs, models and actions")
    expect(field).to_be_focused()
    page.keyboard.type("peng")
    chosen = page.get_by_role("option", name="Penguins")
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", str(chosen.get_attribute("id")))
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Train a model")).to_be_visible()

    page.wait_for_load_state()
    page.keyboard.press("Control+k")
    page.keyboard.type("train a")
    expect(page.get_by_role("option", name="Train a model")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/runs/new"))
    page.wait_for_load_state()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="Penguins").first).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Visited lately")).to_be_visible()
    before = field.get_attribute("aria-activedescendant")
    page.keyboard.press("ArrowDown")
    expect(field).not_to_have_attribute("aria-activedescendant", str(before))
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()


def test_the_palette_says_when_there_is_nothing_and_enter_opens_the_search_page(window: Window, ben: Person) -> None:
    page = window(ben)
    page.goto("/home")
    page.get_by_role("link", name="Search").click()
    page.keyboard.type("zebra")
    expect(page.get_by_text("Nothing has this name.")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()


def test_without_scripts_the_search_and_the_bell_are_pages(window: Window, ben: Person, penguins: str) -> None:
    page = window(ben, java_script_enabled=False)
    page.goto("/home")
    page.get_by_role("link", name="Search").click()
    page.get_by_label("A name, a number, or what you want to do").fill("peng")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Penguins").click()
    expect(page.get_by_role("link", name="Train a model")).to_be_visible()
    page.get_by_role("link", name="Notifications").click()
    expect(page.get_by_role("heading", name="Notifications", exact=True)).to_be_visible()


def test_single_keys_go_about_but_never_while_somebody_types(window: Window, ben: Person, penguins: str) -> None:
    page = window(ben)
    page.goto(f"/p/{ben.project}")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    for key, heading in (("r", "Runs"), ("m", "Models"), ("d", "Datasets")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.get_by_role("heading", name=heading, exact=True, level=1)).to_be_visible()
        page.wait_for_load_state()  # keys act once the page's scripts are there
    page.keyboard.press("j")
    expect(page.locator("main tbody a").first).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("h")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()

    page.goto("/projects?q=x")
    page.keyboard.press("/")
    field = page.get_by_label("Part of the name")
    expect(field).to_be_focused()
    page.keyboard.type("j/?gh")
    expect(field).to_have_value("j/?gh")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_single_keys_are_turned_off_and_the_palette_stays(window: Window, ben: Person) -> None:
    page = window(ben)
    page.goto("/settings/shortcuts")
    page.locator("main").get_by_role("button", name="Turn single keys off").click()
    expect(page.get_by_role("button", name="Turn single keys on")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.url.endswith("/settings/shortcuts")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Turn single keys on").click()
    expect(page.locator("main").get_by_role("button", name="Turn single keys off")).to_be_visible()


def test_many_projects_are_filtered_in_the_switcher(window: Window, ben: Person) -> None:
    for number in range(12):
        ben.program.post("projects", name=f"Study {number}")
    page = window(ben)
    page.goto("/home")
    page.locator(".switcher > summary").click()
    page.get_by_label("Filter your projects").fill("study 11")
    shown = page.locator("#switcher-list a:visible")
    expect(shown).to_have_text(["Study 11"])
    page.get_by_label("Filter your projects").fill("zebra")
    expect(page.get_by_text("No project has this name.")).to_be_visible()


def test_a_run_shows_in_the_title_the_icon_home_and_the_bell(window: Window, mia: Person, version: str) -> None:  # noqa: F811
    run = started(mia, version)
    page, home = window(mia), window(mia)
    page.goto(f"/p/{mia.project}/runs/{run['number']}")
    home.goto("/home")
    expect(home.locator("[data-job]")).to_have_count(1)
    wait_for_rounds(mia, run, 20)
    expect(page).to_have_title(re.compile(r"^[0-9]+ % · "))
    expect(page.locator("link[rel=icon]")).to_have_attribute("href", DRAWN)
    expect(home.locator("[data-job] progress").first).to_have_attribute("value", re.compile("[1-9]"))
    mia.program.ended(run["task_id"])

    expect(page.get_by_role("heading", name="What mattered")).to_be_visible()
    assert "favicon" in icon(page)
    expect(home.get_by_text("Nothing runs at the moment.")).to_be_visible()
    expect(home.get_by_role("link", name=UNREAD)).to_be_visible()
    # The version's files are made and proved in the meantime, one format after the other.
    expect(page.get_by_role("status").filter(has_text="is ready").first).to_be_visible()
    expect(page.get_by_role("link", name=UNREAD)).to_be_visible()

    home.goto("/notifications")
    home.get_by_role("link", name="has finished").first.click()
    expect(home.get_by_role("heading", name="What mattered")).to_be_visible()


def test_under_reduced_motion_the_icon_stands_still(window: Window, mia: Person) -> None:
    page = window(mia, reduced_motion="reduce")
    page.goto("/home")
    page.evaluate("document.title = '10 % · A run'")
    expect(page.locator("link[rel=icon]")).to_have_attribute("href", DRAWN)
    drawn = icon(page)
    page.evaluate("document.title = '80 % · A run'")
    page.wait_for_timeout(300)
    assert icon(page) == drawn
    page.evaluate("document.title = 'A run'")
    expect(page.locator("link[rel=icon]")).not_to_have_attribute("href", DRAWN)
