"""Every text of a page is asked for in the language of the page: in one that nobody speaks, none is left plain."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import translation
from django.utils.timezone import now
from rest_framework.test import APIClient

from registry.models import ModelVersion
from tests import pseudo
from tests.cast import Cast, api, as_

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.core]  # words are the same on every database

PAGES = (
    "datasets", "datasets/customers/v/1", "runs", "runs/1", "runs/new", "models", "models/churn", "models/churn/v/1",
    "models/churn/v/1/promotion", "models/churn/rollback", "models/churn/v/1/test", "settings", "settings/retention",
)  # fmt: skip
DATA = re.compile(r"(?i)churn|customers?|months|plan|spend|acme|basic|plus|pro|yes|ben|first|fynix|flux|pilot")
"""What people named, and the product's own name."""
NAMES = re.compile(
    r"(?i)auc|roc|\bmin\b|xgboost|csv|tsv|utf|api|shap|rmse|markdown|bytes|autogluon|onnx\w*|litert|torch|numpy|python"
)
"""Names that are the same in every language."""
SILENT = {"kbd", "script", "style", "code", "pre", "time", "bdi", "textarea", "option"}
VOID = {"meta", "link", "input", "br", "hr", "img", "wbr"}
WORD = re.compile(r"[A-Za-z]{3,}")
SPOKEN = ("aria-label", "alt", "placeholder")


class Plain(HTMLParser):
    """Collects the words in plain letters that are neither data, nor said to be English, nor code."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[bool] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        quiet = (
            tag in SILENT
            or known.get("lang") == "en"
            or known.get("dir") == "auto"
            or "log" in (known.get("class") or "").split()
        )
        silent = quiet or (bool(self.open) and self.open[-1])
        if not silent:
            for name in SPOKEN:
                self.look(known.get(name) or "")
        if tag not in VOID:
            self.open.append(silent)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self.open:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not (self.open and self.open[-1]):
            self.look(data)

    def look(self, text: str) -> None:
        text = re.sub(r"\S+@\S+|our own reader on", "", text)  # addresses, and how a proof names a runtime
        left = [word for word in WORD.findall(text) if not (DATA.fullmatch(word) or NAMES.fullmatch(word))]
        if left:
            self.words.append(text.strip())


def plain(html: str) -> list[str]:
    reader = Plain()
    reader.feed(html.replace("/></", "></"))
    return reader.words


@pytest.fixture
def nobodys(tmp_path: Path, settings: Any) -> Iterator[str]:
    """The language, as visitors with this preference get it."""
    pseudo.write(tmp_path)
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGES = [("en", "English"), (pseudo.CODE, "Nobody's")]
    yield pseudo.CODE
    translation.activate("en")


def page(client: Client, path: str, language: str, **row: str) -> str:
    answer = (
        client.post(path, row, headers={"Accept-Language": language})
        if row
        else client.get(path, headers={"Accept-Language": language})
    )
    assert answer.status_code in {200, 409}, path
    html = answer.content.decode()
    assert f'lang="{language}"' in html
    return html


def test_no_page_of_a_project_holds_a_text_that_cannot_be_translated(
    cast: Cast, first: ModelVersion, nobodys: str
) -> None:
    ada = as_(cast.ada)
    found = {path: plain(page(ada, f"/p/acme/{path}", nobodys)) for path in PAGES}
    found["answer"] = plain(page(ada, "/p/acme/models/churn/v/1/test", nobodys, c0="12", c1="basic", c2="30"))
    for path in ("/projects/new", "/settings/tokens", "/settings/usage"):
        found[path] = plain(page(ada, path, nobodys))

    left = sorted({word for words in found.values() for word in words})
    print(left)
    assert left == []


def asked(sentence: str, **values: object) -> str:
    """What a person reads of a sentence in the language."""
    return pseudo.accented(sentence).format(**values)


def test_a_refused_change_of_role_speaks_the_language_of_the_person(cast: Cast, nobodys: str) -> None:
    path = f"/p/acme/settings/members/{cast.vic.pk}/role"
    answer = as_(cast.mia).post(path, {"role": "owner"}, headers={"Accept-Language": nobodys})
    assert (answer.status_code, plain(answer.content.decode())) == (403, [])
    said = asked("Only an owner decides who is {role} here. Ask an owner to do this.", role=asked("Owner").lower())
    assert said in answer.content.decode()


def test_a_promotion_without_a_reason_is_refused_in_the_language_of_the_person(
    cast: Cast, first: ModelVersion, nobodys: str
) -> None:
    sent = {"reason": "short", "revision": 0}
    answer = as_(cast.mia).post("/p/acme/models/churn/v/1/promotion", sent, headers={"Accept-Language": nobodys})
    assert (answer.status_code, plain(answer.content.decode())) == (422, [])
    said = asked("Say why in at least {least} characters: an auditor will read it.", least=10)
    assert said in answer.content.decode()


def test_a_model_that_cannot_read_a_cell_says_so_in_the_language_of_the_person(
    cast: Cast, first: ModelVersion, nobodys: str
) -> None:
    sent = {"c0": "<soon>", "c1": "basic", "c2": "30"}
    answer = as_(cast.ben).post("/p/acme/models/churn/v/1/test", sent, headers={"Accept-Language": nobodys})
    html = answer.content.decode().replace("&lt;soon&gt;", "")
    said = asked("“{name}” takes a number, and “{value}” is not one.", name="months", value="")
    assert (answer.status_code, plain(html), said in html) == (422, [], True)


def test_a_failed_check_of_a_promotion_stays_as_it_is_kept(cast: Cast, first: ModelVersion, nobodys: str) -> None:
    ModelVersion.objects.filter(pk=first.pk).update(archived_at=now())
    sent = {"reason": "It beats the rule of thumb.", "revision": 0}
    answer = as_(cast.mia).post("/p/acme/models/churn/v/1/promotion", sent, headers={"Accept-Language": nobodys})
    assert (answer.status_code, plain(answer.content.decode())) == (422, [])
    assert answer.content.decode().count('<span lang="en">Version 1 is archived.</span>') == 2  # the form, the checks


def test_the_api_refuses_in_the_language_of_the_request(cast: Cast, nobodys: str) -> None:
    begin = "/api/v1/projects/acme/uploads"
    ben, vic, nobody = api(cast.ben), api(cast.vic), APIClient()
    nobody.credentials(HTTP_AUTHORIZATION="Bearer fxp_made-up")
    with override_settings(MAX_UPLOAD_BYTES=10**6):
        answers = [
            client.post(path, sent, headers={"Accept-Language": nobodys})
            for client, path, sent in (
                (ben, begin, {"filename": "a.csv", "size_bytes": 0}),
                (ben, begin, {"filename": "a.csv", "size_bytes": 10**7}),
                (vic, begin, {"filename": "a.csv", "size_bytes": 9}),
                (ben, begin, {"filename": "a.csv", "size_bytes": 9, "dataset": "x", "dataset_name": "y"}),
                (nobody, begin, {}),
                (ben, "/api/v1/nothing-here", {}),
                (ben, "/api/v1/me", {}),
            )
        ]
    assert [answer.status_code for answer in answers] == [422, 413, 403, 422, 401, 404, 405]
    said = [sentence for answer in answers for sentence in details(answer.json())]
    assert said[:2] == [asked("This file is empty. Choose a file with a header and rows.")] * 2
    assert [sentence for sentence in said if plain(f"<p>{sentence}</p>")] == []


def test_a_part_of_the_wrong_size_is_refused_in_the_language_of_the_request(cast: Cast, nobodys: str) -> None:
    ben = api(cast.ben)
    begun = ben.post("/api/v1/projects/acme/uploads", {"filename": "a.csv", "size_bytes": 1234}).json()
    put = Client().put(begun["parts"][0]["url"], b"a,b", headers={"Accept-Language": nobodys})
    said = asked(
        "Part {number:,} has exactly {expected:,} bytes; this request says {said}.",
        number=1, expected=1234, said=asked("{n:,} bytes", n=3),
    )  # fmt: skip
    assert (put.status_code, put.json()["detail"]) == (422, said)
    whole = ben.post(f"/api/v1/uploads/{begun['upload_id']}/complete", {}, headers={"Accept-Language": nobodys})
    assert (whole.status_code, [each for each in details(whole.json()) if plain(f"<p>{each}</p>")]) == (409, [])


def details(problem: dict[str, Any]) -> list[str]:
    """The sentences of a refusal of the API."""
    return [problem["detail"], *(fault["detail"] for fault in problem["errors"])]


def test_a_plain_text_is_found(nobodys: str) -> None:
    assert plain("<p>Save the file</p>") == ["Save the file"]
    assert plain('<p>Šáṽé <bdi>my file</bdi> <span lang="en">as it is</span></p>') == []
    assert plain('<button aria-label="Close"></button>') == ["Close"]
