"""Ada does everything that the product does from a shell, as docs/walkthrough.sh and the pages of the API show it."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fynix import env
from tests.fynix.test_pilot import Pilot

pytestmark = [pytest.mark.pilot, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

ADA, BEN = "ada@example.org", "ben@example.org"
EXAMPLE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What the pages leave to the reader: which version the run became, once it is ready.
BETWEEN = """
until VERSION=$(curl -sf -H "Authorization: Bearer $TOKEN" $BASE/api/v1/runs/$RUN | grep '"state":"ready"' |
                sed 's/.*"model_version":{"id":"\\([^"]*\\)".*/\\1/') && [ -n "$VERSION" ]
do sleep 1; done
MODEL=$(curl -sf -H "Authorization: Bearer $TOKEN" $BASE/api/v1/projects/$PROJECT/models |
        tr '{' '\\n' | grep '"name":"species"' | sed 's/.*"model_id":"\\([^"]*\\)".*/\\1/')
"""


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pilot]:
    """A server that Ada and Ben have signed up to."""
    data = tmp_path_factory.mktemp("pilot") / "data"
    data.mkdir()
    running = Pilot(data)
    running.wait_for("is ready at")
    for person in (ADA, BEN):
        sign_up(f"http://127.0.0.1:{running.port}", person)
    yield running
    running.process.terminate()
    running.end()


def sign_up(base: str, person: str) -> None:
    with httpx.Client(base_url=base, follow_redirects=True, timeout=30) as browser:
        page = browser.get("/accounts/signup/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, page.text
        wish = {"csrfmiddlewaretoken": token[1], "email": person, "password1": "correct horse battery"}
        done = browser.post("/accounts/signup/", data=wish, headers={"Referer": base})
        assert done.is_success, done.text


def personal_token(data: Path) -> str:
    argv = [sys.executable, str(env.ROOT / "manage.py"), "token", ADA]
    outside = {"FYNIX_TEST_DATA", "DJANGO_SETTINGS_MODULE", "REDIS_URL", "DATABASE_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in outside}
    made = subprocess.run(argv, env={**kept, "FYNIX_DATA": str(data)}, capture_output=True, text=True, check=True)
    return made.stdout.strip()


def test_ada_goes_the_whole_way_with_curl(pilot: Pilot, tmp_path: Path) -> None:
    base = f"http://127.0.0.1:{pilot.port}"
    wishes = {"BASE": base, "PAT": personal_token(pilot.data), "TARGET": "species", "OUT": str(tmp_path)}
    table = env.ROOT / "datasets" / "bundled" / "penguins.csv"

    walked = subprocess.run(
        ["sh", str(env.ROOT / "docs" / "walkthrough.sh")],
        env={"PATH": os.environ["PATH"], **wishes, "FILE": str(table)},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert walked.returncode == 0, walked.stdout + walked.stderr
    assert "344 rows, 7 columns" in walked.stdout
    assert "promote: version 1 into production" in walked.stdout
    wheel = next(tmp_path.glob("*.whl"))
    assert zipfile.ZipFile(wheel).testzip() is None
    command = [sys.executable, "-m", "fynix_walkthrough", "--selftest"]
    checked = subprocess.run(
        command, env={"PYTHONPATH": str(wheel)}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_every_example_of_the_api_pages_works(pilot: Pilot, tmp_path: Path) -> None:
    place = tmp_path / "datasets"
    place.symlink_to(env.ROOT / "datasets")
    pages = ["accounts", "uploads", "tasks", "runs", "live", BETWEEN, "registry", "sandbox"]
    steps = [example for page in pages for example in (_examples(page) if page.isalpha() else [page])]

    done = subprocess.run(
        ["sh", "-eu"],
        input="\n".join(steps),
        env={"PATH": os.environ["PATH"], "BASE": f"http://127.0.0.1:{pilot.port}", "PAT": personal_token(pilot.data)},
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert '"prediction":"Gentoo"' in done.stdout
    assert '"action":"promote"' in done.stdout
    assert zipfile.ZipFile(tmp_path / "model.zip").testzip() is None
    assert {page.stem for page in (env.ROOT / "docs" / "api").glob("*.md")} == {*filter(str.isalpha, pages)}


def _examples(page: str) -> list[str]:
    found = EXAMPLE.findall((env.ROOT / "docs" / "api" / f"{page}.md").read_text())
    assert found, f"{page}.md shows no example"
    return list(found)
