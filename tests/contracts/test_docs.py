"""The papers keep up with the code: settings, endpoints, and links between pages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fynix import openapi
from fynix.errors import DomainError

ROOT = Path(__file__).parents[2]
READERS = {"text", "flag", "number", "seconds", "secret", "path", "listing"}
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
OPERATION = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) +(?:/api/v1)?(/[a-z]\S*)")
ELSEWHERE = re.compile(r"/(ws|health|u|dl)/|/openapi.json$")  # addresses that are no operation of the API


def variables() -> Iterator[str]:
    """Every environment variable that the product reads."""
    for name in ("settings", "env", "redis"):
        for call in ast.walk(ast.parse((ROOT / "fynix" / f"{name}.py").read_text())):
            if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Constant):
                function = getattr(call.func, "attr", getattr(call.func, "id", ""))
                if function in READERS and str(call.args[0].value).isupper():
                    yield str(call.args[0].value)


def described() -> set[tuple[str, str]]:
    """Methods and addresses that the pages name; what stands in braces may have any name."""
    pages = "".join(page.read_text() for page in (ROOT / "docs/api").glob("*.md"))
    named = {(method, bare(path).rstrip(":`,.")) for method, path in OPERATION.findall(pages)}
    return {(method, path) for method, path in named if not ELSEWHERE.match(path)}


def offered() -> set[tuple[str, str]]:
    """Methods and addresses that the API answers."""
    paths = openapi.document()["paths"].items()
    return {(method.upper(), bare(path.removeprefix("/api/v1"))) for path, methods in paths for method in methods}


def bare(path: str) -> str:
    return re.sub(r"{[^}]*}", "{}", path.partition("?")[0])


def test_every_setting_is_described_and_every_described_setting_exists():
    rows = re.findall(r"^\| .*", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", row.split("|")[1])}
    assert named == set(variables())


def test_every_operation_of_the_api_is_described_and_no_other():
    assert described() == offered()


def test_every_refusal_that_a_program_may_meet_is_described():
    openapi.document()  # loads every endpoint with the verbs behind it
    pages = "".join(page.read_text() for page in (ROOT / "docs").glob("**/*.md"))
    assert {code for code in codes(DomainError) if f"`{code}`" not in pages} == set()


def codes(kind: type[DomainError]) -> Iterator[str]:
    """The codes of all refusals below this one; those of fynix.errors only have heirs."""
    for heir in kind.__subclasses__():
        yield from codes(heir)
        if heir.__module__ != DomainError.__module__ and not heir.__module__.startswith("tests."):
            yield heir.code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    gone = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert gone == []
