"""What every test stands on: a real database file, a real Redis, and the cast."""

import os
import subprocess
import time
from collections.abc import Iterator

import dj_database_url
import pytest
from django.core.cache import cache
from django.core.management.color import no_style
from django.db import connection
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker
from redis.exceptions import ConnectionError as NotUpYet

from fynix import env, redis
from tests.cast import Cast, cast_of, gather
from tests.remembered import SETTLED, Memory

REDIS_PATIENCE_S = 10
# A thread of a test that has ended may still hold a session, and a database in use cannot be dropped.
OTHER_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> Iterator[None]:
    """The embedded Redis for the session, unless REDIS_URL names one."""
    if not redis.is_embedded():
        yield
        return
    argv = redis.server_argv(redis.find_binary(), env.data_dir())
    with subprocess.Popen([*argv, "--appendonly", "no"], stdout=subprocess.DEVNULL) as server:
        _wait_for_redis()
        yield
        server.terminate()


def _wait_for_redis() -> None:
    deadline = time.monotonic() + REDIS_PATIENCE_S
    while True:
        try:
            redis.client().ping()
        except NotUpYet:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database; children find it too, and emptying it may pass the append-only triggers."""
    if connection.vendor == "postgresql":
        facts = {
            **dj_database_url.parse(os.environ["DATABASE_URL"]),
            "NAME": connection.settings_dict["NAME"],
        }
        os.environ["DATABASE_URL"] = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**facts)
    TransactionTestCase._fixture_teardown = lambda case: _empty()
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(OTHER_SESSIONS)


def _empty() -> None:
    """Leave no row but those that migrating made; Django makes even those anew, and takes longer than most tests."""
    settled = {table._meta.db_table for table in SETTLED}
    tables = [name for name in connection.introspection.django_table_names(only_existing=True) if name not in settled]
    connection.ops.execute_sql_flush(_unsealed(connection.ops.sql_flush(no_style(), tables)))


def _unsealed(statements: list[str]) -> list[str]:
    if connection.vendor == "postgresql":
        return [
            "SET session_replication_role = replica",
            *statements,
            "SET session_replication_role = DEFAULT",
        ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
    drop = [f'DROP TRIGGER "{name}"' for name, _ in triggers]
    return [*drop, *statements, *(sql for _, sql in triggers)]


@pytest.fixture(autouse=True)
def _fresh_memory(request: pytest.FixtureRequest) -> None:
    """Nothing that an earlier test left in Redis or in the cache reaches a test with a database."""
    if {"db", "transactional_db"} & set(request.fixturenames) or request.node.get_closest_marker("django_db"):
        redis.client().flushall()
        cache.clear()


@pytest.fixture(scope="session")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    return Memory(tmp_path_factory.mktemp("remembered"))


@pytest.fixture
def cast(db: None, memory: Memory) -> Cast:
    """Ada, Mia, Ben and Vic of the project acme; Mallory of another; Sue of support."""
    return cast_of(memory.have("cast", lambda: gather().keys()))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test without a database is the same on every server, so the service lane leaves it out."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        marked = item.get_closest_marker("django_db") or item.get_closest_marker("service")
        if not {"db", "transactional_db"} & fixtures and not marked:
            item.add_marker("core")
