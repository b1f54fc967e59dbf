"""A real table made worse: holes, thousands of levels, dates, a column that never changes. It goes the whole way."""

import csv
import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from datasets.models import DatasetVersion
from datasets.profiling import profile
from fynix import env
from fynix.queue.models import State
from registry.models import ModelVersion
from tests.cast import Cast, api, as_
from tests.registry.conftest import do
from tests.training.conftest import ready_version, start
from tests.training.test_execute import train_here
from training.engine import RunConfig
from training.models import RunEvent

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
    write_messy(tmp_path / "messy.csv")
    return ready_version(
        cast, profile(tmp_path / "messy.csv", filename="messy.csv", workdir=tmp_path, progress=lambda *_: None)
    )


def test_a_messy_table_is_learnt_packaged_tested_and_explained(cast: Cast, messy: DatasetVersion) -> None:
    wish = RunConfig("Churn", "binary", threads=1, parameters={"n_estimators": 20})
    run = start(messy, wish, cast.ben)
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
    page = as_(cast.vic).get(f"/p/acme/runs/{run.number}").content.decode()
    assert "How Contract moves the answer" in page.replace("<bdi>", "").replace("</bdi>", "")
