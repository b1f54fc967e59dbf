"""A real table made worse: holes, thousands of levels, dates, a column that never changes. It goes the whole way."""

import csv
import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from datasets.models import DatasetVersion
from fynix import env
from fynix.queue.models import Job, State
from registry.models import ModelVersion
from tests.cast import Cast, api, as_
from tests.datasets.uploading import read, uploaded
from tests.registry.conftest import do
from tests.training.test_execute import train_here
from training.models import Run, RunEvent

pytestmark = pytest.mark.django_db(transaction=True)
ROWS, LEVELS = 14_000, 5000
CUT = ("tenure", "Contract", "InternetService", "PaymentMethod", "MonthlyCharges", "Churn")
TELCO = env.ROOT / "datasets" / "bundled" / "telco_churn.csv"


def write_messy(path: Path) -> None:
    """Some columns of Telco, twice, with a fifth of the cells emptied and three columns more."""
    dice = random.Random(5)
    with TELCO.open(newline="") as source:
        rows = [[row[name] for name in CUT] for row in csv.DictReader(source)]
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow([*CUT, "code", "since", "country"])
        for number in range(ROWS):
            cells = rows[number % len(rows)]
            kept = [
                cell if name == "Churn" or dice.random() >= 0.2 else "" for name, cell in zip(CUT, cells, strict=True)
            ]
            code = f"code {number % LEVELS}" if dice.random() >= 0.2 else ""
            since = date(2020, 1, 1) + timedelta(days=dice.randrange(1500))
            out.writerow([*kept, code, since.isoformat() if dice.random() >= 0.2 else "", "US"])


@pytest.fixture
def messy(cast: Cast, tmp_path: Path) -> DatasetVersion:
    """As Ben uploads it and a worker reads it."""
    write_messy(tmp_path / "messy.csv")
    version = read(uploaded(cast.ben, cast.acme, (tmp_path / "messy.csv").read_bytes(), "messy.csv"))
    assert version.job.state == State.SUCCEEDED, version.job.error_detail
    return version


def test_a_messy_table_is_learnt_packaged_tested_and_explained(cast: Cast, messy: DatasetVersion) -> None:
    wish = {"dataset_version_id": messy.pk, "target": "Churn", "task": "binary", "model_name": "churn",
            "parameters": {"n_estimators": 20}}  # fmt: skip
    asked = api(cast.ben).post("/api/v1/projects/acme/runs", wish)
    assert asked.status_code == 202, asked.content
    run = Run.objects.get(pk=asked.json()["run_id"])
    train_here(run)
    version = ModelVersion.objects.get(run=run)
    job = do(version.job)
    report = run.outcome.report
    columns = {column["name"]: column for column in run.outcome.schema["columns"]}
    left = {column["name"]: column["code"] for column in report["excluded"]}

    assert job.state == State.SUCCEEDED, job.error_detail
    assert report["test"]["auc"]["value"] > 0.78
    assert (left["since"], left["country"]) == ("date", "constant")
    assert len(columns["code"]["categories"]) == 100
    assert columns["tenure"]["missing_share"] == pytest.approx(0.2, abs=0.02)
    assert {step["label"] for each in report["explanation"]["dependence"] for step in each["steps"]} >= {""}

    lines = RunEvent.objects.filter(run=run, type="log").exclude(payload__log__level="info")
    assert [line.payload["log"]["message"] for line in lines] == []
    assert {claim["code"] for claim in run.outcome.narrative["claims"] if claim["severity"] == "problem"} == set()

    files = api(cast.vic).get(f"/api/v1/model-versions/{version.pk}/artifacts").json()
    assert {"onnx", "wheel"} <= {file["format"] for file in files}
    row = {"tenure": 3, "Contract": "Two year", "code": "code 77777", "MonthlyCharges": None}
    said = api(cast.vic).post(f"/api/v1/model-versions/{version.pk}/predictions", {"inputs": row}).json()
    assert said["unseen"] == {"code": ["code 77777"]}
    assert said["base_value"] + sum(each["amount"] for each in said["contributions"]) == pytest.approx(
        said["margin"], abs=1e-4
    )
    many = {"rows_from": "file", "rows_csv": "tenure,Contract,code,since\n3,Two year,code 7,2021-05-01\n,,,\n"}
    batch = api(cast.ben).post(f"/api/v1/model-versions/{version.pk}/batch-tests", many)
    assert batch.status_code == 202, batch.content
    assert do(Job.objects.get(pk=batch.json()["task_id"])).state == State.SUCCEEDED
    page = as_(cast.vic).get(f"/p/acme/runs/{run.number}").content.decode()
    assert "How Contract moves the answer" in page.replace("<bdi>", "").replace("</bdi>", "")
