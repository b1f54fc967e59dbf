"""Tables that cannot be used: each gets a sentence that says what to do, and nothing hangs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person
from tests.browser.program import Program

pytestmark = pytest.mark.browser

Window = Callable[..., Page]
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(64)
REFUSED = {
    "header.csv": (b"age,plan\n", "has a header but no rows. Export it again with its rows."),
    "column.csv": (b"age\n31\n44\n", "needs at least two: one to learn from and one to predict."),
    "photo.csv": (PNG, "Upload a table as CSV or TSV"),
}
ROWS = 120


def plans(line: Callable[[int], str], header: str) -> bytes:
    return "\n".join([header, *(line(at) for at in range(ROWS))]).encode() + b"\n"


def choose(page: Page, person: Person, name: str, data: bytes) -> None:
    page.goto(f"/p/{person.project}/datasets")
    page.get_by_label("choose a file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": data})


def test_an_empty_file_is_refused_where_it_was_chosen(window: Window, mia: Person) -> None:
    page = window(mia)
    choose(page, mia, "empty.csv", b"")
    expect(page.get_by_role("list", name="Uploads")).to_contain_text("Choose a file with a header and rows.")

    answer = mia.program.http.post(f"{mia.program.project}/uploads", json={"filename": "e.csv", "size_bytes": 0})
    assert answer.status_code == 422
    assert answer.json()["code"] == "empty_file"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_table_says_what_to_bring(window: Window, mia: Person, tmp_path: Path, name: str) -> None:
    data, words = REFUSED[name]
    page = window(mia)
    choose(page, mia, name, data)
    expect(page.get_by_text("This table could not be read")).to_be_visible()
    expect(page.get_by_text(words)).to_be_visible()
    expect(page.get_by_label("choose a file")).to_be_enabled()

    file = tmp_path / name
    file.write_bytes(data)
    task = mia.program.upload(file)
    assert task["status"] == "failed"
    assert words in task["error"]["detail"]
    assert "Traceback" not in task["error"]["detail"]


def test_odd_columns_are_fine(window: Window, mia: Person) -> None:
    page = window(mia)
    choose(page, mia, "odd.csv", plans(lambda at: f"{at},,{'yes' if at % 3 else 'no'},{at * 7 % 11}", "a,gone,left,a"))
    expect(page.get_by_role("link", name="Train a model")).to_be_visible()
    expect(page.get_by_text("120 rows × 4 columns")).to_be_visible()

    page.get_by_role("link", name="Train a model").click()
    page.get_by_label("Column to predict").select_option("left")
    expect(page.get_by_text("It has exactly two values.")).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("heading", name="What mattered")).to_be_visible()


def test_targets_that_cannot_be_learnt_say_why(window: Window, mia: Person, tmp_path: Path) -> None:
    file = tmp_path / "targets.csv"
    file.write_bytes(plans(lambda at: f"{at % 9},same,{'rare' if at == 5 else 'usual'}", "age,one,lonely"))
    version = mia.program.upload(file)["result"]["id"]
    page = window(mia)
    page.goto(f"/p/{mia.project}/runs/new?version={version}&target=one")
    expect(page.get_by_text("This column cannot be predicted")).to_be_visible()
    expect(page.get_by_text("Choose another column.")).to_be_visible()
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()

    page.goto(f"/p/{mia.project}/runs/new?version={version}&target=lonely")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("This run failed")).to_be_visible()
    expect(page.get_by_text("Merge these values, or remove their rows.").first).to_be_visible()

    for target, code in (("one", "one_class"), ("lonely", "tiny_class")):
        assert refusal(mia.program, version, target) == code


def refusal(program: Program, version: str, target: str) -> str:
    """The code with which a run for this target ends."""
    run = program.train(version, target=target, task="binary", model_name=f"of-{target}")
    return str(program.ended(run["task_id"])["error"]["code"])
