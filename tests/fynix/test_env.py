"""Settings from the environment: right, or refused in a sentence that names the variable."""

import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fynix import env


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FYNIX_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("FYNIX_SECRET_KEY", raising=False)
    return tmp_path / "data"


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "  ")
    assert env.text("NAME", "given") == "given"
    with pytest.raises(env.Misconfigured, match="Set NAME"):
        env.text("NAME")


@pytest.mark.parametrize(("word", "value"), [("yes", True), ("ON", True), ("1", True), ("no", False), ("0", False)])
def test_a_flag_is_yes_or_no(word: str, value: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", word)
    assert env.flag("NAME", not value) is value


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("maybe", lambda: env.flag("NAME", False)),
        ("12.5", lambda: env.number("NAME", 1)),
        ("0", lambda: env.number("NAME", 1, at_least=1)),
        ("soon", lambda: env.seconds("NAME", 1)),
        ("nan", lambda: env.seconds("NAME", 1)),
        ("-1", lambda: env.seconds("NAME", 1)),
    ],
)
def test_nonsense_is_refused_by_name(value: str, read: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", value)
    with pytest.raises(env.Misconfigured, match="NAME must be"):
        read()


def test_numbers_seconds_lists_and_paths_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBER", "7")
    monkeypatch.setenv("SECONDS", "0.5")
    monkeypatch.setenv("LIST", " a, b ,,c")
    monkeypatch.setenv("PLACE", "here/there")
    assert env.number("NUMBER", 1) == 7
    assert env.seconds("SECONDS", 1) == 0.5
    assert env.listing("LIST") == ("a", "b", "c")
    assert env.listing("OTHER_LIST", ("x",)) == ("x",)
    assert env.path("PLACE", Path("/")) == Path.cwd() / "here/there"


def test_a_secret_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("hidden\n")
    monkeypatch.setenv("PASSWORD_FILE", str(tmp_path / "password"))
    assert env.secret("PASSWORD") == "hidden"
    monkeypatch.setenv("PASSWORD", "open")
    with pytest.raises(env.Misconfigured, match="not both"):
        env.secret("PASSWORD")


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_secret_file_must_hold_something(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "password").write_text(content)
    monkeypatch.setenv("PASSWORD_FILE", str(tmp_path / "password"))
    with pytest.raises(env.Misconfigured, match="PASSWORD_FILE"):
        env.secret("PASSWORD")


def test_the_data_folder_is_made_for_its_owner_alone(data: Path) -> None:
    assert env.data_dir() == data
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FYNIX_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(env.Misconfigured, match="data folder"):
        env.data_dir()


def test_the_first_start_makes_a_key_and_later_starts_keep_it(data: Path) -> None:
    key = env.secret_key()
    assert len(key) >= 60
    assert env.secret_key() == key
    assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_the_key(data: Path) -> None:
    argv = [sys.executable, "-c", "from fynix import env; print(env.secret_key())"]
    starts = [subprocess.Popen(argv, cwd=env.ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert len({start.communicate(timeout=60)[0] for start in starts}) == 1


def test_a_short_key_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FYNIX_SECRET_KEY", "secret")
    with pytest.raises(env.Misconfigured, match="at least 32"):
        env.secret_key()
