"""The whole main job by keyboard alone: nothing here clicks, and every stop of the focus can be seen."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.world import PASSWORD, PENGUINS, Person

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
MOST_STOPS = 150  # of the focus between two things that belong together
SEEN = """element => {
    const look = getComputedStyle(element);
    return look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2 || look.boxShadow !== "none";
}"""


class Keyboard:
    """Somebody without a mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.unseen: list[str] = []

    def reach(self, target: Locator) -> None:
        """Press Tab until the focus is on it."""
        expect(target).to_be_visible()
        for _ in range(MOST_STOPS):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
            focus = self.page.locator(":focus")
            if focus.count() and not focus.evaluate(SEEN):
                self.unseen.append(
                    focus.evaluate("element => `${location.pathname}: ${element.outerHTML.slice(0, 120)}`")
                )
        raise AssertionError(f"{MOST_STOPS} stops do not lead to {target}")

    def press(self, target: Locator, key: str = "Enter") -> None:
        self.reach(target)
        self.page.keyboard.press(key)

    def write(self, target: Locator, text: str) -> None:
        self.reach(target)
        self.page.keyboard.type(text)

    def follow(self, name: str, *, exact: bool = False) -> None:
        self.press(self.page.get_by_role("link", name=name, exact=exact).first)

    def push(self, name: str) -> None:
        self.press(self.page.get_by_role("button", name=name).first, "Space")


def test_the_keyboard_alone_brings_a_table_to_a_model_in_production(
    window: Window, ada: Person, tmp_path: Path
) -> None:
    page = window(None)
    hand = Keyboard(page)
    page.goto("/")
    hand.follow("Sign up")
    hand.write(page.get_by_label("Email"), "kay@example.org")
    hand.write(page.get_by_label("Password"), PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()

    hand.reach(page.get_by_label("choose a file"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(PENGUINS)
    expect(page.get_by_role("link", name="Train a model")).to_be_visible()
    expect(page.get_by_role("table", name="First rows")).to_be_visible()

    hand.follow("Train a model")
    hand.write(page.get_by_label("Column to predict"), "species")
    expect(page.get_by_text("One of several classes.")).to_be_visible()
    hand.push("Start training")
    expect(page.get_by_role("heading", name="What mattered")).to_be_visible()

    chart = page.locator("fx-chart").first
    hand.press(chart.locator(".chart-plot"), "Home")
    expect(chart.locator("output")).to_contain_text("Round 1")

    hand.follow("Test it")
    hand.push("Ask the model")
    expect(page.get_by_text("The model answers")).to_be_visible()

    hand.follow("Open version")
    hand.follow("Promote")
    hand.write(page.get_by_label("Why"), "It tells the three kinds apart.")
    hand.push("Promote")
    expect(page.get_by_text("In production: version 1")).to_be_visible()

    hand.follow("Version 1", exact=True)
    wheel = page.get_by_role("article").filter(has_text="Python wheel").get_by_role("button", name="Download")
    with page.expect_download() as caught:
        hand.press(wheel, "Space")
    caught.value.save_as(tmp_path / "wheel")
    assert (tmp_path / "wheel").stat().st_size > 0
    assert hand.unseen == []
