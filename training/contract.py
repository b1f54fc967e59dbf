"""The published contract of the feed, made from the event types: JSON Schemas, an AsyncAPI document, a table."""

from __future__ import annotations

import inspect
import json
from typing import Any, get_args

from training import events
from training.engine.observer import Level
from training.events import Event

TEXT: dict[str, Any] = {"type": "string"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
METRICS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": ["number", "null"]}}


def _closed(**fields: dict[str, Any]) -> dict[str, Any]:
    """An object with exactly these fields required; more may come in later releases of version 1."""
    return {"type": "object", "required": list(fields), "properties": fields}


def _or_more(shape: dict[str, Any], **fields: dict[str, Any]) -> dict[str, Any]:
    """The object, which may have these fields besides."""
    return {**shape, "properties": {**shape["properties"], **fields}}


BODIES: dict[str, dict[str, dict[str, Any]]] = {
    "progress": {
        "progress": {"type": "number", "minimum": 0, "maximum": 100},
        "seconds_left": {"type": ["number", "null"], "minimum": 0},
    },
    "metric": {
        "metrics": METRICS,
        "points": {
            "type": "array",
            "minItems": 1,
            "items": _closed(step={"type": "integer", "minimum": 1}, candidate=TEXT, metrics=METRICS),
        },
    },
    "log": {
        "log": _or_more(
            _closed(level={"enum": list(get_args(Level))}, message={**TEXT, "maxLength": 4096}), gone={"const": True}
        )
    },
    "artifact": {
        "artifact": _closed(
            id=TEXT, kind=TEXT, format=TEXT, size_bytes=COUNT, sha256={**TEXT, "pattern": "^[0-9a-f]{64}$"}
        )
    },
    "explain_ready": {"explain": _closed(claims=COUNT, top_columns={"type": "array", "items": TEXT})},
    "error": {"error": _closed(code=TEXT, message={**TEXT, "maxLength": 4096})},
    "status": {"status": _closed(state={"enum": list(get_args(events.Word))}, attempt=COUNT)},
}
"""What each type adds to the envelope, as JSON Schema."""


def schema(kind: type[Event]) -> dict[str, Any]:
    """JSON Schema (2020-12) of one type."""
    envelope = {
        "v": {"const": events.VERSION},
        "run": TEXT,
        "epoch": TEXT,
        "seq": {"type": "integer", "minimum": 1},
        "ts": {**TEXT, "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
        "type": {"const": kind.type},
        "stage": {"enum": list(events.STAGES)},
        "request_id": {**TEXT, "maxLength": 64},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.__name__,
        "description": inspect.cleandoc(kind.__doc__ or ""),
        **_closed(**envelope, **BODIES[kind.type]),
    }


def documents() -> dict[str, str]:
    """Path under docs/ and content of every generated document."""
    schemas = {f"events/{kind.type}.json": _json(schema(kind)) for kind in events.TYPES}
    return {**schemas, "events.md": _table(), "asyncapi.yaml": _json(_asyncapi())}


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _table() -> str:
    lines = [
        "# Events of a run, version 1",
        "",
        "Made from `training/events.py` by `python manage.py describe_events`. Every event is one flat JSON object:",
        "`v` (1), `run`, `epoch`, `seq` (from 1, without gaps), `ts` (RFC 3339, UTC, milliseconds), `type`, `stage`",
        f"({', '.join(events.STAGES)}),",
        "`request_id` (of the click that led to it, as in the server's log; may be empty) and the fields of its type.",
        "Ignore types and fields that you do not know: they may be added within version 1.",
        "docs/api/live.md says how events come to you.",
    ]
    for kind in events.TYPES:
        lines += ["", f"## {kind.type}", "", inspect.cleandoc(kind.__doc__ or ""), "", "| field | shape |", "|---|---|"]
        lines += [f"| `{name}` | {_shape(shape)} |" for name, shape in BODIES[kind.type].items()]
    return "\n".join(lines) + "\n"


def _shape(shape: dict[str, Any]) -> str:
    if "const" in shape:
        return f"`{json.dumps(shape['const'])}`, or absent"
    if "enum" in shape:
        return "one of " + ", ".join(f"`{word}`" for word in shape["enum"])
    if shape.get("type") == "array":
        return f"list of {_shape(shape['items'])}"
    if "properties" in shape:
        return "; ".join(f"`{name}`: {_shape(each)}" for name, each in shape["properties"].items())
    if "additionalProperties" in shape:
        return "metric name to number or null"
    words = shape["type"] if isinstance(shape["type"], str) else " or ".join(shape["type"])
    bounds = f", {shape['minimum']} to {shape['maximum']}" if "maximum" in shape else ""
    return f"{words}{bounds}"


def _asyncapi() -> dict[str, Any]:
    """AsyncAPI 3 as JSON, which is YAML too."""
    messages = {kind.type: {"payload": {"$ref": f"./events/{kind.type}.json"}} for kind in events.TYPES}
    frames = ("subscribed", "batch", "gap", "hb", "queue", "news")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Fynix Flux Pilot: the live feed of a run",
            "version": "1.0.0",
            "description": "Frames, close codes and sign-in are described in docs/api/live.md.",
        },
        "channels": {
            "run": {
                "address": "/ws/v1/runs/{run_id}/",
                "parameters": {"run_id": {"description": "Identifier of the run."}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in (*frames, "ack", "subscribe")},
            }
        },
        "operations": {
            "hear": {
                "action": "send",
                "channel": {"$ref": "#/channels/run"},
                "messages": [{"$ref": f"#/channels/run/messages/{name}"} for name in frames],
            },
            "answer": {
                "action": "receive",
                "channel": {"$ref": "#/channels/run"},
                "messages": [{"$ref": f"#/channels/run/messages/{name}"} for name in ("ack", "subscribe")],
            },
        },
        "components": {
            "messages": {
                "subscribed": {
                    "payload": _frame("subscribed", epoch=TEXT, head=COUNT, since=COUNT, recovered={"type": "boolean"})
                },
                "batch": {
                    "payload": _frame(
                        "batch", events={"type": "array", "items": {"oneOf": [m["payload"] for m in messages.values()]}}
                    )
                },
                "gap": {"payload": _frame("gap", **{"from": COUNT, "to": COUNT, "reload": TEXT})},
                "hb": {"payload": _frame("hb", head=COUNT)},
                "queue": {"payload": _frame("queue", position={"type": "integer", "minimum": 1}, ahead=COUNT)},
                "news": {"payload": _frame("news", unread=COUNT)},
                "ack": {"payload": _closed(op={"const": "ack"}, seq=COUNT)},
                "subscribe": {"payload": _closed(op={"const": "subscribe"}, epoch=TEXT, since=COUNT)},
            }
        },
    }


def _frame(name: str, **fields: dict[str, Any]) -> dict[str, Any]:
    return _closed(type={"const": name}, **fields)
