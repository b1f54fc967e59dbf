"""A run's report as a file: everything is in it, nothing in it runs or loads, and it is the same twice."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO

import pytest
from pypdf import PdfReader

from datasets.models import DatasetVersion
from tests.cast import Cast, api, as_
from tests.training.conftest import start
from tests.training.test_execute import train_here
from training.engine import RunConfig
from training.engine.schema import Task
from training.models import Outcome, Run

pytestmark = pytest.mark.django_db(transaction=True)
FORMS = ("html", "pdf", "md")


@pytest.fixture
def learnt(run: Run) -> Run:
    train_here(run)
    return run


def file(cast: Cast, form: str) -> bytes:
    answer = as_(cast.vic).get(f"/p/acme/runs/1/report/{form}")
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == f'attachment; filename="acme-run-1.{form}"'
    return answer.content


def pdf_text(data: bytes) -> str:
    """The words of a PDF, read by an independent library."""
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)


READ: dict[str, Callable[[bytes], str]] = {"html": bytes.decode, "md": bytes.decode, "pdf": pdf_text}


def test_every_form_holds_findings_figures_settings_data_and_hashes(learnt: Run, cast: Cast) -> None:
    outcome = Outcome.objects.get(run=learnt)
    for form in FORMS:
        told = re.sub(r"\s+", " ", READ[form](file(cast, form)).replace("\\", ""))
        _holds_all(told, outcome, learnt)


def _holds_all(told: str, outcome: Outcome, learnt: Run) -> None:
    for words in ("Test AUC is", "What happened", "months", "n_estimators=60", "You left it out.", "Learnt from"):
        assert words in told
    for digest in (outcome.model_sha256, outcome.holdout_sha256, learnt.dataset_version.table_sha256):
        assert digest in told.replace(" ", "")
    for drawing in ("ROC curve", "Precision over recall", "Calibration", "How months moves the answer"):
        assert drawing in told
    assert f"{outcome.report['test']['auc']['value']:.4g}" in told


def test_the_html_file_is_whole_and_loads_and_runs_nothing(learnt: Run, cast: Cast) -> None:
    page = file(cast, "html").decode()
    seen: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append((tag, dict(attrs)))

    Reader().feed(page)
    tags = [tag for tag, _ in seen]
    assert tags.count("svg") == tags.count("figure") >= 8
    assert not {"script", "link", "img", "iframe", "object"} & set(tags)
    assert not [
        name for _, attrs in seen for name in attrs if name.startswith("on") or name in ("src", "href", "style")
    ]
    assert "default-src 'none'" in page
    assert "url(" not in page


def test_the_same_report_is_the_same_file(learnt: Run, cast: Cast) -> None:
    assert [file(cast, form) for form in FORMS] == [file(cast, form) for form in FORMS]


def test_names_that_look_like_markup_stay_words(learnt: Run, cast: Cast) -> None:
    Run.objects.filter(pk=learnt.pk).update(name="<b>x</b> & | *y* 模型 żółw")
    page, paper, text = (READ[form](file(cast, form)) for form in FORMS)

    assert "&lt;b&gt;x&lt;/b&gt; &amp; | *y* 模型 żółw" in page
    assert "<b>x</b> & | *y* 模型 żółw" in paper
    assert r"# \<b\>x\</b\> & \| \*y\* 模型 żółw" in text


@pytest.mark.parametrize(("task", "target"), [("multiclass", "plan"), ("regression", "spend")])
def test_every_kind_of_answer_has_every_form(cast: Cast, churn: DatasetVersion, task: Task, target: str) -> None:
    wish = RunConfig(target, task, exclude=("customer",), threads=1, parameters={"n_estimators": 5})
    train_here(start(churn, wish, cast.ben))

    own = "Rows are what was" if task == "multiclass" else "Actual minus predicted"
    assert all(own in READ[form](file(cast, form)) for form in FORMS)


def test_a_program_gets_the_files_too(learnt: Run, cast: Cast) -> None:
    answer = api(cast.vic).get(f"/api/v1/runs/{learnt.pk}/report/pdf")

    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert api(cast.vic).get(f"/api/v1/runs/{learnt.pk}/report/exe").status_code == 404


def test_a_run_without_a_model_has_no_report(run: Run, cast: Cast) -> None:
    assert api(cast.vic).get(f"/api/v1/runs/{run.pk}/report/pdf").json()["code"] == "report_not_ready"
    assert as_(cast.vic).get("/p/acme/runs/1/report/pdf").status_code == 409


def test_strangers_find_no_report_and_no_other_form_is_there(learnt: Run, cast: Cast) -> None:
    for form in FORMS:
        assert as_(cast.mallory).get(f"/p/acme/runs/1/report/{form}").status_code == 404
        assert api(cast.mallory).get(f"/api/v1/runs/{learnt.pk}/report/{form}").status_code == 404
        assert as_(None).get(f"/p/acme/runs/1/report/{form}").status_code == 302
    assert as_(cast.vic).get("/p/acme/runs/1/report/exe").status_code == 404


def test_the_page_of_a_run_offers_all_three(learnt: Run, cast: Cast) -> None:
    page = as_(cast.vic).get("/p/acme/runs/1").content.decode()
    assert all(f'href="/p/acme/runs/1/report/{form}"' in page for form in FORMS)
