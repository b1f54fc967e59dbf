"""Lists of 100,000 runs and their versions, as page and over the API, against the same lists of 50.

What it should show: the same number of queries, and about the same time, however many runs there are, in one project
and spread over five. Home asks seven questions less where the first steps are no longer shown.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import measure
from benchmarks.measure import median
from benchmarks.product import data_folder, redis_server

MANY, FEW = 100_000, 50
QUICK_MANY = 500
SPREAD = 5
TURNS = 20
ORDERS = ("newest", "oldest", "-auc", "logloss")
ENDS = ("newest", "-auc")
LISTS = {
    "home, one project": ("page", "one", "/home"),
    "home, five projects": ("page", "five", "/home"),
    "overview of a project": ("page", "one", "/p/all"),
    **{f"page, 50 rows, sort={order}": ("page", "one", f"/p/all/runs?sort={order}") for order in ORDERS},
    **{f"API, 50 rows, sort={order}": ("api", "one", f"/api/v1/projects/all/runs?sort={order}") for order in ENDS},
    **{f"registry, one project, sort={order}": ("page", "one", f"/registry?sort={order}") for order in ENDS},
    **{f"registry, five projects, sort={order}": ("page", "five", f"/registry?sort={order}") for order in ORDERS},
    **{
        f"registry API, five projects, sort={order}": ("api", "five", f"/api/v1/registry?sort={order}")
        for order in ENDS
    },
}
"""What is asked for: its face, how the asker's runs lie, and the address."""


def main() -> None:
    """Make two people's runs each of both amounts, ask for every list some times, and show median and p95."""
    quick = measure.options(__doc__ or "").quick
    many, turns = (QUICK_MANY, 3) if quick else (MANY, TURNS)
    with data_folder() as data, redis_server(data):
        people = {
            (how, count): _owner(f"{how}-{count}", projects, count)
            for how, projects in (("one", 1), ("five", SPREAD))
            for count in (many, FEW)
        }
        from fynix import server

        server.settle()  # as the web process does
        found = []
        for name, (face, how, address) in LISTS.items():
            large = asked(FACES[face](people[how, many]), _own(address, many), turns)
            small = asked(FACES[face](people[how, FEW]), _own(address, FEW), turns)
            queries = f"{large.queries} / {small.queries}"
            found.append((name, queries, large.cpu, large.late, large.wall, small.cpu, large.cpu / small.cpu))
        reader = program(people["one", many])
        deep = deep_page(reader, _own("/api/v1/projects/all/runs?sort=-auc", many), pages=many // 200 // 2)
    print(f"{many:,} runs and {FEW} runs; SQLite; view, queries and template, medians of {turns}.")
    peer = f"CPU ms, {FEW} runs (peer)"
    header = ("", "queries, many / few", f"CPU ms, {many:,} runs", "p95 CPU ms", "wall ms", peer, "ratio")
    measure.table(header, found)
    print(f"The page in the middle of the list sorted by AUC: {deep:.0f} ms.")


def _owner(name: str, projects: int, count: int) -> object:
    """A person with so many projects, and this number of runs and their versions spread over them."""
    from benchmarks import rows

    owner = rows.person(name)
    for number in range(projects):
        lab = rows.project(owner, f"All {count}" if projects == 1 else f"Part {number} of {count}")
        rows.versions(owner, rows.runs(owner, rows.table(owner, lab), count // projects))
    return owner


def _own(address: str, count: int) -> str:
    return address.replace("/all", f"/all-{count}")


@dataclass(frozen=True)
class Answer:
    """What one answer takes: milliseconds of CPU (median and 95th percentile) and of wall time, queries."""

    cpu: float
    late: float
    wall: float
    queries: int


def asked(get: Callable[[str], object], address: str, turns: int) -> Answer:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    get(address)
    cpu, wall = [], []
    for _ in range(turns):
        began, started = time.process_time(), time.perf_counter()
        get(address)
        cpu.append((time.process_time() - began) * 1000)
        wall.append((time.perf_counter() - started) * 1000)
    with CaptureQueriesContext(connection) as captured:
        get(address)
    late = statistics.quantiles(cpu, n=20, method="inclusive")[-1]
    return Answer(median(cpu), late, median(wall), len(captured))


def deep_page(get: Callable[[str], object], address: str, *, pages: int) -> float:
    """Follow the cursor so many pages of 200, and time the last in milliseconds."""
    cursor, took = "", 0.0
    for _ in range(max(1, pages)):
        started = time.perf_counter()
        answer = get(f"{address}&limit=200{cursor}")
        took = (time.perf_counter() - started) * 1000
        cursor = f"&cursor={answer.json()['next_cursor']}"  # type: ignore[attr-defined]
    return took


def browser(user: object) -> Callable[[str], object]:
    from django.test import Client

    client = Client(SERVER_NAME="localhost")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[arg-type]
    return lambda address: _checked(client.get(address))


def program(user: object) -> Callable[[str], object]:
    from rest_framework.test import APIClient

    from accounts import tokens

    client = APIClient(SERVER_NAME="localhost")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.access(user)[0]}")  # type: ignore[arg-type]
    return lambda address: _checked(client.get(address))


def _checked(answer: object) -> object:
    assert getattr(answer, "status_code", 0) == 200, answer
    return answer


FACES = {"page": browser, "api": program}


if __name__ == "__main__":
    main()
