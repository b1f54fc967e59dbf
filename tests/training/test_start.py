"""Starting runs: what is accepted, what is refused, what is written."""

from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from accounts.models import AuditEvent
from datasets.models import DatasetVersion
from datasets.profiling.job import profile
from fynix.errors import Invalid
from fynix.queue.models import Job, State
from tests.cast import Cast, api
from tests.training.conftest import ready_version, start
from training import runs
from training.engine import RunConfig
from training.models import Run, RunEvent


def test_ben_starts_a_run_and_it_waits_in_the_queue(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    run = start(churn, config, cast.ben)

    assert (run.number, run.job.state, run.job.kind, run.job.subject) == (1, State.QUEUED, "train", run.pk)
    told = RunEvent.objects.get(run=run)
    assert (told.seq, told.type, told.payload["status"]["state"]) == (1, "status", "queued")
    assert AuditEvent.objects.get(action="run:start").actor == cast.ben


def test_runs_are_numbered_within_their_project(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    assert [start(churn, config, cast.ben).number for _ in range(3)] == [1, 2, 3]


def test_a_run_without_a_name_gets_one(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    run = runs.start(
        project=cast.acme,
        version=churn,
        config=config,
        name="",
        model_name="churn",
        by=cast.ben,
        at=churn.created_at,
    )
    assert run.name == "Run 1"


def test_the_sixth_run_at_once_is_refused(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    for _ in range(5):
        start(churn, config, cast.ben)

    with pytest.raises(runs.TooManyActiveRuns, match="5 runs of this project"):
        start(churn, config, cast.ben)

    Job.objects.filter(kind="train").update(state=State.CANCELLED, finished_at=churn.created_at)
    assert start(churn, config, cast.ben).number == 6


def test_ben_has_a_limit_over_all_his_projects(
    cast: Cast, churn: DatasetVersion, config: RunConfig, settings: Settings
) -> None:
    settings.ACTIVE_RUNS_PER_PERSON = 2
    for _ in range(2):
        start(churn, config, cast.ben)

    with pytest.raises(runs.TooManyActiveRuns, match="2 runs of yours"):
        start(churn, config, cast.ben)
    assert start(churn, config, cast.mia).number == 3


def test_waiting_runs_know_their_place_in_the_queue(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    identities = sorted(start(churn, config, cast.ben).job_id for _ in range(3))
    Job.objects.filter(pk=identities[0]).update(state=State.CANCELLED, finished_at=churn.created_at)

    places = dict(runs.placed(Run.objects.all()).values_list("job_id", "place"))
    assert [places[identity] for identity in identities] == [None, 1, 2]


def test_a_table_that_is_still_being_read_is_refused(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    Job.objects.filter(pk=churn.job_id).update(state=State.QUEUED, finished_at=None)
    churn.refresh_from_db()

    with pytest.raises(runs.DatasetNotReady):
        start(churn, config, cast.ben)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"target": "nothing"}, "target"),
        ({"exclude": ("nothing",)}, "exclude"),
        ({"exclude": ("customer", "months", "plan", "spend")}, "exclude"),
        ({"group": "nothing"}, "group"),
        ({"time": "churn"}, "time"),
        ({"time": "plan"}, "time"),
        ({"time": "months", "group": "plan"}, "time"),
        ({"metrics": ("lift", "exec")}, "metrics"),
    ],
)
def test_a_wish_that_the_table_cannot_meet_names_its_field(
    cast: Cast, churn: DatasetVersion, config: RunConfig, change: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        start(churn, replace(config, **change), cast.ben)
    assert refusal.value.field == field
    assert not Job.objects.filter(kind="train").exists()


def test_the_versions_of_one_model_answer_one_question(cast: Cast, churn: DatasetVersion, config: RunConfig) -> None:
    start(churn, config, cast.ben)
    other = replace(config, target="plan", task="multiclass")
    with pytest.raises(runs.ModelNameTaken, match="Choose another model name for plan"):
        start(churn, other, cast.ben)


@pytest.mark.parametrize(
    "sent",
    [
        '{"max_bin": 1e999}', '{"max_bin": 2000000000}', '{"max_depth": 1000}', '{"n_estimators": 1e12}',
        '{"n_estimators": "inf"}', '{"grow_policy": "\\u0000"}', '{"\\u0000": 1}', '{"eta": "nan"}', '{"nthread": 900}',
        '{"eta": ' + "9" * 400 + "}",
    ],
)  # fmt: skip
def test_a_parameter_out_of_bounds_is_refused_before_it_costs_anything(
    cast: Cast, churn: DatasetVersion, sent: str
) -> None:
    body = f'{{"dataset_version_id": "{churn.pk}", "target": "churn", "task": "binary", "model_name": "m", '
    body += f'"parameters": {sent}}}'
    answer = api(cast.ben).generic("POST", "/api/v1/projects/acme/runs", body, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/parameters")


def test_a_target_whose_name_is_no_name_is_refused(cast: Cast, config: RunConfig, tmp_path: Path) -> None:
    name = "x" * 300
    lines = "".join(f"{n},{'yes' if n % 3 else 'no'}\n" for n in range(60))
    (tmp_path / "long.csv").write_text(f"n,{name}\n{lines}")
    read = profile(tmp_path / "long.csv", filename="long.csv", workdir=tmp_path, progress=lambda *_: None)
    with pytest.raises(runs.TargetInvalid):
        start(ready_version(cast, read), replace(config, target=name, exclude=()), cast.ben)
