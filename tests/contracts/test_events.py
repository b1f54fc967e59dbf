"""The feed's contract: every type against its published schema, and the document against the types."""

import json
from typing import Any

import jsonschema
import pytest

from fynix import env
from tests.make import NOW
from tests.training import conftest as people
from tests.training.test_execute import train_here
from training import contract, events
from training.events import Artifact, Error, Event, ExplainReady, Log, Metric, Point, Progress, Status
from training.models import Run, RunEvent

DOCS = env.ROOT / "docs"

EXAMPLES: tuple[Event, ...] = (
    Progress(at=NOW, stage="train", progress=41.26),
    Metric(
        at=NOW, stage="train", points=(Point(1, {"valid-auc": 0.8}, "autogluon"), Point(2, {"valid-auc": float("nan")}))
    ),
    Log(at=NOW, stage="load", level="warning", message="é" * 5000),
    Artifact(at=NOW, stage="explain", id="run_1", kind="model", format="ubj", size_bytes=9, sha256="a" * 64),
    ExplainReady(at=NOW, stage="explain", claims=4, top_columns=("months", "plan")),
    Error(at=NOW, stage="check", code="one_class", message="Choose another target."),
    Status(at=NOW, stage="done", state="succeeded", attempt=1),
)


def wired(event: Event) -> dict[str, Any]:
    payload = {"request_id": "click-0001", "stage": event.stage, **event.body()}
    row = RunEvent(run_id="run_1", seq=7, type=event.type, payload=payload, at=event.at)
    return events.wire(row, epoch="ep_1")


def test_there_is_an_example_of_every_type() -> None:
    assert {type(event) for event in EXAMPLES} == set(events.TYPES)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.type)
def test_every_event_keeps_to_its_published_schema(event: Event) -> None:
    schema = json.loads((DOCS / "events" / f"{event.type}.json").read_text())
    line = json.dumps(wired(event), allow_nan=False)
    jsonschema.Draft202012Validator(schema).validate(json.loads(line))
    assert len(line.encode()) < 32_768


@pytest.mark.parametrize("kind", events.TYPES, ids=lambda kind: kind.type)
def test_a_schema_refuses_an_event_of_another_type(kind: type[Event]) -> None:
    schema = json.loads((DOCS / "events" / f"{kind.type}.json").read_text())
    for event in EXAMPLES:
        is_valid = jsonschema.Draft202012Validator(schema).is_valid(wired(event))
        assert is_valid == (type(event) is kind)


def test_a_long_line_is_cut_and_a_figure_that_is_none_is_null() -> None:
    log, metric = wired(EXAMPLES[2]), wired(EXAMPLES[1])
    assert len(log["log"]["message"].encode()) <= 4096
    assert metric["metrics"] == metric["points"][1]["metrics"] == {"valid-auc": None}


@pytest.mark.parametrize(("name", "content"), contract.documents().items(), ids=lambda part: str(part)[:40])
def test_the_published_contract_is_what_the_types_say(name: str, content: str) -> None:
    assert (DOCS / name).read_text() == content, "run `python manage.py describe_events`"


churn_table, churn, config, run = people.churn_table, people.churn, people.config, people.run


@pytest.mark.django_db(transaction=True)
def test_every_event_of_a_real_run_keeps_to_its_schema(run: Run) -> None:
    train_here(run)
    rows = RunEvent.objects.filter(run=run).order_by("seq")
    assert {row.type for row in rows} >= {"progress", "metric", "log", "artifact", "explain_ready", "status"}
    for row in rows:
        schema = json.loads((DOCS / "events" / f"{row.type}.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(events.wire(row, epoch=run.epoch))
