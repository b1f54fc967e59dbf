"""The API's description: the OpenAPI 3.1 document for programs, and the same as a page for people."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema

from fynix import problems

Json = dict[str, Any]
TAGS = (
    "sign-in",
    "projects",
    "members",
    "notifications",
    "search",
    "uploads",
    "datasets",
    "tasks",
    "runs",
    "registry",
    "sandbox",
)
DEEPEST = 3  # levels of nested fields that the page spells out


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the document names the API's authentication."""

    target_class = "accounts.tokens.BearerAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> Json:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


@dataclass(frozen=True)
class Field:
    """One field of a request or an answer; nested ones are named `data[].id`."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True)
class Reply:
    status: str
    description: str
    fields: list[Field]


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    identity: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: list[Field]
    replies: list[Reply]


ADDRESS_PARTS = {
    "slug": "The project's name in addresses.",
    "project": "The project's name in addresses.",
    "user_id": "The member's number.",
    "family_id": "The program's id.",
    "invitation_id": "The invitation's id.",
    "task_id": "The task's id.",
    "form": "`html`, `pdf` or `md`.",
    "key": "The sample's key, such as `penguins`.",
    "dataset": "The dataset's id.",
    "version": "The dataset version's id.",
    "version_id": "The model version's id.",
    "model_id": "The model's id.",
    "artifact_id": "The file's id.",
    "test_run_id": "The test's id.",
    "run": "The run's id.",
    "run_id": "The run's id.",
    "upload": "The upload's id.",
    "tag": "The tag.",
    "alias": "The name.",
    "batch_id": "The id of the test of many rows.",
}
EVERYWHERE = {
    "id": "Its id.",
    "created_at": "When it was made.",
    "started_at": "When the work began; null before.",
    "finished_at": "When it ended; null before.",
    "data": "The rows of this page.",
}
"""What names mean wherever they stand and nothing closer is said."""


def spell_out(result: Json, **_: Any) -> Json:
    """Say in the document what every part of an address and every common field means."""
    for methods in result["paths"].values():
        for operation in methods.values():
            operation.setdefault("summary", operation.get("description", "").partition(".")[0])
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    parameter.setdefault("description", ADDRESS_PARTS[parameter["name"]])
    for schema in result["components"]["schemas"].values():
        for name, field in schema.get("properties", {}).items():
            if name in EVERYWHERE and "$ref" not in field:
                field.setdefault("description", EVERYWHERE[name])
    return result


@cache
def document() -> Json:
    """The OpenAPI document; the same for everybody."""
    with translation.override(settings.LANGUAGE_CODE):
        document: Json = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The document as JSON."""
    return JsonResponse(document())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The document as a page."""
    with translation.override(settings.LANGUAGE_CODE):
        refusals = [(str(status), *map(str, problems.CODES[status])) for status in problems.SHARED]
    return render(request, "api/docs.html", {"groups": groups(document()), "refusals": refusals})


def groups(document: Json) -> dict[str, list[Operation]]:
    """Every operation under its tag; tags in the order of the loop, operations in the document's."""
    found: dict[str, list[Operation]] = {tag: [] for tag in TAGS}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append(_operation(path, method, operation, document))
    return found


def _operation(path: str, method: str, operation: Json, document: Json) -> Operation:
    own = {status: reply for status, reply in operation["responses"].items() if "$ref" not in reply}
    return Operation(
        identity=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=[_parameter(each) for each in operation.get("parameters", [])],
        body=_fields(operation.get("requestBody", {}), document),
        replies=[
            Reply(status, reply.get("description", ""), _fields(reply, document)) for status, reply in own.items()
        ],
    )


def _parameter(parameter: Json) -> Field:
    kind = f"{_type(parameter['schema'])}, in the {parameter['in']}"
    return Field(parameter["name"], kind, parameter.get("required", False), parameter.get("description", ""))


def _fields(holder: Json, document: Json) -> list[Field]:
    content = holder.get("content", {}).get("application/json", {})
    return list(_walk(content.get("schema", {}), document, "", DEEPEST))


def _walk(schema: Json, document: Json, above: str, depth: int) -> Iterator[Field]:
    schema = _resolved(schema, document)
    if schema.get("type") == "array":
        yield from _walk(schema["items"], document, f"{above}[]", depth)
        return
    required = schema.get("required", [])
    for name, inner in schema.get("properties", {}).items():
        whole, path = _resolved(inner, document), f"{above}.{name}".lstrip(".")
        yield Field(path, _type(whole), name in required, whole.get("description", ""))
        if depth > 1:
            yield from _walk(whole, document, path, depth - 1)


def _resolved(schema: Json, document: Json) -> Json:
    """The schema behind a reference; what stands beside the reference wins."""
    parts = [
        schema,
        *schema.get("allOf", []),
        *[each for each in schema.get("oneOf", []) if "$ref" in each][:1],
    ]
    whole: Json = {}
    for part in reversed(parts):
        if "$ref" in part:
            whole |= _resolved(document["components"]["schemas"][part["$ref"].rpartition("/")[2]], document)
        whole |= {key: value for key, value in part.items() if key not in {"$ref", "allOf"}}
    return whole


def _type(schema: Json) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    kinds = schema.get("type", "object")
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return f"{words} ({schema['format']})" if "format" in schema else words
