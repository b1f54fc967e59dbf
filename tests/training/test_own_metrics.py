"""Ben writes a metric of his own as a formula, and it is a metric like any other from the form to the model card."""

import html
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from accounts.models import Project
from benchmarks import rows
from datasets.models import DatasetVersion
from fynix.queue.models import Job
from registry import cards
from registry.models import ModelVersion
from tests import plans
from tests.cast import Cast, api, as_
from tests.training.test_execute import told, train_here
from tests.training.test_pages import text, wish
from training import contract, events, own
from training.engine.formulas import COLUMNS, FUNCTIONS
from training.engine.own import OwnMetric
from training.models import Run, RunMetric

pytestmark = pytest.mark.django_db(transaction=True)

COST = OwnMetric("Cost per case", "mean(where(y == 1, 5 * (p < 0.5), 1 * (p >= 0.5)))")
GAIN = OwnMetric("Gain", "sum(hit) / count(y == y)", "higher")


def form(place: int, metric: OwnMetric) -> dict[str, str]:
    return {f"own_{part}_{place}": getattr(metric, part) for part in ("name", "formula", "better")}


def body(churn: DatasetVersion, *own: OwnMetric, **change: Any) -> dict[str, Any]:
    written = [{"name": each.name, "formula": each.formula, "better": each.better} for each in own]
    return {"dataset_version_id": churn.pk, "target": "churn", "task": "binary", "model_name": "churn",
            "parameters": {"n_estimators": 12}, "own": written, **change}  # fmt: skip


def trained(cast: Cast, churn: DatasetVersion, *own: OwnMetric, **change: Any) -> Run:
    answer = api(cast.ben).post("/api/v1/projects/acme/runs", body(churn, *own, **change))
    assert answer.status_code == 202, answer.content
    run = Run.objects.get(pk=answer.json()["run_id"])
    train_here(run)
    return run


def test_ben_writes_a_cost_on_the_form_sees_it_live_and_takes_it_into_the_next_run(
    cast: Cast, churn: DatasetVersion
) -> None:
    ben = as_(cast.ben)
    sent = wish(churn, parameters="n_estimators=12", **form(1, COST), **form(3, GAIN))
    assert ben.post("/p/acme/runs/new", sent).status_code == 302
    run = Run.objects.get()
    live = html.unescape(text(ben, "/p/acme/runs/1"))
    train_here(run)
    points = [point for event in told(run, "metric") for point in event["points"]]
    done = html.unescape(text(as_(cast.vic), "/p/acme/runs/1"))
    again = html.unescape(text(ben, "/p/acme/runs/new", run="1"))

    assert [each["name"] for each in run.config["own"]] == ["Cost per case", "Gain"]
    assert f'data-metric="{COST.key}" data-name="Cost per case"' in live
    assert len({point["metrics"][f"valid-{COST.key}"] for point in points}) > 1
    assert re.search(
        r'<th scope="row">Cost per case</th><td class="num">[\d.]+</td><td class="num nowrap">[\d.]+ to', done
    )
    assert COST.formula in done
    assert "higher is better" in done
    assert COST.formula in again
    assert f'value="{GAIN.name}"' in again
    assert re.search(
        r'name="own_better_2"[^>]*>\s*<option value="lower">.*?</option>\s*<option value="higher" selected', again
    )


def test_the_feed_that_carries_it_keeps_to_the_contract(cast: Cast, churn: DatasetVersion) -> None:
    run = trained(cast, churn, COST, OwnMetric("Odd", "mean(log(-p))"))
    found = events.stored(run, after=0, limit=1000)
    for kind in events.TYPES:
        check = Draft202012Validator(contract.schema(kind))
        for event in found:
            if event["type"] == kind.type:
                check.validate(event)
    metrics = api(cast.vic).get(f"/api/v1/runs/{run.pk}/snapshot").json()["curves"]["values"]
    assert len([value for value in metrics[f"valid-{COST.key}"] if value is not None]) == 12


def test_what_has_no_value_is_not_available_and_says_why_wherever_it_is_looked_for(
    cast: Cast, churn: DatasetVersion
) -> None:
    run = trained(cast, churn, OwnMetric("Odd", "mean(log(-p))"))
    why = "“log(-p)” has no finite value on"
    version = ModelVersion.objects.get(run=run)
    pages = [text(as_(cast.vic), address) for address in ("/p/acme/runs/1", "/p/acme/models/churn/v/1")]
    paper = api(cast.vic).get(f"/api/v1/runs/{run.pk}/report/md").content.decode()

    assert Job.objects.get(pk=run.job_id).state == "succeeded"
    assert all("Not available" in page and why in html.unescape(page) for page in pages)
    assert "Odd is not available" in paper
    assert "Odd is not available" in cards.write(version)
    assert any("“Odd” is not available in the first round" in line["log"]["message"] for line in told(run, "log"))


def test_lists_and_comparisons_know_it_by_its_key(cast: Cast, churn: DatasetVersion) -> None:
    runs = [trained(cast, churn, COST, GAIN, parameters={"n_estimators": rounds}) for rounds in (1, 25)]
    dearer = OwnMetric(COST.name, COST.formula.replace("5", "9"))
    trained(cast, churn, dearer)
    values = [run.outcome.report["test"][COST.key]["value"] for run in runs]
    vic = api(cast.vic)

    by_cost = vic.get("/api/v1/projects/acme/runs", {"sort": COST.key}).json()["data"]
    assert [row["number"] for row in by_cost] == [1 + values.index(value) for value in sorted(values)]
    worst = vic.get("/api/v1/registry", {"sort": f"-{COST.key}"}).json()["data"]
    assert [row["value"] for row in worst] == sorted(values, reverse=True)
    within = vic.get("/api/v1/registry", {"metric": COST.key, "most": min(values)}).json()["data"]
    assert [row["value"] for row in within] == [min(values)]
    assert vic.get("/api/v1/registry", {"sort": "own:Cost"}).status_code == 422
    for page in ("/p/acme/runs", "/registry"):
        assert f'value="{COST.key}"' in text(as_(cast.vic), page)
        assert f'value="-{GAIN.key}"' in text(as_(cast.vic), page)
        assert "Cost per case" in text(as_(cast.vic), page, sort=COST.key)
        assert COST.key not in text(as_(cast.mallory), "/registry")

    beside = vic.get("/api/v1/projects/acme/runs/comparison?run=1&run=2&run=3").json()
    results = {each["metric"]: each for each in beside["results"]}
    assert results[COST.key]["best"] == (values.index(min(values)) if len(set(values)) > 1 else None)
    assert [score is None for score in results[COST.key]["scores"]] == [False, False, True]
    assert [score is None for score in results[dearer.key]["scores"]] == [True, True, False]
    assert next(each for each in beside["settings"] if each["key"] == "own")["differs"]
    page = as_(cast.vic).get("/p/acme/runs/compare?run=1&run=3").content.decode()
    assert COST.formula in html.unescape(page)


def test_the_formulas_of_several_projects_are_found_by_their_index_among_many_values(cast: Cast) -> None:
    for name in ("One", "Two"):
        made = rows.runs(cast.ben, rows.table(cast.ben, rows.project(cast.ben, name)), 2000)
        RunMetric.objects.bulk_create(
            RunMetric(run=run, project_id=run.project_id, name=f"{COST.key} {name}"[:40], is_own=True, value=1.0)
            for run in made[:2]
        )
    with plans.taken() as found:
        keys = own.known(Project.objects.values_list("pk", flat=True))
    assert len(keys) == 2
    assert "run_metric_own" in found[-1], found
    assert not [whole for whole in plans.WHOLE if f"{whole}training" in found[-1]], found


def test_versions_beside_one_another_and_the_model_card_name_it(cast: Cast, churn: DatasetVersion) -> None:
    first, _ = (trained(cast, churn, COST, parameters={"n_estimators": rounds}) for rounds in (2, 30))
    page = html.unescape(as_(cast.vic).get("/p/acme/models/churn/compare?v=1&v=2").content.decode())
    card = cards.write(ModelVersion.objects.get(run=first))
    paper = api(cast.vic).get(f"/api/v1/runs/{first.pk}/report/md").content.decode()

    assert "Cost per case" in page
    assert COST.formula in page
    assert f'type: "{COST.key}"' in card
    assert "| Cost per case |" in card
    assert "lower is better" in card
    assert "Cost per case" in paper


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (OwnMetric("Cost", "mean(x)"), "At character 6, “x”: this is no column"),
        (OwnMetric("Cost", "mean(y"), "cannot be read at character"),
        (OwnMetric("Cost", "y - p"), "gives a value for each row"),
        (OwnMetric("Cost", "__import__('os').system('true')"), "this is no function"),
        (OwnMetric("Cost: <b>", "mean(y)"), "cannot be the name of a metric"),
        (OwnMetric("", "mean(y)"), "cannot be the name of a metric"),
        (OwnMetric("Cost", ""), "Write a formula"),
    ],
)
def test_a_formula_that_cannot_be_used_comes_back_with_its_place(
    cast: Cast, churn: DatasetVersion, own: OwnMetric, sentence: str
) -> None:
    page = as_(cast.ben).post("/p/acme/runs/new", wish(churn, **form(2, own)))
    answer = api(cast.ben).post("/api/v1/projects/acme/runs", body(churn, own))

    assert (page.status_code, answer.status_code) == (422, 422)
    shown = html.unescape(page.content.decode())
    assert sentence in shown
    assert re.search(r'id="id_own_formula_2_error"', shown)
    if own.name and own.formula:
        assert answer.json()["errors"][0]["pointer"] == "/own"
        assert sentence in answer.json()["errors"][0]["detail"]
    assert not Run.objects.exists()


def test_two_of_one_name_are_named_and_vic_starts_nothing(cast: Cast, churn: DatasetVersion) -> None:
    twice = as_(cast.ben).post("/p/acme/runs/new", wish(churn, **form(1, COST), **form(2, COST)))
    assert "Two of your metrics have the same name" in twice.content.decode()
    assert as_(cast.vic).post("/p/acme/runs/new", wish(churn, **form(1, COST))).status_code == 403
    assert api(cast.vic).post("/api/v1/projects/acme/runs", body(churn, COST)).status_code == 403
    assert api(cast.mallory).post("/api/v1/projects/acme/runs", body(churn, COST)).status_code == 404
    assert not Run.objects.exists()


def test_the_form_tells_every_column_and_function(cast: Cast, churn: DatasetVersion) -> None:
    page = text(as_(cast.ben), "/p/acme/runs/new", version=churn.pk)
    for name in {*FUNCTIONS, *(name for names in COLUMNS.values() for name in names)}:
        assert f"<code>{name}</code>" in page
