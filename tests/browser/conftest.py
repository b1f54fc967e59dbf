"""One real pilot and one chromium for all journeys; every test gets a fresh window."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from fynix import env
from tests.browser.program import Program
from tests.browser.world import PASSWORD, Person, World, add_second_factor, beside, confirm, letters, settle
from tests.fynix.test_pilot import Pilot

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
)  # fmt: skip
PATIENCE_MS = 180_000  # two cores do the training, the proving of files, the pages and the browser
LAPTOP = {"width": 1280, "height": 900}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Journeys come last: Playwright leaves its event loop in the thread, where others would meet it."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pilot]:
    """`manage.py pilot` on an empty data folder."""
    data = tmp_path_factory.mktemp("pilot") / "data"
    data.mkdir()
    # Lanes that run side by side share the folder of static files: make collects them only when they changed.
    collect = ["make", "--silent", f"DATA={data}", ".static/stamp"]
    subprocess.run(collect, check=True, cwd=env.ROOT, env=beside(data))
    running = Pilot(data)
    running.wait_for("is ready at")
    yield running
    running.process.terminate()
    running.end()


@pytest.fixture(scope="session")
def address(pilot: Pilot) -> str:
    return f"http://127.0.0.1:{pilot.port}"


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return path or pytest.skip("needs chromium: apt-get install chromium")


@pytest.fixture(scope="session")
def chromium(chromium_path: str) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser, address: str) -> Iterator[Any]:
    """`window(person, ...)` opens a page in a browser of that person's own; None is a visitor."""
    contexts = []

    def opened(person: Person | None, **options: Any) -> Page:
        cookies = person.cookies if person else None
        contexts.append(_context(chromium, address, storage_state=cookies, **options))
        return contexts[-1].new_page()

    yield opened
    for context in contexts:
        context.close()


def _context(chromium: Browser, address: str, **options: Any) -> Any:
    context = chromium.new_context(base_url=address, **{"viewport": LAPTOP, **options})
    context.set_default_timeout(PATIENCE_MS)
    return context


@pytest.fixture(scope="session")
def ada(chromium: Browser, address: str) -> Iterator[Person]:
    """The first person who comes: every address leads to sign-up, and the server is theirs."""
    page = _context(chromium, address).new_page()
    page.goto("/p/anything")
    person = _signed_up(page, "ada", address)
    yield person
    person.program.http.close()


@pytest.fixture(scope="session")
def ben(ada: Person, chromium: Browser, address: str) -> Iterator[Person]:
    person = _newcomer(chromium, address, "ben")
    yield person
    person.program.http.close()


@pytest.fixture(scope="session")
def mia(ada: Person, chromium: Browser, address: str) -> Iterator[Person]:
    person = _newcomer(chromium, address, "mia")
    yield person
    person.program.http.close()


@pytest.fixture(scope="session")
def world(ada: Person, mia: Person, chromium: Browser, address: str, pilot: Pilot) -> Iterator[World]:
    """Mia's project, and Vic who may look at it and signs in with a second factor."""
    person = _newcomer(chromium, address, "vic")
    post = letters(pilot.data)
    visitor = _context(chromium, address)
    confirm(visitor.new_page(), post.ada_key)
    visitor.close()
    context = _context(chromium, address, storage_state=person.cookies)
    page = context.new_page()
    confirm(page, post.vic_key)
    add_second_factor(page)
    person = replace(person, cookies=context.storage_state())
    context.close()
    yield settle(mia, person, post)
    person.program.http.close()


def _newcomer(chromium: Browser, address: str, name: str) -> Person:
    """Somebody who comes later, by the front page."""
    page = _context(chromium, address).new_page()
    page.goto("/")
    page.get_by_role("link", name="Sign up").first.click()
    return _signed_up(page, name, address)


def _signed_up(page: Page, name: str, address: str) -> Person:
    expect(page.get_by_role("heading", name="Create your account")).to_be_visible()
    page.get_by_label("Email").fill(f"{name}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    token = _token(page, name)
    page.goto("/home")
    page.get_by_text("Projects").first.click()
    page.get_by_role("link", name="My project").click()
    project = page.url.rpartition("/")[2]
    cookies = page.context.storage_state()
    page.context.close()
    return Person(name, project, cookies, Program(address, token, project))


def _token(page: Page, name: str) -> str:
    page.goto("/settings/tokens")
    page.get_by_label("What it is for").fill(f"{name}'s script")
    page.get_by_role("button", name="Make a token").click()
    return page.locator("code#new-token").inner_text()
