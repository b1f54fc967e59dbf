"""`manage.py doctor`: what this machine has, what is missing, and what to do about it."""

import os
import platform
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import redis.exceptions
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from datasets import crossing, multipart
from fynix import env
from fynix import redis as own_redis
from fynix import tables as own_tables

GIB = 1 << 30

SAFE_SQLITE = (3, 51, 3)  # https://sqlite.org/wal.html#walresetbug
SAFE_REDIS = (6, 2, 20)  # CVE-2025-49844
LITTLE_DISK, LITTLE_MEMORY = 5 * GIB, 2 * GIB


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """One line of the report; `advice` is empty when nothing is to be done, `command` is to be copied as it is."""

    verdict: Verdict
    subject: str
    fact: str
    advice: str = ""
    command: str = ""


def ok(subject: str, fact: str) -> Finding:
    return Finding(Verdict.OK, subject, fact)


def warn(subject: str, fact: str, advice: str) -> Finding:
    return Finding(Verdict.WARN, subject, fact, advice)


def missing(subject: str, fact: str, advice: str, command: str = "") -> Finding:
    return Finding(Verdict.MISSING, subject, fact, advice, command)


def python() -> Finding:
    return ok("Python", f"{platform.python_version()} at {sys.executable}")


def sqlite() -> Finding:
    if connection.vendor != "sqlite":
        return ok("SQLite", "not used")
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        return warn(
            "SQLite",
            sqlite3.sqlite_version,
            "Versions before 3.51.3 can damage a database in a rare race. Keep backups, use a Python with a "
            "newer SQLite, or set DATABASE_URL to PostgreSQL.",
        )
    return ok("SQLite", sqlite3.sqlite_version)


def data_folder() -> Finding:
    folder = env.data_dir()
    if not os.access(folder, os.W_OK | os.X_OK):
        return missing("Data folder", f"{folder} cannot be written to", "Give yourself the right, or set FYNIX_DATA.")
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return warn("Data folder", f"{folder} can be opened by others", f"chmod 700 {folder}")
    return ok("Data folder", str(folder))


def disk() -> Finding:
    free = shutil.disk_usage(env.data_dir()).free
    fact = f"{free / GIB:.1f} GiB free"
    if free < LITTLE_DISK:
        return warn("Disk", fact, "Large tables will not fit. Free some space, or set FYNIX_DATA to another disk.")
    return ok("Disk", fact)


def secret_key() -> Finding:
    if env.secret("FYNIX_SECRET_KEY", ""):
        return ok("Secret key", "from FYNIX_SECRET_KEY")
    env.secret_key()
    file = env.data_dir() / "secret_key"
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        return warn("Secret key", f"{file} can be read by others", f"chmod 600 {file}")
    return ok("Secret key", str(file))


def redis_server() -> Finding:
    if not own_redis.is_embedded():
        return _reachable_redis()
    try:
        binary = own_redis.find_binary()
    except env.Misconfigured as error:
        return missing("Redis", "no server program", str(error))
    version = redis_version(binary)
    fact = f"{'.'.join(map(str, version))} at {binary}"
    if "valkey" not in binary.name and version < SAFE_REDIS:
        return warn(
            "Redis",
            fact,
            "It has known flaws. It listens on a private socket only; still, a redis-server or valkey-server "
            "from your system's package manager is better.",
        )
    return ok("Redis", fact)


def _reachable_redis() -> Finding:
    try:
        facts = own_redis.client().info("server")
    except redis.exceptions.RedisError as error:
        return missing(
            "Redis", f"REDIS_URL does not answer ({type(error).__name__})", "Start it, or correct REDIS_URL."
        )
    return ok("Redis", f"{facts['redis_version']} at REDIS_URL")


def redis_version(binary: Path) -> tuple[int, ...]:
    """The version that a server program states, (0,) when it states none."""
    words = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    found = re.search(r"v=(\d+)\.(\d+)\.(\d+)", words)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def database() -> Finding:
    kind = {"sqlite": "SQLite file", "postgresql": "PostgreSQL"}.get(connection.vendor, connection.vendor)
    try:
        connection.ensure_connection()
    except DatabaseError:
        return missing("Database", f"{kind} does not answer", "Start it, or correct DATABASE_URL.")
    return ok("Database", f"{kind} answers")


def tables() -> Finding:
    try:
        pending = own_tables.pending()
    except DatabaseError:
        return missing("Tables", "cannot be looked at", "Bring the database back first.")
    if pending:
        return warn("Tables", f"{pending} migrations to apply", "`make run` applies them, or: manage.py migrate")
    return ok("Tables", "up to date")


def machine() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    fact = f"{cores} cores, {memory / GIB:.1f} GiB memory"
    if memory < LITTLE_MEMORY:
        return warn("Machine", fact, "Trainings on large tables need more than 2 GiB.")
    return ok("Machine", fact)


def browser_uploads() -> Finding:
    """Whether our pages may send parts straight to the bucket, where S3_PUBLIC_ENDPOINT_URL says that they do."""
    subject, store, page = "Browser uploads", settings.S3_PUBLIC_ENDPOINT_URL, crossing.origin()
    if not multipart.enabled():
        return ok(subject, "parts come to this server")
    if not page:
        return warn(
            subject,
            f"parts go to {store}, from pages of an unknown address",
            "Set FYNIX_PUBLIC_URL to the address that people type, so that the bucket's rule can be tried.",
        )
    if page.startswith("https://") and not store.startswith("https://"):
        return missing(
            subject,
            f"pages of {page} may not send to {store}",
            "Browsers send nothing in the clear from a page with TLS. Give the store a certificate, or unset "
            "S3_PUBLIC_ENDPOINT_URL: parts then come to this server.",
        )
    return _let_in(subject, store, page)


def _let_in(subject: str, store: str, page: str) -> Finding:
    try:
        lacking = crossing.lacking(page)
    except multipart.StoreAway:
        return missing(subject, "the store does not answer", "Start it, or correct S3_ENDPOINT_URL and its keys.")
    except crossing.Unreachable as error:
        return warn(
            subject,
            f"{store} does not answer this machine ({error})",
            "That is well where only browsers reach it; else correct S3_PUBLIC_ENDPOINT_URL.",
        )
    except crossing.PartRefused as error:
        return missing(
            subject,
            f"{store} refuses a signed part with {error}",
            "S3_PUBLIC_ENDPOINT_URL must lead to the same store as S3_ENDPOINT_URL, and a proxy before it must pass "
            "on the host name that was asked for: it is part of the signature.",
        )
    if lacking:
        advice = "Set this rule for the bucket; if your store does not know the command, with what it has for rules:"
        return missing(subject, "; ".join(lacking), advice, crossing.command(page))
    return ok(subject, f"pages of {page} may send parts to {store}")


NEEDED: tuple[Callable[[], Finding], ...] = (
    python, sqlite, data_folder, disk, secret_key, redis_server, database, tables, browser_uploads, machine,
)  # fmt: skip

# What `make test` drives beside the product: subject, programs of which one is enough, Debian package.
TEST_LANES = (
    ("Browser tests", ("chromium", "chromium-browser", "google-chrome"), "chromium"),
    ("PostgreSQL tests", ("postgres", "pg_ctl", "/usr/lib/postgresql/*/bin/postgres"), "postgresql"),
    ("Redis tests", ("redis-server", "valkey-server"), "redis-server"),
    ("TLS tests", ("caddy",), "caddy"),
    ("Alert rules", ("promtool",), "prometheus"),
)


def test_lanes() -> Iterator[Finding]:
    """The programs that only the tests need."""
    for subject, programs, package in TEST_LANES:
        found = next(filter(None, map(_find, programs)), None)
        if found is None:
            yield warn(subject, "no program", f"`make test` needs it: apt install {package}")
        else:
            yield ok(subject, found)


def _find(program: str) -> str | None:
    if program.startswith("/"):
        return next((str(path) for path in Path("/").glob(program[1:])), None)
    return shutil.which(program)


class Command(BaseCommand):
    help = "Looks at this machine and says what the product or its tests lack; exit status 1 if it cannot run."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tests", action="store_true", help="look for what the tests need, too")

    def handle(self, *, tests: bool, **_: Any) -> None:
        findings = [check() for check in NEEDED]
        if tests:
            findings.extend(test_lanes())
        self.stdout.write(table(findings))
        if any(finding.verdict is Verdict.MISSING for finding in findings):
            sys.exit(1)


def table(findings: list[Finding]) -> str:
    """Findings in columns, each followed by its advice."""
    width = max(len(finding.subject) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.verdict:<8}{finding.subject:<{width + 2}}{finding.fact}")
        if finding.advice:
            margin = " " * (width + 10)
            lines.append(textwrap.fill(finding.advice, 100, initial_indent=margin, subsequent_indent=margin))
        if finding.command:
            lines.append(f"        {finding.command}")
    return "\n".join(lines)
