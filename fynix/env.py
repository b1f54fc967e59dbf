"""Reading the environment: typed, and loud when a value is missing or makes no sense."""

import fcntl
import math
import os
import secrets
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})
SHORTEST_SECRET_KEY = 32


class Misconfigured(Exception):
    """A setting is missing or wrong; the text is one sentence for the person who starts the product."""


def text(name: str, default: str | None = None) -> str:
    """The variable's text; an empty variable counts as unset. Without a default it must be set."""
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise Misconfigured(f"Set {name}: it has no default.")
    return value


def flag(name: str, default: bool) -> bool:
    """True for 1, true, yes, on; False for 0, false, no, off."""
    word = text(name, "1" if default else "0").lower()
    if word not in YES | NO:
        raise Misconfigured(f"{name} must be yes or no, not {word!r}.")
    return word in YES


def number(name: str, default: int, *, at_least: int = 0) -> int:
    """A whole number not below `at_least`."""
    value = text(name, str(default))
    try:
        parsed = int(value)
    except ValueError:
        raise Misconfigured(f"{name} must be a whole number, not {value!r}.") from None
    if parsed < at_least:
        raise Misconfigured(f"{name} must be at least {at_least}, not {parsed}.")
    return parsed


def seconds(name: str, default: float) -> float:
    """A duration in seconds, fractions allowed, above zero."""
    value = text(name, str(default))
    try:
        parsed = float(value)
    except ValueError:
        parsed = math.nan
    if not (math.isfinite(parsed) and parsed > 0):
        raise Misconfigured(f"{name} must be a number of seconds above 0, not {value!r}.")
    return parsed


def secret(name: str, default: str | None = None) -> str:
    """A secret from NAME, or from the file that NAME_FILE points at (as containers hand secrets over)."""
    file = text(f"{name}_FILE", "")
    if not file:
        return text(name, default)
    if text(name, ""):
        raise Misconfigured(f"Set {name} or {name}_FILE, not both.")
    try:
        value = Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"{name}_FILE points at {file}, which cannot be read: {error.strerror}.") from None
    if not value:
        raise Misconfigured(f"{name}_FILE points at {file}, which is empty.")
    return value


def path(name: str, default: Path) -> Path:
    """An absolute path; `~` is expanded and a relative path counts from the working directory."""
    return Path(text(name, str(default))).expanduser().absolute()


def listing(name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Words separated by commas, without blanks around them."""
    words = tuple(word.strip() for word in text(name, ",".join(default)).split(","))
    return tuple(word for word in words if word)


def data_dir() -> Path:
    """The folder that holds everything the product writes: FYNIX_DATA, else `var` beside the code.

    Created for its owner only when it is missing.
    """
    folder = path("FYNIX_DATA", ROOT / "var")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"The data folder {folder} cannot be created: {error.strerror}.") from None
    return folder


def secret_key() -> str:
    """FYNIX_SECRET_KEY (or _FILE), else a random key made at the first start and kept in the data folder."""
    key = secret("FYNIX_SECRET_KEY", "") or _kept_key(data_dir() / "secret_key")
    if len(key) < SHORTEST_SECRET_KEY:
        raise Misconfigured(f"The secret key must have at least {SHORTEST_SECRET_KEY} characters.")
    return key


def _kept_key(file: Path) -> str:
    """Read the key file, writing it first if it is empty; the lock makes two first starts agree."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Misconfigured(f"The secret key file {file} cannot be opened: {error.strerror}.") from None
    with os.fdopen(descriptor, "r+", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        key = handle.read().strip()
        if not key:
            key = secrets.token_urlsafe(48)
            handle.write(key)
            handle.flush()
            os.fsync(handle.fileno())
        return key
