"""`make shots`: the landing page's photographs and figures, taken from a real server in one sitting.

Starts a pilot on an empty folder, takes the bundled table of 7,043 customers through the whole loop, photographs the
pages with Debian's chromium and writes static/img/shots, static/img/social-card.jpg and landing/measured.json.
Needs: apt-get install chromium.
"""

import csv
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from fynix import env
from landing.shots import FORMATS, FRAMES, SHOTS, Frame
from tests.browser import conftest as people
from tests.browser.program import Program
from tests.fynix.test_pilot import Pilot

PICTURES = env.ROOT / "static" / "img" / "shots"
CARD = env.ROOT / "static" / "img" / "social-card.jpg"
MEASURED = env.ROOT / "landing" / "measured.json"
SCHEMES = ("light", "dark")
CARD_VIEW = {"width": 1360, "height": 714}  # what the picture of 1200 × 630 shows
CARD_SIZE = (1200, 630)
QUALITY = {"avif": {"quality": 52, "speed": 7}, "webp": {"quality": 74, "method": 6}}
FIRST = "First model that beats guessing on customers it never saw."
SECOND = "Shallower trees, same rows held back: no worse, and easier to explain."
BACK = "The call centre plans this week with version 1. Promote again on Monday."
SHALLOW = {"max_depth": 3, "learning_rate": 0.1}
CURVE_POINTS = 75
BIG_FILE = 768 * 2**20  # the size that benchmarks/bench_upload.py sends
DRAWN = ("native", "onnx", "wheel")  # files that the landing page draws
STAYING, NEW = {"tenure": "29", "Contract": "One year"}, {"tenure": "2", "Contract": "Month-to-month"}
SCROLL = """name => {
  const found = name && document.querySelector(name);
  const bar = document.querySelector(".topbar").offsetHeight;
  scrollTo(0, found ? found.getBoundingClientRect().top + scrollY - bar - 20 : 0);
}"""
CONTACTS = 400  # rows of a made-up address list


@dataclass(frozen=True)
class Story:
    """What the server said on the way, and where its pages are."""

    facts: dict[str, Any]
    addresses: dict[str, str]


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """A pilot on this data folder; its address."""
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--clear", "--verbosity", "0"]
    subprocess.run(collect, check=True, cwd=env.ROOT)
    pilot = Pilot(data)
    try:
        pilot.wait_for("is ready at")
        yield f"http://127.0.0.1:{pilot.port}"
    finally:
        pilot.process.terminate()
        pilot.end()


def contacts() -> bytes:
    """An address list of people who do not exist."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["email", "phone", "plan", "spend"])
    for at in range(CONTACTS):
        rows.writerow(
            [f"person{at}@example.org", f"+1 202 555 {at % 10_000:04}", "basic" if at % 3 else "plus", at % 90]
        )
    return text.getvalue().encode()


def live_through(program: Program) -> Story:
    """Table, two trainings, tests, promotion and return, over the API."""
    table = program.sample("churn")
    profile = program.get(f"dataset-versions/{table}/profile")
    first = trained(program, table)
    second = trained(program, table, parameters=SHALLOW)
    model = program.get(f"{program.project}/models")["data"][0]["model_id"]
    program.promote(model, first["version"], reason=FIRST)
    program.promote(model, second["version"], reason=SECOND)
    program.roll_back(model, reason=BACK)
    folder = f"/p/{program.project.partition('/')[2]}"
    return Story(
        {
            "table": of_table(program.get(f"dataset-versions/{table}"), profile),
            "personal": personal(program),
            "upload": of_upload(program),
            "run": of_run(first),
            "second": {"auc": first_of(second, "auc"), "seconds": round(sum(second["report"]["seconds"].values()), 1)},
            "answers": [answer(program, first, change) for change in (STAYING, NEW)],
            "files": [
                of_file(each) for each in program.get(f"runs/{first['run']}/artifacts") if each["format"] in DRAWN
            ],
            "reasons": {"first": FIRST, "second": SECOND, "back": BACK},
        },
        {
            "profile": f"{folder}/datasets/{profile_slug(program)}/v/1",
            "run": f"{folder}/runs/1",
            "test": f"{folder}/models/churn/v/1/test",
            "model": f"{folder}/models/churn",
            "version": f"{folder}/models/churn/v/1",
        },
    )


def profile_slug(program: Program) -> str:
    """How the page of the sample is called."""
    found = program.get(f"{program.project}/datasets")["data"]
    return str(next(each["slug"] for each in found if "churn" in each["slug"]))


def trained(program: Program, table: str, **wish: Any) -> dict[str, Any]:
    """One training to its end, with its files made."""
    started = program.train(table, target="Churn", task="binary", model_name="churn", recipe="quick", **wish)
    task = program.ended(started["task_id"])
    model = program.get(f"{program.project}/models")["data"][0]["model_id"]
    version = program.get(f"models/{model}/versions")["data"][0]["model_version_id"]
    program.ready(version)
    run = started["run_id"]
    return {
        "run": run,
        "version": version,
        "task": task,
        "report": program.get(f"runs/{run}/report")["report"],
        "claims": program.get(f"runs/{run}/snapshot")["claims"],
        "events": program.get(f"runs/{run}/events", limit=1)["last_seq"],
    }


def of_table(version: Any, profile: Any) -> dict[str, Any]:
    columns = {each["name"]: each for each in profile["columns"]}
    return {
        "rows": version["rows"],
        "columns": version["columns"],
        "bytes": version["size_bytes"],
        "tenure": columns["tenure"]["histogram"]["counts"],
        "contract": [[each["value"], each["count"]] for each in columns["Contract"]["top"]],
        "churn": [[each["value"], each["count"]] for each in columns["Churn"]["top"]],
        "suggestions": [each["sentence"] for each in profile["suggestions"]],
    }


def personal(program: Program) -> list[dict[str, Any]]:
    """What the profile of the address list says about personal data."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "contacts.csv"
        file.write_bytes(contacts())
        version = program.upload(file)["result"]["id"]
    columns = program.get(f"dataset-versions/{version}/profile")["columns"]
    return [{"column": each["name"], **each["pii"]} for each in columns if each["pii"]]


def of_upload(program: Program) -> dict[str, Any]:
    """Into how many parts a large file goes."""
    opened = program.post(f"{program.project}/uploads", filename="customers.csv", size_bytes=BIG_FILE)
    program.http.delete(f"uploads/{opened['upload_id']}")
    return {"bytes": BIG_FILE, "part_bytes": opened["part_size_bytes"], "parts": opened["part_count"]}


def of_run(run: dict[str, Any]) -> dict[str, Any]:
    report = run["report"]
    curves = report["curves"]
    series = {name: [round(value, 4) for value in values] for name, values in curves["values"].items()}
    return {
        "steps": curves["steps"],
        "curves": series,
        "best_round": report["best_round"],
        "rounds": report["rounds_run"],
        "sizes": report["sizes"],
        "auc": first_of(run, "auc"),
        "logloss": first_of(run, "logloss"),
        "seconds": round(sum(report["seconds"].values()), 1),
        "events": run["events"],
        "claims": [[each["severity"], each["text"]] for each in run["claims"]],
        "importance": [[each["column"], round(each["share"], 3)] for each in report["importance"][:5]],
    }


def first_of(run: dict[str, Any], metric: str) -> list[float]:
    """Value, lower and upper end of its interval, and what guessing scores."""
    found = run["report"]["test"][metric]
    return [round(found[key], 3) for key in ("value", "low", "high", "baseline")]


def answer(program: Program, run: dict[str, Any], change: dict[str, str]) -> dict[str, Any]:
    """One row through version 1: the typical customer with these fields changed."""
    columns = program.get(f"model-versions/{run['version']}")["schema"]["columns"]
    row = {each["name"]: each["categories"][0] if each["categories"] else each["median"] for each in columns}
    row |= {"InternetService": "Fiber optic", "OnlineSecurity": "No", "TechSupport": "No"}
    row |= {"MonthlyCharges": "89.1", "TotalCharges": str(round(89.1 * int(change["tenure"]), 2)), **change}
    said = program.post(f"model-versions/{run['version']}/predictions", inputs=row)
    return {
        "probability": round(said["probabilities"]["Yes"], 4),
        "prediction": said["prediction"],
        "base": round(said["base_value"], 3),
        "margin": round(said["margin"], 3),
        "row": {name: str(row[name]) for name in ("tenure", "Contract", "InternetService", "MonthlyCharges")},
        "moved": [[each["column"], str(each["value"]), round(each["amount"], 3)] for each in said["contributions"]],
    }


def of_file(artifact: Any) -> dict[str, Any]:
    parity = artifact["parity"]
    return {
        "format": artifact["format"],
        "filename": artifact["filename"],
        "bytes": artifact["size_bytes"],
        "rows": parity["rows"],
        "hostile_rows": parity["adversarial_rows"],
        "largest_difference": parity["max_abs"],
    }


def photograph(browser: Browser, address: str, person: people.Person, story: Story) -> Iterator[tuple[str, str, bytes]]:
    """Every page in every frame and scheme: name, frame and scheme, and the picture."""
    for frame, scheme in product(FRAMES, SCHEMES):
        context = browser.new_context(
            base_url=address,
            storage_state=person.cookies,
            viewport={"width": frame.viewport[0], "height": frame.viewport[1]},
            device_scale_factor=frame.widths[-1] / frame.viewport[0],
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        page = context.new_page()
        for name in SHOTS:
            yield name, f"{frame.name}-{scheme}", taken(page, name, story.addresses[name], frame)
        context.close()


def taken(page: Page, name: str, address: str, frame: Frame) -> bytes:
    page.goto(address)
    if name == "test":
        page.get_by_role("button", name="Ask the model").click()
        page.locator(".waterfall").wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate(SCROLL, getattr(SHOTS[name], frame.name))
    page.wait_for_timeout(400)  # charts draw on the next frames
    return page.screenshot(animations="disabled", caret="hide")


def developed(name: str, variant: str, picture: bytes, frame: Frame) -> None:
    """Every width and format of one picture."""
    with Image.open(io.BytesIO(picture)) as opened:
        whole = opened.convert("RGB")
    for width, kind in product(frame.widths, FORMATS):
        small = whole.resize((width, frame.height(width)), Image.Resampling.LANCZOS)
        small.save(PICTURES / f"{name}-{variant}-{width}.{kind}", **QUALITY[kind])


def card(browser: Browser, address: str) -> None:
    """The picture that a shared link shows: the top of the page itself."""
    page = browser.new_page(base_url=address, viewport=CARD_VIEW, reduced_motion="reduce", color_scheme="light")
    page.goto("/")
    page.wait_for_load_state("networkidle")
    with Image.open(io.BytesIO(page.screenshot(animations="disabled"))) as opened:
        opened.convert("RGB").resize(CARD_SIZE, Image.Resampling.LANCZOS).save(
            CARD, quality=84, optimize=True, progressive=True
        )
    page.close()


def main() -> None:
    """All of it; the old pictures go first."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("make shots needs chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="fynix-shots-") as folder, sync_playwright() as playwright:
        data = Path(folder) / "data"
        data.mkdir()
        browser = playwright.chromium.launch(executable_path=chromium, args=people.ARGUMENTS)
        with serving(data) as address:
            page = browser.new_page(base_url=address)
            page.goto("/home")
            person = people._signed_up(page, "ada", address)
            story = live_through(person.program)
            MEASURED.write_text(json.dumps(story.facts, indent=1, ensure_ascii=False) + "\n")
            shutil.rmtree(PICTURES, ignore_errors=True)
            PICTURES.mkdir(parents=True)
            frames = {frame.name: frame for frame in FRAMES}
            for name, variant, picture in photograph(browser, address, person, story):
                developed(name, variant, picture, frames[variant.partition("-")[0]])
            person.program.http.close()
        with serving(data) as address:  # a new server, so that the page shows the new figures
            card(browser, address)
        browser.close()
    size = sum(file.stat().st_size for file in PICTURES.iterdir())
    print(f"{len(list(PICTURES.iterdir()))} pictures, {size / 1024:,.0f} KiB; figures in {MEASURED.name}")


if __name__ == "__main__":
    main()
