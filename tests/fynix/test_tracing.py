"""One id and one trace lead from Ben's click to the process that trains for him, and hold no cell of his table."""

import json
from collections.abc import Iterator

import dramatiq
import pytest
from django.db import connections
from dramatiq.brokers.stub import StubBroker

from datasets.models import DatasetVersion
from fynix import env
from fynix.observability import tracing
from fynix.queue.models import Job, State
from tests.cast import Cast, api
from tests.receivers import Collector, collector
from tests.training.conftest import churn, churn_table  # noqa: F401  Acme's table of customers
from tests.training.worker import wait_for
from training.models import Run, RunEvent

pytestmark = pytest.mark.django_db(transaction=True)
CLICK = "click-of-ben-0001"
SERVER, PRODUCER, CONSUMER = 2, 4, 5  # kinds of span in OTLP


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that this process and its children send their spans to."""
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.address)
        tracing.start()
        yield found
        tracing.stop()


@pytest.fixture
def worker(churn: DatasetVersion) -> Iterator[StubBroker]:  # noqa: F811
    """A real worker with the product's own middleware over a broker in memory, for what comes after the table."""
    broker = dramatiq.get_broker()
    assert isinstance(broker, StubBroker)
    broker.flush_all()
    working = dramatiq.Worker(broker, worker_timeout=100, worker_threads=1)
    working.start()
    yield broker
    working.stop()
    connections.close_all()


def train(cast: Cast, version: DatasetVersion) -> Run:
    wish = {"dataset_version_id": version.pk, "target": "churn", "task": "binary", "recipe": "quick", "model_name": "m"}
    client = api(cast.ben)
    answer = client.post("/api/v1/projects/acme/runs", wish, headers={"X-Request-ID": CLICK})
    assert answer.status_code == 202, answer.content
    assert answer["X-Request-ID"] == CLICK
    run = Run.objects.get()
    wait_for(lambda: Job.objects.get(pk=run.job_id).state == State.SUCCEEDED)
    return run


def arrived(traced: Collector) -> bool:
    """Whether the spans of web, worker and child are all at the collector."""
    tracing._provider.force_flush()
    return all(traced.named(f"{what} train") for what in ("wake", "attempt", "work"))


def test_one_trace_and_one_id_lead_from_the_click_to_the_child(
    *,
    traced: Collector,
    worker: StubBroker,
    cast: Cast,
    churn: DatasetVersion,  # noqa: F811
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = train(cast, churn)
    wait_for(lambda: arrived(traced))

    [asked] = [span for span in traced.spans if span.kind == SERVER]
    [woken], [tried], [worked] = (traced.named(f"{what} train") for what in ("wake", "attempt", "work"))
    chain = [asked, woken, tried, worked]
    assert len({span.trace for span in chain}) == 1
    assert [span.parent for span in chain[1:]] == [span.identity for span in chain[:-1]]
    assert (woken.kind, tried.kind) == (PRODUCER, CONSUMER)
    assert asked.attributes["fynix.request_id"] == CLICK
    assert asked.attributes["fynix.status"] == 202
    assert tried.attributes["fynix.state"] == "succeeded"
    stages = [span.name for span in traced.spans if span.parent == worked.identity and span.kind == 1]
    assert stages[:3] == ["load", "check", "split"]
    assert {"train", "evaluate", "explain"} <= set(stages)

    told = RunEvent.objects.filter(run=run).values_list("payload__request_id", flat=True)
    assert set(told) == {CLICK}
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    lines += [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    hops = {line["event"] for line in lines if line.get("request_id") == CLICK}
    assert {"answered", "attempt_began", "work_began", "attempt_ended"} <= hops
    sent = b"\n".join(traced.raw)
    assert not [cell for cell in (b"C00001", b"months", b"ben@example.org") if cell in sent]


def test_a_collector_without_its_library_stops_the_start_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(env.Misconfigured, match=r"requirements-traces\.txt"):
        tracing.start()


def test_without_a_collector_nothing_is_carried() -> None:
    with tracing.span("anything", job="tsk_1") as note:
        note("state", "succeeded")
        assert tracing.carried() == ""
