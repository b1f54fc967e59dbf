"""Comparing runs: what differed first, the scores, and the curves over each other."""

from dataclasses import replace

import pytest

from datasets.models import DatasetVersion
from fynix.queue.models import State
from tests.cast import Cast, api, as_
from tests.training.conftest import start
from tests.training.test_execute import train_here
from tests.training.test_pages import text
from training import comparison
from training.engine import RunConfig

pytestmark = pytest.mark.django_db(transaction=True)


def test_vic_sees_what_differed_the_scores_and_both_curves_in_one_drawing(
    cast: Cast, churn: DatasetVersion, config: RunConfig
) -> None:
    short = replace(config, parameters={"n_estimators": 20})
    runs = [start(churn, short, cast.ben), start(churn, replace(short, seed=8, parameters={"eta": 0.3}), cast.ben)]
    for run in runs:
        train_here(run)
    told = comparison.compare(comparison.chosen(cast.acme, ["1", "2"]))
    page = text(as_(cast.vic), "/p/acme/runs/compare?run=1&run=2")

    assert {setting.name for setting in told.differing} == {"Seed", "learning_rate", "n_estimators"}
    assert "Recipe" in {setting.name for setting in told.equal}
    assert page.index("Settings that differ") < page.index("Validation log loss by round") < page.index("are equal")
    assert [overlay.metric for overlay in told.overlays] == ["logloss", "auc"]
    for overlay in told.overlays:
        assert [line.look for line in overlay.lines] == [1, 2]
        assert page.count(overlay.lines[0].points) == 1
    answer = api(cast.vic).get("/api/v1/projects/acme/runs/comparison?run=2&run=1").json()
    assert [run["number"] for run in answer["runs"]] == [1, 2]
    assert {each["key"]: each["values"] for each in answer["settings"] if each["differs"]} == {
        "seed": [7, 8], "learning_rate": [None, 0.3], "n_estimators": [20, None],
    }  # fmt: skip
    assert [curves["values"]["valid-logloss"][0] for curves in answer["curves"]] == [*told.overlays[0].rows[0][1]]
    assert {each["metric"] for each in answer["results"]} == {each.metric for each in told.results}
    losses = [run.outcome.report["test"]["logloss"]["value"] for run in told.runs]
    assert next(each for each in told.results if each.metric == "logloss").best == losses.index(min(losses))


def test_a_run_that_has_no_curve_yet_stands_beside_one_that_has(
    cast: Cast, churn: DatasetVersion, config: RunConfig
) -> None:
    train_here(start(churn, config, cast.ben))
    start(churn, config, cast.ben)
    told = comparison.compare(comparison.chosen(cast.acme, ["1", "2"]))

    assert [len(overlay.lines) for overlay in told.overlays] == [1, 1]
    assert told.results[0].scores[1] is None
    assert "They were asked for the same." in text(as_(cast.vic), "/p/acme/runs/compare?run=1&run=2")


@pytest.mark.parametrize("query", ["", "run=1", "run=1&run=9", "run=1&run=x", f"run=1&run={'9' * 5000}", "run=1&run=1"])
def test_fewer_than_two_runs_are_named_as_the_fault(
    cast: Cast, churn: DatasetVersion, config: RunConfig, query: str
) -> None:
    start(churn, config, cast.ben)
    answer = as_(cast.vic).get(f"/p/acme/runs/compare?{query}")

    assert answer.status_code == 422
    assert "Choose two to five runs of this project" in answer.content.decode()
    problem = api(cast.vic).get(f"/api/v1/projects/acme/runs/comparison?{query}")
    assert problem.status_code == 422


def test_six_runs_are_too_many(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    for _ in range(6):
        run = start(churn, config, cast.ben)
        run.job.state, run.job.finished_at = State.CANCELLED, run.created_at
        run.job.save()
    six = "&".join(f"run={number}" for number in range(1, 7))

    assert as_(cast.vic).get(f"/p/acme/runs/compare?{six}").status_code == 422
    assert as_(cast.vic).get(f"/p/acme/runs/compare?{six[:-6]}").status_code == 200


def test_mallory_finds_no_comparison_and_her_runs_do_not_mix(
    cast: Cast, churn: DatasetVersion, config: RunConfig
) -> None:
    start(churn, config, cast.ben)
    assert as_(cast.mallory).get("/p/acme/runs/compare?run=1&run=2").status_code == 404
    assert as_(cast.mallory).get("/p/elsewhere/runs/compare?run=1&run=2").status_code == 422
    assert as_(None).get("/p/acme/runs/compare").status_code == 302
    assert api(cast.mallory).get("/api/v1/projects/acme/runs/comparison?run=1&run=2").status_code == 404


def test_the_list_offers_to_compare_once_there_are_two(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    start(churn, config, cast.ben)
    assert "Tick two to five runs" not in text(as_(cast.vic), "/p/acme/runs")
    start(churn, config, cast.ben)
    page = text(as_(cast.vic), "/p/acme/runs")
    assert "Tick two to five runs" in page
    assert page.count('name="run"') == 2
