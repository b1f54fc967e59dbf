"""The list of runs in a project with 100,000 of them, as page and over the API, against a project with 50.

What it should show: the same number of queries, and about the same time, however many runs there are.
"""

import statistics
import time
from collections.abc import Callable

from benchmarks import measure
from benchmarks.measure import median
from benchmarks.product import data_folder, redis_server

MANY, FEW = 100_000, 50
QUICK_MANY = 500
ORDERS = ("newest", "oldest", "-auc", "logloss")


def main() -> None:
    """Make both projects, ask for every list some times, and show median and 95th percentile."""
    quick = measure.options(__doc__ or "").quick
    many, turns = (QUICK_MANY, 3) if quick else (MANY, 40)
    with data_folder() as data, redis_server(data):
        from benchmarks import rows

        ada = rows.person("ada")
        for name, count in (("Large", many), ("Small", FEW)):
            rows.runs(ada, rows.table(ada, rows.project(ada, name)), count)
        lists: dict[str, tuple[str, str]] = {}
        for order in ORDERS:
            lists[f"page, 50 rows, sort={order}"] = ("page", f"/p/{{}}/runs?sort={order}")
            lists[f"API, 50 rows, sort={order}"] = ("api", f"/api/v1/projects/{{}}/runs?sort={order}")
            lists[f"registry, 50 rows, sort={order}"] = ("page", f"/registry?project={{}}&sort={order}")
        found = []
        for name, (face, address) in lists.items():
            get = FACES[face](ada)
            large, late, queries = asked(get, address.format("large"), turns)
            small, _, few = asked(get, address.format("small"), turns)
            found.append((name, f"{queries} / {few}", large, late, small, large / small))
        deep = deep_page(program(ada), "/api/v1/projects/large/runs?sort=-auc", pages=many // 200 // 2)
    print(f"{many:,} runs and {FEW} runs; SQLite; wall time of view, queries and template, {turns} turns.")
    header = ("", "queries, many / few", f"ms, {many:,} runs", "p95 ms", f"ms, {FEW} runs (peer)", "ratio")
    measure.table(header, found)
    print(f"The page in the middle of the list sorted by AUC: {deep:.0f} ms.")


def asked(get: Callable[[str], object], address: str, turns: int) -> tuple[float, float, int]:
    """Median and 95th percentile of one answer in milliseconds, and the number of its queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    get(address)
    took = []
    for _ in range(turns):
        started = time.perf_counter()
        get(address)
        took.append((time.perf_counter() - started) * 1000)
    with CaptureQueriesContext(connection) as captured:
        get(address)
    return median(took), statistics.quantiles(took, n=20)[-1], len(captured)


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
