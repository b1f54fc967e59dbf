"""The doctor tells Ada what her machine lacks before the product trips over it."""

import io
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from fynix import env, redis
from fynix.management.commands import doctor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("FYNIX_DATA", str(folder))
    monkeypatch.delenv("FYNIX_SECRET_KEY", raising=False)
    return folder


def report(*options: str) -> dict[str, str]:
    """The verdict of each subject."""
    out = io.StringIO()
    call_command("doctor", *options, stdout=out)
    lines = [line for line in out.getvalue().splitlines() if not line.startswith(" ")]
    return {line[8:].split("  ")[0]: line.split()[0] for line in lines}


def test_a_fit_machine_gets_no_missing_line() -> None:
    verdicts = report("--tests")
    assert {"Python", "Data folder", "Secret key", "Redis", "Database", "Tables", "Machine"} <= set(verdicts)
    assert {"Browser tests", "PostgreSQL tests", "Redis tests"} <= set(verdicts)
    assert "missing" not in verdicts.values()
    assert verdicts["Database"] == verdicts["Tables"] == "ok"


def test_a_data_folder_open_to_others_is_mentioned(data: Path) -> None:
    data.mkdir()
    data.chmod(0o755)
    assert doctor.data_folder().verdict == "warn"
    assert f"chmod 700 {data}" in doctor.data_folder().advice


def test_a_key_that_others_can_read_is_mentioned(data: Path) -> None:
    assert doctor.secret_key().verdict == "ok"
    (data / "secret_key").chmod(0o644)
    assert doctor.secret_key().verdict == "warn"


def test_no_redis_at_all_ends_with_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis, "_packaged_binary", lambda: None)
    with pytest.raises(SystemExit, match="1"):
        report()


def test_a_redis_that_does_not_answer_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    assert doctor.redis_server().verdict == "missing"


@pytest.mark.parametrize(("version", "verdict"), [("6.2.14", "warn"), ("6.2.20", "ok"), ("7.0.15", "ok")])
def test_an_old_redis_is_named_by_its_own_word(
    version: str, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    program = tmp_path / "redis-server"
    program.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0 malloc=libc bits=64'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = doctor.redis_server()
    assert finding.verdict == verdict
    assert version in finding.fact


def test_sqlite_with_the_known_race_is_mentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "sqlite":
        assert doctor.sqlite().fact == "not used"
        return
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
    assert doctor.sqlite().verdict == "warn"
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    assert doctor.sqlite().verdict == "ok"


def test_a_command_in_the_wrong_folder_says_so_in_one_sentence(data: Path) -> None:
    argv = [sys.executable, str(env.ROOT / "manage.py"), "token", "ada@example.org"]
    outside = {"FYNIX_TEST_DATA", "DJANGO_SETTINGS_MODULE", "REDIS_URL", "DATABASE_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in outside}
    done = subprocess.run(argv, env={**kept, "FYNIX_DATA": str(data)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("The database has no tables")
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
