"""Many rows through one to five versions: files, labels, drift, results, evidence, and work that survives."""

import csv
import io
import os
import signal
import subprocess
import sys
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.timezone import now

from accounts.models import Allowance, StorageCharge
from datasets.models import DatasetVersion
from fynix import blobs, env
from fynix.queue import jobs
from fynix.queue.models import Job, State
from fynix.spreadsheets import harmless
from registry import checks, promotion
from registry.models import ModelVersion
from sandbox import judgement, process
from sandbox.models import Batch, TestRun
from tests.cast import Cast, api, as_
from tests.registry.conftest import do
from training.engine import spread
from training.engine.schema import InputColumn

PAGE = "/p/acme/models/churn/v/1/test/many"
HEAD = "months,plan,spend,churn\n"
GOOD = HEAD + "".join(f"{month},basic,20.5,{'yes' if month < 20 else 'no'}\n" for month in range(1, 41))


def ask(person, version: ModelVersion, **body: object):
    sent = {"rows_from": "file", "rows_csv": GOOD, **body}
    return api(person).post(f"/api/v1/model-versions/{version.pk}/batch-tests", sent)


def put_through(person, version: ModelVersion, **body: object) -> Batch:
    answer = ask(person, version, **body)
    assert answer.status_code == 202, answer.content
    batch = Batch.objects.get(pk=answer.json()["batch_test_id"])
    do(batch.job)
    process.end()
    batch.refresh_from_db()
    return batch


def kept(batch: Batch) -> list[list[str]]:
    return list(csv.reader(io.StringIO(blobs.read(batch.results_sha256).decode())))


def results(person, batch: Batch) -> list[list[str]]:
    answer = api(person).get(f"/api/v1/batch-tests/{batch.pk}/results")
    assert answer.status_code == 200
    return kept(batch)


def test_ben_sends_a_file_and_reads_figures_answers_and_evidence(cast: Cast, first: ModelVersion) -> None:
    ben = as_(cast.ben)
    file = SimpleUploadedFile("customers.csv", GOOD.encode(), "text/csv")
    sent = ben.post(PAGE, {"source": "file", "file": file})
    assert sent.status_code == 302
    assert "The rows are being answered" in ben.get(sent["Location"]).content.decode()
    batch = Batch.objects.get()
    do(batch.job)
    shown = ben.get(sent["Location"]).content.decode()
    assert "Figures on these rows" in shown
    run = TestRun.objects.get(batch=batch)
    assert (run.kind, run.version, run.document["rows"], run.document["labelled"]) == ("batch", first, 40, 40)
    assert 0.5 < run.document["figures"]["auc"]["value"] <= 1
    download = ben.get(f"{sent['Location']}/results")
    batch.refresh_from_db()
    assert (download.status_code, download["ETag"]) == (200, f'"{batch.results_sha256}"')
    rows = kept(batch)
    assert len(rows) == 41
    assert rows[0][:5] == ["row", "months", "plan", "spend", "churn"]
    assert {row[rows[0].index("v1 answer")] for row in rows[1:]} <= {"yes", "no"}
    assert run.pk in as_(cast.vic).get("/p/acme/models/churn/v/1").content.decode()


def test_rows_that_cannot_be_read_are_named_and_the_others_answered(cast: Cast, first: ModelVersion) -> None:
    batch = put_through(cast.ben, first, rows_csv="months,plan,extra\n3,basic,x\nmany,basic,y\n,gold,z\n5,plus,=1+1\n")
    document = TestRun.objects.get(batch=batch).document
    assert document["errors"] == [{"row": 2, "column": "months"}]
    assert (document["rows"], document["failed"], document["labelled"]) == (4, 1, 0)
    assert document["missing_columns"] == ["spend"]
    assert document["unknown_columns"] == ["extra"]
    assert "many" not in str(document)
    rows = results(cast.ben, batch)
    assert rows[2][-1] == "no number in months"
    assert rows[1][-1] == ""
    assert rows[4][3] == "'=1+1"
    page = as_(cast.vic).get(f"/p/acme/tests/{batch.pk}").content.decode()
    assert "Row 2: months" in page


def test_lines_that_cannot_be_read_are_counted_and_named(cast: Cast, first: ModelVersion) -> None:
    batch = put_through(cast.ben, first, rows_csv="months,plan\n3,basic\n4,gold,secret,9\n5,plus\n")
    document = TestRun.objects.get(batch=batch).document
    assert (document["rows"], document["rejected"], [each["line"] for each in document["rejects"]]) == (2, 1, [3])
    assert "secret" not in str(document)
    page = as_(cast.vic).get(f"/p/acme/tests/{batch.pk}").content.decode()
    assert "1 line of the file was left out" in page
    assert "Line 3: " in page


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("a,b\n1,2\n", "columns_missing"),
        ("just one line", "unparseable_file"),
        ("months,plan\n", "unparseable_file"),
    ],
)
def test_a_file_that_is_no_table_of_the_model_ends_with_a_sentence(
    cast: Cast, first: ModelVersion, rows: str, code: str
) -> None:
    batch = put_through(cast.ben, first, rows_csv=rows)
    assert (batch.job.state, batch.job.error_code) == (State.FAILED, code)
    page = as_(cast.ben).get(f"/p/acme/tests/{batch.pk}").content.decode()
    assert "The test could not be made" in page
    refused = api(cast.ben).get(f"/api/v1/batch-tests/{batch.pk}/results")
    assert (refused.status_code, refused.json()["code"]) == (409, "test_not_finished")
    assert not TestRun.objects.exists()


def test_two_versions_answer_the_same_rows_and_the_gate_reads_it(
    cast: Cast, first: ModelVersion, second: ModelVersion
) -> None:
    said = promotion.Said("The first one there is.")
    promotion.promote(version=first, by=cast.mia, said=said, seen_revision=0, at=now())
    batch = put_through(cast.ben, second, version_ids=[first.pk])
    assert list(TestRun.objects.filter(batch=batch).values_list("kind", flat=True)) == ["compare", "compare"]
    pair = checks.compared(second, first)
    assert pair is not None
    assert (pair.rows, pair.before, pair.after) == (40, pair.after, pair.after)  # both hold the same booster here
    assert pair.low == pair.high == 0
    page = as_(cast.mia).get("/p/acme/models/churn/v/2/promotion").content.decode()
    assert "on the same 40 rows" in page
    shown = as_(cast.vic).get(f"/p/acme/tests/{batch.pk}").content.decode()
    assert "They give the same answer to every row" in shown


def test_held_back_rows_and_tables_are_tested_without_a_file(
    cast: Cast, first: ModelVersion, churn: DatasetVersion
) -> None:
    held = put_through(cast.ben, first, rows_from="holdout", rows_csv="")
    document = TestRun.objects.get(batch=held).document
    told = first.run.outcome.report["test"]["auc"]["value"]
    assert document["figures"]["auc"]["value"] == pytest.approx(told, abs=1e-9)
    assert {each["column"] for each in document["drift"]} == {"months", "plan", "spend"}
    assert all(each["index"] <= each["limit"] for each in document["drift"])
    assert document["drift_against"] == "learnt"
    assert document["may_have_learnt"] is False
    whole = put_through(cast.ben, first, rows_from="table", rows_csv="", dataset_version_id=churn.pk)
    assert TestRun.objects.get(batch=whole).document["may_have_learnt"] is True
    assert results(cast.ben, whole)[0] == [
        "row",
        "v1 answer",
        "v1 probability of no",
        "v1 probability of yes",
        "v1 error",
    ]


def test_who_may_test_many_rows(cast: Cast, first: ModelVersion) -> None:
    assert ask(cast.vic, first).status_code == 403
    assert ask(cast.mallory, first).status_code == 404
    batch = put_through(cast.ben, first)
    assert as_(cast.vic).get(f"/p/acme/tests/{batch.pk}").status_code == 200
    assert as_(cast.vic).get(f"/p/acme/tests/{batch.pk}/results").status_code == 403
    assert as_(cast.mallory).get(f"/p/acme/tests/{batch.pk}").status_code == 404


def test_a_test_obeys_the_quota_and_the_limits(cast: Cast, first: ModelVersion, second: ModelVersion) -> None:
    large = ask(cast.ben, first, rows_csv=HEAD + "1,basic,2,no\n" * 200_000)
    assert large.status_code in {413, 400}
    assert ask(cast.ben, first, rows_csv="").status_code == 422
    many = [as_(cast.ben).post(PAGE, {"source": "file"}), as_(cast.ben).post(PAGE, {"source": "table"})]
    assert {answer.status_code for answer in many} == {422}
    used = Allowance.objects.get(project=cast.acme).used_bytes
    batch = put_through(cast.ben, first)
    charged = StorageCharge.objects.filter(kind="test").values_list("size_bytes", flat=True)
    assert sorted(charged) == sorted([len(GOOD), batch.results_bytes])
    Allowance.objects.filter(project=cast.acme).update(limit_bytes=used)
    assert (ask(cast.ben, first).status_code, ask(cast.ben, first).json()["code"]) == (403, "quota_exceeded")
    Allowance.objects.filter(project=cast.acme).update(limit_bytes=10**12)
    for _ in range(3):
        assert ask(cast.ben, first).status_code == 202
    assert ask(cast.ben, first).status_code == 429


def test_a_second_delivery_changes_nothing(cast: Cast, first: ModelVersion) -> None:
    batch = put_through(cast.ben, first)
    before = TestRun.objects.count(), StorageCharge.objects.count()
    assert jobs.claim(job_id=batch.job_id, owner="again", at=now()) is None
    assert (TestRun.objects.count(), StorageCharge.objects.count()) == before


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_leaves_nothing_half_and_the_next_one_ends_the_test(
    cast: Cast, first: ModelVersion
) -> None:
    long = HEAD + "".join(f"{n % 60},basic,{n % 90},{'yes' if n % 3 else 'no'}\n" for n in range(10_000))
    batch = Batch.objects.get(pk=ask(cast.ben, first, rows_csv=long).json()["batch_test_id"])
    job = jobs.claim(job_id=batch.job_id, owner="doomed", at=now())
    argv = [sys.executable, str(env.ROOT / "manage.py"), "work", job.pk, str(job.attempt)]
    with subprocess.Popen(argv, start_new_session=True) as child:
        deadline = time.monotonic() + 60
        while Job.objects.get(pk=job.pk).progress == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGKILL)
    assert Job.objects.get(pk=job.pk).progress > 0
    assert not TestRun.objects.exists()
    jobs.lose(job, at=now())
    assert do(Job.objects.get(pk=job.pk)).state == State.SUCCEEDED
    assert TestRun.objects.get().document["rows"] == 10_000
    assert blobs.exists(Batch.objects.get().results_sha256)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+x", "'+x"),
        ("-5", "-5"),
        ("-a", "'-a"),
        ("\tx", "'\tx"),
        ("a", "a"),
    ],
)
def test_no_result_is_a_formula(text: str, safe: str) -> None:
    assert harmless(text) == safe


def test_a_version_of_before_its_training_rows_were_counted_is_measured_against_those_held_back(
    cast: Cast, first: ModelVersion
) -> None:
    outcome = first.run.outcome
    outcome.report = {name: value for name, value in outcome.report.items() if name != "spread"}
    outcome.save()
    far = HEAD + "".join(f"{500 + n},pro,20.5,no\n" for n in range(60))
    batch = put_through(cast.ben, first, rows_csv=far)
    document = TestRun.objects.get(batch=batch).document
    assert document["drift_against"] == "held_back"
    assert next(each for each in document["drift"] if each["column"] == "months")["index"] > 0.5
    assert "held back: this version" in as_(cast.vic).get(f"/p/acme/tests/{batch.pk}").content.decode()


def test_a_column_has_moved_only_beyond_what_chance_explains() -> None:
    column = InputColumn("x", "number")
    training = spread.spread(column, [float(n % 100) for n in range(1000)])
    same, few = [float((n * 7) % 100) for n in range(500)], [1.0, 40.0, 80.0]
    moved = [value + 60 for value in same]
    assert not judgement.drift(column, training, same).has_moved
    assert judgement.drift(column, training, moved).has_moved
    assert judgement.drift(column, training, few).limit > 1
    levels = InputColumn("c", "category", categories=("a", "b"))
    both = spread.spread(levels, ["a", "b"] * 200)
    assert judgement.drift(levels, both, ["a"] * 200).has_moved
    assert judgement.drift(levels, both, [None] * 200).has_moved


def test_changing_a_field_shows_the_difference_to_the_starting_row(cast: Cast, first: ModelVersion) -> None:
    vic, page = as_(cast.vic), "/p/acme/models/churn/v/1/test"
    start = {"s0": "3", "s1": "basic", "s2": "12.5"}
    changed = vic.post(page, {"c0": "50", "c1": "basic", "c2": "12.5", **start}).content.decode()
    assert "Starting row" in changed
    assert "<bdi>3</bdi> → <bdi>50</bdi>" in changed
    assert 'name="s0" value="3"' in changed
    begun = vic.post(page, {"c0": "50", "c1": "basic", "c2": "12.5", **start, "begin": "here"}).content.decode()
    assert "Starting row" not in begun
    assert 'name="s0" value="50"' in begun


def test_vic_moves_a_value_and_hears_what_if_without_leaving_evidence(cast: Cast, first: ModelVersion) -> None:
    vic, part = as_(cast.vic), "/p/acme/models/churn/v/1/test/what-if"
    start = {"s0": "3", "s1": "basic", "s2": "12.5"}
    told = vic.post(part, {"c0": "50", "c1": "gold", "c2": "12.5", **start}).content.decode()
    assert "<bdi>3</bdi> → <bdi>50</bdi>" in told
    assert "Difference" in told
    assert "nothing differs" in vic.post(part, {"c0": "3", "c1": "basic", "c2": "12.5", **start}).content.decode()
    half = vic.post(part, {"c0": "5 m", "c1": "basic", "c2": "12.5", **start})
    assert (half.status_code, "takes a number" in half.content.decode()) == (422, True)
    assert not TestRun.objects.exists()
    assert as_(cast.mallory).post(part, start).status_code == 404


@pytest.mark.parametrize(
    "text",
    [
        '[{"months": 3, "plan": "basic", "churn": "yes"}, {"months": 40, "plan": null, "churn": "no"}]',
        '{"months": 3, "plan": "basic", "churn": "yes"}\n\n{"months": 40, "churn": "no"}\n',
    ],
)
def test_ben_pastes_rows_as_json(cast: Cast, first: ModelVersion, text: str) -> None:
    sent = as_(cast.ben).post(PAGE, {"source": "pasted", "pasted": text})
    assert sent.status_code == 302
    batch = Batch.objects.get()
    do(batch.job)
    process.end()
    document = TestRun.objects.get(batch=batch).document
    assert (document["rows"], document["failed"], document["labelled"]) == (2, 0, 2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Paste at least one row"),
        ("[]", "There is no row in it"),
        ("[1]", "Row 1 is no object"),
        ('[{"months": 1}, {"months": [1]}]', "Row 2: “months” takes one text or number"),
        ('{"months": 1}\nmonths', "no JSON from line 2 on"),
        ('{"months": NaN}', "no JSON from line 1 on"),
    ],
)
def test_pasted_text_that_is_no_rows_is_named(cast: Cast, first: ModelVersion, text: str, sentence: str) -> None:
    answer = as_(cast.ben).post(PAGE, {"source": "pasted", "pasted": text})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_a_program_sends_rows_as_objects_or_as_a_file(cast: Cast, first: ModelVersion) -> None:
    batch = put_through(cast.ben, first, rows_csv="", rows=[{"months": 3, "plan": "basic"}])
    assert TestRun.objects.get(batch=batch).document["rows"] == 1
    body = {"rows_from": "file", "rows_file": SimpleUploadedFile("a.csv", GOOD.encode(), "text/csv")}
    answer = api(cast.ben).post(f"/api/v1/model-versions/{first.pk}/batch-tests", body, format="multipart")
    assert answer.status_code == 202
    assert answer.json()["filename"] == "a.csv"
    wrong = ask(cast.ben, first, rows_csv="", rows=[{"months": [3]}])
    assert (wrong.status_code, "Row 1" in wrong.json()["detail"]) == (422, True)
