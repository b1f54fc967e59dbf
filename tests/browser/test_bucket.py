"""The same upload card sends parts straight to the store where browsers reach one; the server passes no byte on."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests import s3
from tests.browser.conftest import LAPTOP, PATIENCE_MS, _signed_up
from tests.datasets.uploading import MIB, table
from tests.fynix.test_pilot import Pilot, free_port

pytestmark = pytest.mark.browser


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Pilot]]:
    """A pilot whose files are in a bucket that browsers reach, and the bucket's address."""
    (tmp_path / "bucket").mkdir()
    (tmp_path / "data").mkdir()
    port = free_port()
    with s3.running(tmp_path / "bucket", origin=f"http://127.0.0.1:{port}") as address:
        named = {
            "S3_BUCKET": s3.BUCKET, "S3_ENDPOINT_URL": address, "S3_PUBLIC_ENDPOINT_URL": address,
            "S3_ACCESS_KEY": s3.KEY, "S3_SECRET_KEY": s3.SECRET,
        }  # fmt: skip
        for name, value in named.items():
            monkeypatch.setenv(name, value)
        pilot = Pilot(tmp_path / "data", port)
        pilot.wait_for("is ready at")
        yield address, pilot
        pilot.process.terminate()
        pilot.end()


def test_adas_parts_go_to_the_store_and_become_a_profile(
    chromium: Browser, store: tuple[str, Pilot], tmp_path: Path
) -> None:
    address, pilot = store
    here = f"http://127.0.0.1:{pilot.port}"
    file = tmp_path / "readings.csv"
    file.write_bytes(table(17 * MIB))
    visitor = chromium.new_context(base_url=here, viewport=LAPTOP)
    visitor.set_default_timeout(PATIENCE_MS)
    page = visitor.new_page()
    page.goto("/p/anything")
    ada = _signed_up(page, "ada", here)
    context = chromium.new_context(base_url=here, viewport=LAPTOP, storage_state=ada.cookies)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    page.goto(f"/p/{ada.project}/datasets")
    page.locator("input[type=file]").set_input_files(file)
    page.wait_for_url(re.compile(r"/datasets/readings/v/1"))
    expect(page.get_by_role("heading", name="The table")).to_be_visible()
    assert len(sent) == 3
    assert all(url.startswith(address) for url in sent)
    context.close()
    ada.program.http.close()
