"""A run page through bad networks, and a run through a killed worker."""

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Person
from tests.fynix.test_pilot import Pilot

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
PART = re.compile(r"/u/[^/]+/(\d+)\?")
ROWS, COLUMNS, ROUNDS = 20_000, 12, 900
# Tells the test what each load of the page starts from and which events it hears, and keeps its sockets at hand.
LISTENER = """
const define = customElements.define.bind(customElements);
customElements.define = (name, element) => {
  if (name === "fx-live-run") {
    const { connectedCallback, hear } = element.prototype;
    element.prototype.connectedCallback = function () {
      loaded(JSON.parse(document.getElementById("live-run").textContent).seq);
      connectedCallback.call(this);
    };
    element.prototype.hear = function (events) {
      heard(events.map((event) => event.seq));
      hear.call(this, events);
    };
  }
  define(name, element);
};
window.wires = [];
window.WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    wires.push(this);
  }
};
"""


@pytest.fixture(scope="module")
def version(mia: Person, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A table that keeps the learner busy for some seconds."""
    generator = np.random.default_rng(5)
    numbers = generator.normal(size=(ROWS, COLUMNS)).round(4)
    columns = {f"reading {at}": numbers[:, at] for at in range(COLUMNS)}
    bought = numbers[:, :4].sum(axis=1) + generator.normal(size=ROWS) > 0
    file = tmp_path_factory.mktemp("tables") / "readings.csv"
    pl.DataFrame({**columns, "bought": np.where(bought, "yes", "no")}).write_csv(file)
    return str(mia.program.upload(file)["result"]["id"])


def started(person: Person, version: str) -> Any:
    """A run with a fixed number of rounds."""
    parameters = {"n_estimators": ROUNDS, "early_stopping_rounds": ROUNDS, "learning_rate": 0.02}
    wish = {"target": "bought", "task": "binary", "model_name": "bought", "parameters": parameters}
    return person.program.train(version, **wish)


def rounds(person: Person, run: Any) -> int:
    steps = person.program.get(f"runs/{run['run_id']}/snapshot")["curves"]["steps"]
    return steps[-1] if steps else 0


def wait_for_rounds(person: Person, run: Any, least: int) -> None:
    limit = time.monotonic() + 60
    while rounds(person, run) < least:
        assert time.monotonic() < limit, "it does not train"
        time.sleep(0.1)


def test_the_page_hears_every_event_once_and_in_order(window: Window, mia: Person, version: str) -> None:
    page = window(mia)
    loads: list[list[int]] = []
    page.expose_function("loaded", lambda seq: loads.append([seq]))
    page.expose_function("heard", lambda numbers: loads.append(loads.pop() + numbers))
    page.add_init_script(LISTENER)
    run = started(mia, version)

    page.goto(f"/p/{mia.project}/runs/{run['number']}")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    wait_for_rounds(mia, run, 50)
    page.reload()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.context.set_offline(True)
    page.evaluate("wires.at(-1).close()")
    expect(page.get_by_text("Reconnecting")).to_be_visible()
    wait_for_rounds(mia, run, min(rounds(mia, run) + 50, ROUNDS))
    page.context.set_offline(False)
    expect(page.get_by_role("status").filter(has_text="of bought is ready")).to_be_visible()

    last = mia.program.get(f"runs/{run['run_id']}/events", limit=1)["last_seq"]
    assert len(loads) == 3
    for numbers in loads:
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert loads[-1][-1] == last
    told = [event for event in all_events(mia, run) if event["type"] == "log"]
    expect(page.locator(".log-line")).to_have_count(len(told))


def test_a_cost_that_mia_writes_is_drawn_live_and_measured_on_the_test_rows(
    window: Window, mia: Person, version: str
) -> None:
    page = window(mia)
    page.goto(f"/p/{mia.project}/runs/new?version={version}&target=bought")
    page.get_by_text("More settings").click()
    page.get_by_role("textbox", name="XGBoost parameters").fill(
        "n_estimators=400\nearly_stopping_rounds=400\nlearning_rate=0.02"
    )
    cost = page.get_by_role("group", name="Metric 1 of your own")
    cost.get_by_label("Name of your metric").fill("Cost")
    cost.get_by_label("Its formula").fill("mean(where(y == 1, 5 * (p < 0.5), q >= 0.5))")
    page.get_by_role("button", name="Start training").click()
    expect(cost.get_by_text("At character 35, “q”: this is no column.")).to_be_visible()
    cost.get_by_label("Its formula").fill("mean(where(y == 1, 5 * (p < 0.5), p >= 0.5))")
    page.get_by_role("button", name="Start training").click()

    chart = page.locator("fx-chart", has=page.get_by_text("Cost", exact=True))
    expect(chart.locator("output")).to_have_text(re.compile(r"^Round [1-9]\d*.*: Validation [\d.]+$"))
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="What mattered")).to_be_visible()
    line = page.get_by_role("table", name="Test metrics").get_by_role("row", name="Cost")
    expect(line.get_by_role("cell").first).to_have_text(re.compile(r"^[\d.]+$"))
    expect(page.get_by_text("mean(where(y == 1, 5 * (p < 0.5), p >= 0.5))")).to_be_visible()


def all_events(person: Person, run: Any) -> list[Any]:
    found: list[Any] = []
    while True:
        after = found[-1]["seq"] if found else 0
        answer = person.program.get(f"runs/{run['run_id']}/events", after_seq=after, limit=1000)
        found += answer["data"]
        if not answer["has_more"]:
            return found


def test_a_killed_training_ends_by_itself_with_the_same_model(
    window: Window, mia: Person, version: str, pilot: Pilot
) -> None:
    disturbed = started(mia, version)
    page = window(mia)
    page.goto(f"/p/{mia.project}/runs/{disturbed['number']}")
    wait_for_rounds(mia, disturbed, 200)
    killed = [pid for pid, command in pilot.processes().items() if f"work {disturbed['task_id']} " in command]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert killed
    left_alone = started(mia, version)

    assert mia.program.ended(disturbed["task_id"])["attempt"] == 2
    expect(page.get_by_role("heading", name="What mattered")).to_be_visible()
    assert mia.program.ended(left_alone["task_id"])["attempt"] == 1
    models = [mia.program.get(f"runs/{run['run_id']}/report")["model_sha256"] for run in (disturbed, left_alone)]
    assert models[0] == models[1]


def test_an_upload_goes_on_after_a_lost_network_and_after_a_reload(window: Window, ben: Person, tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    generator = np.random.default_rng(6)
    pl.DataFrame(generator.normal(size=(160_000, 8)), schema=[f"n{at}" for at in range(8)]).write_csv(file)
    page = window(ben)
    lost = {"2", "3"}

    def pass_on(route: Route) -> None:
        if PART.search(route.request.url)[1] in lost:
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route(PART, pass_on)

    page.goto(f"/p/{ben.project}/datasets")
    uploads = page.get_by_role("list", name="Uploads")
    page.get_by_label("choose a file").set_input_files(file)
    expect(uploads.get_by_role("button", name="Pause")).to_be_visible()
    row = uploads.get_by_role("listitem")
    expect(row).to_have_attribute("data-upload", re.compile("."))
    identity = row.get_attribute("data-upload")
    wait_for_parts(page, ben, identity, {1})
    lost.remove("2")
    wait_for_parts(page, ben, identity, {1, 2})
    page.reload()

    expect(uploads).to_contain_text("Choose the file again to go on.")
    lost.clear()
    page.get_by_label("choose a file").set_input_files(file)
    expect(page.get_by_role("link", name="Train a model")).to_be_visible()
    expect(page.get_by_text("160,000 rows × 8 columns")).to_be_visible()


def wait_for_parts(page: Page, person: Person, upload: str | None, numbers: set[int]) -> None:
    limit = time.monotonic() + 60
    while {each["number"] for each in person.program.get(f"uploads/{upload}")["received_parts"]} != numbers:
        assert time.monotonic() < limit, "the parts do not arrive"
        page.wait_for_timeout(100)
