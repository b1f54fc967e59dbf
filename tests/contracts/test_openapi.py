"""The API's description: complete, committed, and readable as a page."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from fynix import openapi
from tests import make

SNAPSHOT = Path(__file__).parents[2] / "docs" / "api" / "openapi.json"


def test_the_description_is_complete_and_is_the_one_that_is_committed() -> None:
    """After a wanted change: `manage.py spectacular --format openapi-json --file docs/api/openapi.json`."""
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    assert json.loads(out.getvalue()) == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_every_operation_says_what_it_does_and_what_it_may_refuse() -> None:
    for path, methods in openapi.document()["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert {"401", "403", "404", "422", "429", "503"} <= set(operation["responses"]), (method, path)


def test_every_field_is_described() -> None:
    groups = openapi.groups(openapi.document())
    silent = {
        f"{operation.identity}: {field.name}"
        for operations in groups.values()
        for operation in operations
        for field in [*operation.parameters, *operation.body, *(f for reply in operation.replies for f in reply.fields)]
        if not field.description and operation.identity
    }
    assert silent == set()


@pytest.mark.django_db
def test_programs_and_people_read_it_without_signing_in() -> None:
    make.user("ada")
    document = Client().get("/api/v1/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    page = Client().get("/api/docs")
    text = page.content.decode()
    for path in document["paths"]:
        assert path in text
    assert "unsafe" not in page["Content-Security-Policy"]
    assert text.count("<script") == text.count('<script type="module"') + 1
