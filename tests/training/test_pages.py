"""Pages and API of runs: what people see, and who sees it."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from accounts import tickets
from accounts.models import AuditEvent
from datasets.models import DatasetVersion
from fynix.queue import jobs
from fynix.queue.models import Job, State
from tests.cast import Cast, api, as_
from tests.make import NOW
from tests.training.conftest import start
from tests.training.test_execute import train_here
from tests.training.test_feed import say
from training import events
from training.engine import RunConfig
from training.events import Progress
from training.models import Outcome, Run
from training.narrative import Change, Claim, Narrative

pytestmark = pytest.mark.django_db(transaction=True)


def text(client: Client, address: str, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


def wish(version: DatasetVersion, **change: object) -> dict[str, object]:
    return {
        "version": version.pk, "target": "churn", "task": "binary", "columns": ["months", "plan"], "recipe": "quick",
        "name": "", "model_name": "churn", "seed": "7", "parameters": "max_depth=4\nn_estimators=50", **change,
    }  # fmt: skip


def test_ben_sees_the_guessed_task_and_why(cast: Cast, churn: DatasetVersion) -> None:
    page = text(as_(cast.ben), "/p/acme/runs/new", version=churn.pk, target="churn")

    assert "It has exactly two values." in page
    assert "a model would learn it by heart" in page
    assert "roughly" in page


def test_ben_starts_a_run_from_the_form(cast: Cast, churn: DatasetVersion) -> None:
    answer = as_(cast.ben).post("/p/acme/runs/new", wish(churn))

    run = Run.objects.get()
    assert answer["Location"] == "/p/acme/runs/1"
    assert run.config["exclude"] == ["customer", "spend"]
    assert run.config["parameters"] == {"max_depth": 4, "n_estimators": 50}


def test_what_ben_sets_in_more_settings_reaches_the_run_and_a_run_like_it(cast: Cast, churn: DatasetVersion) -> None:
    further = {"test_share": "0.3", "group": "customer", "time": "", "metrics": ["mcc", "lift"]}
    as_(cast.ben).post("/p/acme/runs/new", wish(churn, **further))
    config = Run.objects.get().config
    again = text(as_(cast.ben), "/p/acme/runs/new", run="1")

    assert (config["test_share"], config["group"], config["metrics"]) == (0.3, "customer", ["mcc", "lift"])
    assert '<option value="customer" selected>' in again
    assert re.findall(r'name="metrics" value="(\w+)"[^>]*checked', again) == ["mcc", "lift"]
    assert 'name="test_share" value="0.3"' in again


def test_a_run_by_groups_follows_its_further_metrics_to_the_end(cast: Cast, churn: DatasetVersion) -> None:
    body = {"dataset_version_id": churn.pk, "target": "churn", "task": "binary", "model_name": "churn",
            "group": "spend", "metrics": ["mcc"], "parameters": {"n_estimators": 20}}  # fmt: skip
    told = api(cast.ben).post("/api/v1/projects/acme/runs", body).json()
    assert told["queue_position"] == 1
    train_here(Run.objects.get(pk=told["run_id"]))
    page = text(as_(cast.vic), "/p/acme/runs/1")

    assert 'data-metric="mcc"' in page
    assert "Matthews correlation" in page
    assert api(cast.ben).get(f"/api/v1/runs/{told['run_id']}").json()["queue_position"] is None
    assert (
        api(cast.ben).post("/api/v1/projects/acme/runs", {**body, "time": "months"}).json()["errors"][0]["pointer"]
        == "/time"
    )


def test_a_waiting_run_says_its_place_in_the_queue(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    for _ in range(2):
        start(churn, config, cast.ben)
    pages = [text(as_(cast.vic), f"/p/acme/runs/{number}") for number in (1, 2)]

    assert sorted("It is number 2 in the queue" in page for page in pages) == [False, True]
    assert sorted("It is the next to start" in page for page in pages) == [False, True]
    assert "number 2 in the queue" in text(as_(cast.vic), "/p/acme/runs")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"test_share": "0.9"}, "less than or equal to 0.5"),
        ({"metrics": ["r2"]}, "is no metric of this task"),
        ({"time": "plan"}, "Select a valid choice"),
        ({"parameters": "max_depth"}, "is not a parameter"),
        ({"parameters": "objective=reg:squarederror"}, "cannot be set here"),
        ({"parameters": "n_estimators=inf"}, "takes a number from 1 to 100,000"),
        ({"columns": []}, "Keep at least one column"),
        ({"model_name": "Not a slug"}, "Small letters, digits"),
    ],
)
def test_a_wish_that_cannot_be_met_comes_back_with_a_sentence(
    cast: Cast, churn: DatasetVersion, change: dict[str, object], sentence: str
) -> None:
    answer = as_(cast.ben).post("/p/acme/runs/new", wish(churn, **change))

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Run.objects.exists()


def test_the_list_costs_the_same_for_one_run_and_for_five(
    cast: Cast, churn: DatasetVersion, config: RunConfig, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        start(churn, config, cast.ben)
    client = as_(cast.vic)
    with django_assert_max_num_queries(12):
        page = text(client, "/p/acme/runs")

    assert page.count("First</a>") == 5


def test_a_waiting_run_has_a_page_that_can_come_alive(run: Run, cast: Cast) -> None:
    page = text(as_(cast.ben), "/p/acme/runs/1")

    assert "<fx-live-run>" in page
    assert f'"socket": "/ws/v1/runs/{run.pk}/"' in page
    assert "</svg>Cancel<" in page
    assert "</svg>Cancel<" not in text(as_(cast.vic), "/p/acme/runs/1")


def test_a_finished_run_shows_its_results_without_a_script(run: Run, cast: Cast) -> None:
    train_here(run)
    page = text(as_(cast.vic), "/p/acme/runs/1")

    for words in ("rows it had never seen", "what it answered", "What mattered", "figure-link", "months", "± 0."):
        assert words in page
    drawings = (
        "Confusion of classes", "ROC curve: hits", "Precision over recall", "Calibration: what happened",
        "SHAP values of",
        "Mean SHAP value by value of months", "Mean SHAP value by value of plan", "Mean SHAP value by value of spend",
    )  # fmt: skip
    for drawing in drawings:
        assert f'aria-label="{drawing}' in page
    assert page.count("As a table") == len(drawings)


def test_vic_chooses_the_class_that_is_explained(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    wish = replace(config, target="plan", task="multiclass", parameters={"n_estimators": 5})
    train_here(start(churn, wish, cast.ben))
    vic = as_(cast.vic)
    pages = {label: text(vic, "/p/acme/runs/1", **{"class": label}) for label in ("basic", "plus", "nothing")}

    assert "moves the answer towards “basic”" in pages["basic"].replace("<bdi>", "").replace("</bdi>", "")
    assert "<option selected>plus</option>" in pages["plus"]
    assert pages["nothing"].count("<option selected>") == 1
    paper = vic.get("/p/acme/runs/1/report/md").content.decode()
    assert all(f"towards “{label}”" in paper for label in ("basic", "plus", "pro"))


def test_a_run_from_before_there_were_explanations_is_still_read(run: Run, cast: Cast) -> None:
    train_here(run)
    outcome = Outcome.objects.get(run=run)
    for name in (
        "precision_recall",
        "explanation",
        "class_explanations",
        "spread",
        "suspicions",
        "divided",
        "divided_by",
    ):
        del outcome.report[name]
    for claim in outcome.narrative["claims"]:
        del claim["wording"]
    del outcome.narrative["rephrasing"]
    outcome.save()
    for name in ("metrics", "group", "time"):
        del run.config[name]
    run.save()

    assert "What mattered" in text(as_(cast.vic), "/p/acme/runs/1")
    assert "Filled in from First" in text(as_(cast.ben), "/p/acme/runs/new", run="1")
    assert api(cast.vic).get(f"/api/v1/runs/{run.pk}/report").status_code == 200


def test_a_failed_run_says_why(run: Run, cast: Cast) -> None:
    Job.objects.filter(pk=run.job_id).update(state=State.RUNNING, lease_until=run.created_at, attempt=1)
    jobs.fail(Job.objects.get(pk=run.job_id), code="one_class", detail="Choose another target.", at=run.created_at)

    assert "Choose another target." in text(as_(cast.vic), "/p/acme/runs/1")


def test_a_program_trains_and_reads_the_feed(cast: Cast, churn: DatasetVersion) -> None:
    program = api(cast.ben)
    body = {"dataset_version_id": churn.pk, "target": "churn", "task": "binary", "model_name": "churn",
            "parameters": {"n_estimators": 40}}  # fmt: skip
    answer = program.post("/api/v1/projects/acme/runs", body)
    told = answer.json()
    assert (answer.status_code, answer["Location"]) == (202, f"/api/v1/tasks/{told['task_id']}")
    assert program.get(f"/api/v1/runs/{told['run_id']}/report").json()["code"] == "report_not_ready"
    train_here(Run.objects.get(pk=told["run_id"]))

    page = program.get(told["events_url"], {"after_seq": 2, "limit": 3}).json()
    snapshot = program.get(f"/api/v1/runs/{told['run_id']}/snapshot").json()
    report = program.get(f"/api/v1/runs/{told['run_id']}/report").json()

    assert [event["seq"] for event in page["data"]] == [3, 4, 5]
    assert page["has_more"]
    assert (snapshot["state"], snapshot["progress"], snapshot["seq"]) == ("succeeded", 90, page["last_seq"])
    assert snapshot["curves"]["steps"][0] == 1
    assert snapshot["claims"][0]["parts"]
    assert report["signature"]["target"] == "churn"
    assert program.get(f"/api/v1/runs/{told['run_id']}").json()["state"] == "succeeded"
    assert program.get("/api/v1/projects/acme/runs", {"state": "succeeded"}).json()["data"][0]["number"] == 1
    assert program.get("/api/v1/projects/acme/runs", {"state": "strange"}).status_code == 422


def test_a_ticket_of_the_api_opens_the_socket(run: Run, cast: Cast) -> None:
    answer = api(cast.vic).post(f"/api/v1/runs/{run.pk}/ws-ticket").json()

    assert tickets.redeem(answer["ticket"], run=run.pk) == cast.vic
    assert answer["url"] == f"/ws/v1/runs/{run.pk}/"


def test_cancelling_over_the_api_takes_the_right_role(run: Run, cast: Cast) -> None:
    address = f"/api/v1/runs/{run.pk}/cancellation"
    assert api(cast.vic).post(address).status_code == 403
    assert api(cast.mallory).post(address).status_code == 404
    assert api(cast.mia).post(address).json()["state"] == "cancelled"
    assert api(cast.mia).post(address).status_code == 202
    assert AuditEvent.objects.filter(action="run:cancel").count() == 1


def test_the_log_comes_as_a_text_file(run: Run, cast: Cast) -> None:
    say(run, "The first line\nhas a break.", "The second.")
    answer = as_(cast.vic).get("/p/acme/runs/1/log")

    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="acme-run-1.log"'
    assert answer.content.decode().splitlines() == [
        "2026-11-02T09:30:00.000Z info    train    The first line has a break.",
        "2026-11-02T09:30:00.000Z info    train    The second.",
    ]


def test_a_run_tells_how_long_it_will_still_take(run: Run, cast: Cast) -> None:
    jobs.claim(job_id=run.job_id, owner="w", at=NOW)
    events.publish(run, [Progress(at=NOW, stage="train", progress=41.3, seconds_left=20.2)])
    page = text(as_(cast.vic), "/p/acme/runs/1")

    assert "about 20 s left" in page
    assert "<title>41 % · First" in page
    assert api(cast.vic).get(f"/api/v1/runs/{run.pk}/snapshot").json()["seconds_left"] == 20.2


def test_ben_starts_from_an_earlier_run(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    start(churn, replace(config, seed=11, parameters={"eta": 0.2}), cast.ben)
    page = text(as_(cast.ben), "/p/acme/runs/new", run="1")

    assert "Filled in from First. Change what you like" in page
    assert "learning_rate=0.2</textarea>" in page
    assert 'value="11"' in page
    assert kept(page) == ["months", "plan", "spend"]


def kept(page: str) -> list[str]:
    """The columns that are ticked in the form."""
    return re.findall(r'name="columns" value="(\w+)" checked', page)


def test_ben_tries_what_an_insight_proposes(run: Run, cast: Cast) -> None:
    train_here(run)
    leak = Claim(
        "dominance", "problem", "Leave it out.", change=Change(exclude=("months",), parameters={"learning_rate": 0.03})
    )
    Outcome.objects.filter(run=run).update(narrative=Narrative((leak,), ()).to_json())
    shown = text(as_(cast.ben), "/p/acme/runs/1")
    form = text(as_(cast.ben), "/p/acme/runs/new", run="1", claim="dominance")

    assert 'href="/p/acme/runs/new?run=1&amp;claim=dominance">Try this<' in shown
    assert "Try this" not in text(as_(cast.vic), "/p/acme/runs/1")
    assert "without “months”, with learning_rate=0.03" in form
    assert kept(form) == ["plan", "spend"]
    assert "learning_rate=0.03</textarea>" in form


@pytest.mark.parametrize("number", ["2", "x", "-1", "9" * 5000])
def test_there_is_no_form_from_a_run_that_is_not_there(run: Run, cast: Cast, number: str) -> None:
    assert as_(cast.ben).get("/p/acme/runs/new", {"run": number}).status_code == 404


PAGES = ("/p/acme/runs", "/p/acme/runs/new", "/p/acme/runs/1")
READS = ("", "/events", "/snapshot", "/report")


def test_strangers_find_nothing_and_visitors_are_asked_to_sign_in(run: Run, cast: Cast) -> None:
    for address in PAGES:
        assert as_(cast.mallory).get(address).status_code == 404
        assert as_(None).get(address).status_code == 302
    assert as_(cast.mallory).post("/p/acme/runs/1/cancel").status_code == 404
    for tail in READS:
        assert api(cast.mallory).get(f"/api/v1/runs/{run.pk}{tail}").status_code == 404
        assert api(None).get(f"/api/v1/runs/{run.pk}{tail}").status_code == 401


def test_vic_may_look_and_not_touch(run: Run, cast: Cast, churn: DatasetVersion) -> None:
    vic = as_(cast.vic)
    assert vic.get("/p/acme/runs/new").status_code == 403
    assert vic.post("/p/acme/runs/new", wish(churn)).status_code == 403
    assert vic.post("/p/acme/runs/1/cancel").status_code == 403
    assert api(cast.vic).post("/api/v1/projects/acme/runs", {}).status_code == 403
    assert api(cast.vic).post(f"/api/v1/runs/{run.pk}/ws-ticket").status_code == 201


def test_ben_cancels_his_own_run_from_the_page(run: Run, cast: Cast) -> None:
    as_(cast.ben).post("/p/acme/runs/1/cancel")

    run.job.refresh_from_db()
    assert run.job.state == State.CANCELLED
