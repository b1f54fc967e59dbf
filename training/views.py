"""Pages of runs: starting one, the list, and the page that is live while a run is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access
from accounts.access import Action
from accounts.models import Project
from accounts.requests import AuthedRequest, signed_in
from datasets import versions
from datasets import words as dataset_words
from datasets.models import DatasetVersion
from datasets.profiling import ColumnProfile
from fynix import ids, paging
from fynix.errors import DomainError
from training import again, charts, comparison, engine, estimates, events, giveaways, own, papers, runs, story, words
from training.engine.formulas import FUNCTIONS
from training.engine.recipes import ADJUSTABLE, METRICS
from training.engine.report import RunReport
from training.forms import RECIPES, RunForm, RunListForm, TargetForm
from training.models import Run
from training.orders import metric_order
from training.serializers import ORDERS

LEFT_OUT = {
    "identifier": gettext_lazy("Different in almost every row: a model would learn it by heart."),
    "constant": gettext_lazy("The same in every row."),
    "empty": gettext_lazy("It holds no values."),
    "datetime": gettext_lazy("Dates are not used for learning yet."),
    "text": gettext_lazy("Free text is not used for learning yet."),
}
"""Kinds of columns that start unticked, with the reason."""
SETTINGS = {"name", "task", "group", "time", "test_share", "seed", "metrics", "parameters"}
"""Fields that are folded away unless one of them is wrong."""


@dataclass(frozen=True)
class Choice:
    """One column of the form."""

    profile: ColumnProfile
    is_kept: bool
    reason: str


@require_safe
@signed_in
def run_list(request: AuthedRequest, slug: str) -> HttpResponse:
    """The project's runs, newest first or by one test metric."""
    project = access.project_for(request.user, slug, needs=Action.SEE)
    form = RunListForm({"sort": "newest", **request.GET.dict()}, own=own.known([project.pk]))
    sort, state = (form.cleaned_data[name] for name in ("sort", "state")) if form.is_valid() else ("newest", "")
    rows, next_cursor = _listed(request, project, sort=sort, state=state)
    context = {
        "project": project,
        "rows": rows,
        "next_cursor": next_cursor,
        "form": form,
        "is_narrowed": bool(state) or metric_order(sort) is not None,
        "may_train": access.may(request.user, project, Action.TRAIN),
        "ready": versions.all_versions().filter(dataset__project=project, table_sha256__gt="").exists(),
    }
    return render(request, "training/runs.html", context)


@dataclass(frozen=True)
class Line:
    """A run in the list, with the metric that the list shows of it."""

    run: Run
    metric: str
    value: float | None


def _listed(request: AuthedRequest, project: Project, *, sort: str, state: str) -> tuple[list[Line], str | None]:
    """One page of runs, and the cursor of the next; sorted by a metric, only the runs that have it."""
    wanted = {"job__state": state} if state else {}
    order = metric_order(sort)
    if order is None:
        page = paging.shown(runs.listed(project).filter(**wanted), request, order=ORDERS[sort])
        return [Line(run, run.main_metric, run.main_value) for run in page.rows], page.next_cursor
    values = runs.measured(project, sort.lstrip("-")).filter(
        **{f"run__{name}": value for name, value in wanted.items()}
    )
    measured = paging.shown(values, request, order=order)
    return [Line(each.run, each.name, each.value) for each in measured.rows], measured.next_cursor


@require_safe
@signed_in
def run_compare(request: AuthedRequest, slug: str) -> HttpResponse:
    """Two to five runs side by side, named by `?run=` each."""
    project = access.project_for(request.user, slug, needs=Action.SEE)
    try:
        found = comparison.chosen(project, request.GET.getlist("run"))
    except comparison.NotComparable as refusal:
        return render(request, "training/compare.html", {"project": project, "refusal": refusal.message}, status=422)
    told = comparison.compare(found)
    return render(request, "training/compare.html", {"project": project, **vars(told), "compared": told.runs})


@require_safe
@signed_in
def giveaways_page(request: AuthedRequest, project: str, dataset: str, number: int) -> HttpResponse:
    """Which columns of a table predict `?target=` almost alone."""
    found = access.project_for(request.user, project, needs=Action.SEE)
    version = get_object_or_404(
        versions.all_versions(), dataset__project=found, dataset__slug=dataset, number=number
    )  # fmt: skip
    names = [column.name for column in versions.document(version).columns if not column.hides_values]
    form = TargetForm(request.GET or None, names=names)
    told = None
    if form.is_valid():
        try:
            told = giveaways.look(version=version, target=form.cleaned_data["target"])
        except DomainError as refusal:
            form.add_error("target", refusal.message)
    measure = words.metric(told.screening.measure) if told else ""
    context = {"project": found, "version": version, "form": form, "told": told, "measure": measure}
    return render(request, "training/giveaways.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def run_new(request: AuthedRequest, slug: str) -> HttpResponse:
    """Choose a target, columns and a recipe.

    A GET with `?target=` shows what the column is; `?run=` starts from an earlier run of the project, and
    `?claim=` with it from the change that one of its insights proposes.
    """
    project = access.project_for(request.user, slug, needs=Action.TRAIN)
    earlier = _earlier(request, project)
    named = request.POST.get("version") or request.GET.get("version", "")
    version = earlier.dataset_version if earlier else _version(project, named)
    if version is None:
        return redirect("runs", project.slug)
    names = [column.name for column in versions.document(version).columns]
    change = again.proposed(earlier, request.GET.get("claim", "")) if earlier else None
    initial = again.wish(earlier, change, columns=names) if earlier and change else _initial(request, version)
    times = [column.name for column in versions.document(version).columns if column.kind in runs.TIMES]
    form = RunForm(request.POST or None, names=names, times=times, initial=initial)
    status = 200
    if request.method == "POST":
        if form.is_valid() and (run := _started(request, project, version, form)):
            return redirect("run", project.slug, run.number)
        status = 422
    context = {
        "project": project,
        "version": version,
        "form": form,
        "earlier": earlier,
        "change": again.words(change) if change else "",
        **_advice(request, version, form),
    }
    return render(request, "training/new.html", context, status=status)


@require_safe
@signed_in
def run_page(request: AuthedRequest, slug: str, number: int) -> HttpResponse:
    """The run as it stands; the page goes on live from here."""
    run = _run(request, slug, number, needs=Action.SEE)
    told = story.read(run)
    curves = told.curves()
    config = engine.RunConfig.from_json(run.config)
    outcome = getattr(run, "outcome", None)
    report = RunReport.from_json(outcome.report) if outcome else None
    if report:
        curves = report.curves
    needs = runs.cancel_needs(run, request.user)
    may_train = access.may(request.user, run.project, Action.TRAIN)
    context: dict[str, Any] = {
        "project": run.project,
        "run": run,
        "story": told,
        "timeline": told.timeline(now=timezone.now()),
        "claims": story.told(story.claims(run, told)),
        "rephrased_by": story.rephrased_by(run),
        "writers": papers.WRITERS,
        "report": report,
        "may_train": may_train,
        "is_live": run.job.is_open or _is_packaging(run),
        "may_cancel": run.job.is_open and access.may(request.user, run.project, needs),
        "metrics": (*METRICS[config.task], *config.followed),
        "written": own.written(config, report),
        "main_label": words.metric(run.main_metric),
        "live": {
            "run": run.pk,
            "epoch": run.epoch,
            "seq": told.seq,
            "state": events.WORDS[run.job.state],
            "name": run.name,
            "api": f"/api/v1/runs/{run.pk}",
            "again": f"{reverse('run-new', args=[slug])}?run={number}" if may_train else "",
            "socket": f"/ws/v1/runs/{run.pk}/",
            "candidate": told.candidate,
            "best": report.best_round if report else None,
            "curves": {"steps": curves.steps, "values": curves.values},
        },
        **(charts.results(report, label=request.GET.get("class", "")) if report else {}),
    }
    return render(request, "training/run.html", context)


@require_safe
@signed_in
def run_log(request: AuthedRequest, slug: str, number: int) -> HttpResponse:
    """Every line of the run's log as a text file."""
    run = _run(request, slug, number, needs=Action.SEE)
    name = f"{slug}-run-{number}.log"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(story.log_text(run), content_type="text/plain; charset=utf-8", headers=headers)


@require_safe
@signed_in
def run_report(request: AuthedRequest, slug: str, number: int, form: str) -> HttpResponse:
    """The report as a file: `html`, `pdf` or `md`."""
    run = _run(request, slug, number, needs=Action.SEE)
    if form not in papers.WRITERS:
        raise Http404
    return papers.download(run, form)


@require_POST
@signed_in
def run_cancel(request: AuthedRequest, slug: str, number: int) -> HttpResponse:
    run = _run(request, slug, number, needs=Action.SEE)
    access.require(request.user, run.project, runs.cancel_needs(run, request.user))
    runs.cancel(run=run, by=request.user, at=timezone.now())
    return redirect("run", slug, number)


def _is_packaging(run: Run) -> bool:
    version = getattr(run, "model_version", None)
    return version is not None and version.state == "building"


def _run(request: AuthedRequest, slug: str, number: int, *, needs: Action) -> Run:
    rows = runs.placed(Run.objects.select_related("job", "outcome", "created_by", "dataset_version__dataset"))
    return access.find(rows, request.user, needs=needs, project__slug=slug, number=number)


def _earlier(request: AuthedRequest, project: Project) -> Run | None:
    """The run that a GET names by its number. Raises Http404."""
    number = request.GET.get("run", "")
    if request.method == "POST" or not number:
        return None
    rows = Run.objects.select_related("job", "outcome", "dataset_version__dataset").filter(project=project)
    readable = number.isascii() and number.isdigit() and len(number) < 10
    found = rows.filter(number=int(number)).first() if readable else None
    if found is None:
        raise Http404
    return found


def _version(project: Project, identity: str) -> DatasetVersion | None:
    """The named version of this project, or its newest ready one when none is named."""
    rows = versions.all_versions().filter(dataset__project=project)
    if identity:
        found = rows.filter(pk=identity).first() if ids.is_valid("dv", identity) else None
        if found is None:
            raise Http404
        return found
    return rows.filter(table_sha256__gt="").order_by("-created_at").first()


def _initial(request: AuthedRequest, version: DatasetVersion) -> dict[str, Any]:
    columns = versions.document(version).columns
    names = [column.name for column in columns]
    asked = request.GET.get("target", "")
    target = asked if asked in names else _likely_target(columns)
    return {
        "target": target,
        "columns": [column.name for column in columns if not _left_out(column)],
        "recipe": "quick",
        "seed": 7,
        "test_share": 0.2,
        "model_name": slugify(target.replace("_", "-"))[:60] or version.dataset.slug,
    }


def _left_out(column: ColumnProfile) -> str:
    """Why a column starts unticked; empty for the others."""
    if column.is_hidden:
        return gettext("It holds personal data, as people decided, which would be readable in the model's files.")
    if column.pii is not None and column.pii.hides_values:
        refusal = gettext("It seems to hold %(data)s, which would be readable in the model's files.")
        return refusal % {"data": dataset_words.PERSONAL.get(column.pii.type, column.pii.words)}
    return str(LEFT_OUT.get(column.kind, ""))


def _likely_target(columns: tuple[ColumnProfile, ...]) -> str:
    """The last column that has classes, else the last of all: where most tables keep their answer."""
    classes = [column.name for column in columns if column.kind in {"boolean", "category"} and not _left_out(column)]
    return (classes or [columns[-1].name])[-1]


def _advice(request: AuthedRequest, version: DatasetVersion, form: RunForm) -> dict[str, Any]:
    """What the page says about the chosen target, each column and each recipe."""
    target = str(form["target"].value())
    columns = versions.document(version).columns
    kept = set(form["columns"].value() or [])
    guess, refusal = _guess(version, target)
    rows, width = version.rows or 0, len(columns)
    sample = engine.RunConfig(target=target, task=guess.task if guess else "binary")
    return {
        "target": target,
        "guess": guess,
        "refusal": refusal,
        "task": form["task"].value() or (guess.task if guess else ""),
        "balance": [(label, n, n / max(1, rows)) for label, n in (guess.classes[:8] if guess else ())],
        "choices": [Choice(c, c.name in kept, _left_out(c)) for c in columns if c.name != target],
        "recipes": [
            (
                key,
                name,
                words,
                estimates.seconds(engine.RunConfig(**{**vars(sample), "recipe": key}), rows=rows, columns=width),
            )
            for key, name, words in RECIPES
        ],
        "recipe": form["recipe"].value(),
        "limits": sorted(ADJUSTABLE.items()),
        "settings_wrong": any(name in SETTINGS or name.startswith("own_") for name in form.errors),
        "formula_functions": tuple(FUNCTIONS),
    }


def _guess(version: DatasetVersion, target: str) -> tuple[engine.TaskGuess | None, str]:
    """The task that suits the target, or why none does."""
    try:
        with versions.table(version) as path:
            return engine.guess_from(path, target), ""
    except engine.Untrainable as refusal:
        return None, refusal.message


def _started(request: AuthedRequest, project: Project, version: DatasetVersion, form: RunForm) -> Run | None:
    """The new run, or None with the refusal noted on the form."""
    try:
        return runs.start(
            project=project, version=version, config=form.config(), name=form.cleaned_data["name"],
            model_name=form.cleaned_data["model_name"], by=request.user, at=timezone.now(),
        )  # fmt: skip
    except DomainError as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return None
