"""The main job as people do it: from a file to a promoted model that runs elsewhere."""

import json
import re
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fynix import env
from tests.browser.conftest import Person

pytestmark = pytest.mark.browser

CHURN = env.ROOT / "datasets" / "bundled" / "telco_churn.csv"
Window = Callable[..., Page]


def test_a_first_visitor_leaves_with_a_model(window: Window, ada: Person, tmp_path: Path) -> None:
    page = window(ada)
    page.goto("/home")
    expect(page.get_by_role("heading", name="Upload your table")).to_be_visible()
    expect(page.get_by_role("heading", name="Start with a sample")).to_be_visible()

    page.get_by_label("choose a file").set_input_files(CHURN)
    expect(page.get_by_role("link", name="Train a model")).to_be_visible()
    kinds = page.get_by_role("table", name="First rows").get_by_role("columnheader")
    expect(kinds.filter(has_text="tenure")).to_contain_text("number")
    expect(kinds.filter(has_text="Contract")).to_contain_text("category")
    expect(kinds.filter(has_text="customerID")).to_contain_text("identifier")

    page.get_by_role("link", name="Train a model").click()
    page.get_by_label("Column to predict").select_option("Churn")
    expect(page.get_by_text("It has exactly two values.")).to_be_visible()
    start_and_watch(page)

    expect(page.locator(".insight").first).to_be_visible()
    figure = page.locator(".insight a").first
    round_ = figure.get_attribute("data-step")
    figure.click()
    expect(page.locator("fx-chart output", has_text=f"Round {round_}")).to_be_visible()

    expect(page.get_by_role("status").filter(has_text="Version 1 of churn is ready")).to_be_visible()
    page.get_by_role("link", name="Test it").click()
    row, shown = ask(page)
    page.get_by_role("link", name="Open version").click()
    promote(page, reason="The first one, and better than guessing.")
    expect(page.get_by_text("In production: version 1")).to_be_visible()
    expect(page.get_by_text("The first one, and better than guessing.").first).to_be_visible()

    page.get_by_role("link", name="Version 1", exact=True).click()
    wheel = download(page, "Python wheel", tmp_path)
    assert predicted_by(wheel, "fynix_churn", row, tmp_path / "elsewhere") == shown


def test_a_sample_becomes_two_versions_and_the_older_comes_back(window: Window, ben: Person) -> None:
    page = window(ben)
    page.goto(f"/p/{ben.project}/datasets")
    page.get_by_role("button", name="Open the sample Penguins").click()
    expect(page.get_by_role("link", name="Train a model")).to_be_visible()
    for number in (1, 2):
        page.get_by_role("link", name="Train a model").click()
        page.get_by_label("Column to predict").select_option("species")
        expect(page.get_by_text("One of several classes.")).to_be_visible()
        start_and_watch(page)
        expect(page.get_by_role("status").filter(has_text=f"Version {number} of species is ready")).to_be_visible()
        page.get_by_role("link", name="Open version").click()
        promote(page, reason=f"Version {number} is the best so far.")
        expect(page.get_by_text(f"In production: version {number}")).to_be_visible()
        page.goto(f"/p/{ben.project}/datasets/penguins/v/1")

    page.goto(f"/p/{ben.project}/models/species")
    page.get_by_role("link", name="Roll back to version 1").click()
    page.get_by_label("Why").fill("Version 2 mixes up two species.")
    page.get_by_label("to confirm").fill("species")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("In production: version 1")).to_be_visible()
    history = page.get_by_role("list").filter(has_text="Version 2 mixes up two species.").get_by_role("listitem")
    expect(history).to_contain_text(["put back", "in place of version 1", "Version 1 is the best so far."])


def start_and_watch(page: Page) -> None:
    """Start the training and stay on its page until it says what became of it."""
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    wait, train = (page.get_by_role("listitem").filter(has_text=name) for name in ("Wait", "Train"))
    expect(wait).to_have_attribute("aria-current", "step")
    expect(train).to_have_attribute("data-state", "done")
    expect(page.locator("canvas").first).to_be_visible()
    expect(page.get_by_role("heading", name="What mattered")).to_be_visible()


def ask(page: Page) -> tuple[dict[str, str], dict[str, str]]:
    """Ask the model about the row that is filled in: the row, and what the page shows for it."""
    page.get_by_role("button", name="Ask the model").click()
    sentence = page.get_by_text("The model answers")
    expect(sentence).to_be_visible()
    expect(page.get_by_role("list", name=re.compile("raises most"))).to_be_visible()
    found = re.search(r"The model answers (\w+): its probability is ([\d.]+%)", sentence.inner_text())
    assert found
    row = page.locator("form#row").evaluate(
        "form => Object.fromEntries([...form.querySelectorAll('label')].map(l => [l.innerText, l.control.value]))"
    )
    return row, {"label": found[1], "probability": found[2]}


def promote(page: Page, *, reason: str) -> None:
    page.get_by_role("link", name="Promote").click()
    page.get_by_label("Why").fill(reason)
    page.get_by_role("button", name="Promote").click()


def download(page: Page, label: str, folder: Path) -> Path:
    """Press the button beside this file."""
    with page.expect_download() as caught:
        page.get_by_role("article").filter(has_text=label).get_by_role("button", name="Download").click()
    path = folder / caught.value.suggested_filename
    caught.value.save_as(path)
    return path


def predicted_by(wheel: Path, module: str, row: dict[str, str], folder: Path) -> dict[str, str]:
    """What the installed wheel says in an environment that holds nothing else."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, str(wheel)], check=True)
    said = subprocess.run(
        [str(python), "-m", module, "--row", json.dumps(row)], check=True, capture_output=True, text=True, cwd=folder
    )
    answer = json.loads(said.stdout)
    return {"label": answer["label"], "probability": f"{answer['probabilities'][answer['label']]:.1%}"}
