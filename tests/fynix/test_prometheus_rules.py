"""Sue's Prometheus takes the rules that come along, and alerts as they say: asked of its own checker."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.service
ROOT = Path(__file__).parents[2]
INSTALL = "apt-get install --no-install-recommends prometheus"


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None and os.environ.get("CI") != "true":
        pytest.skip(f"needs promtool: {INSTALL}")
    assert found, f"needs promtool: {INSTALL}"
    return found


def told(*argv: str) -> str:
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_every_rule(promtool: str) -> None:
    assert "SUCCESS: 17 rules found" in told(promtool, "check", "rules", "deploy/prometheus-rules.yml")


def test_prometheus_alerts_of_what_is_broken_and_of_nothing_else(promtool: str) -> None:
    assert "SUCCESS" in told(promtool, "test", "rules", "tests/fynix/alerts.promtool.yml")
