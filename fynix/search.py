"""Finding anything by a few letters or a number, within what the person may see.

The number of queries is the same for everybody. Numbers and beginnings are answered by indexes; a part within
a name is looked for in the newest NEWEST rows of a kind only, so that 100,000 runs cost what 500 cost.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from accounts import access
from accounts.access import NEEDS, Action
from accounts.models import Project, Role, User
from datasets.models import Dataset
from fynix import prefix
from registry.models import ModelVersion, RegisteredModel
from training.models import Run

MOST = 20  # results
EACH = 6  # results of one kind
NEWEST = 1000  # rows of one kind in which a part within a name is looked for
LONGEST = 100  # characters of a question that count
NUMBERED = re.compile(r"^(?P<name>.*?)[\s#]*\bv?#?(?P<number>\d{1,9})$", re.IGNORECASE)
BEGINS = prefix.Begins.lookup_name

Row = TypeVar("Row", bound=Model)


KINDS: dict[str, tuple[str, str | Promise]] = {
    "action": ("arrow-right", gettext_lazy("Action")),
    "project": ("layers", gettext_lazy("Project")),
    "dataset": ("table", gettext_lazy("Dataset")),
    "model": ("box", gettext_lazy("Model")),
    "version": ("tag", gettext_lazy("Version")),
    "run": ("chart", gettext_lazy("Run")),
}
"""Kind of a hit to its drawing and its word."""


@dataclass(frozen=True)
class Hit:
    """One thing that was found; `kind` is one of KINDS."""

    kind: str
    title: str
    detail: str
    url: str

    @property
    def icon(self) -> str:
        return KINDS[self.kind][0]

    @property
    def word(self) -> str:
        return str(KINDS[self.kind][1])


@dataclass(frozen=True)
class Door:
    """An action of the palette: its words, its page, what it takes in a project (None: no project needed)."""

    words: str | Promise
    route: str
    needs: Action | None = None


DOORS = (
    Door(gettext_lazy("Go to home"), "home"),
    Door(gettext_lazy("Upload a table"), "datasets", Action.UPLOAD),
    Door(gettext_lazy("Train a model"), "run-new", Action.TRAIN),
    Door(gettext_lazy("See the datasets"), "datasets", Action.SEE),
    Door(gettext_lazy("See the runs"), "runs", Action.SEE),
    Door(gettext_lazy("See the models"), "models", Action.SEE),
    Door(gettext_lazy("Add a member"), "project-settings", Action.INVITE),
    Door(gettext_lazy("Project settings"), "project-settings", Action.SEE),
    Door(gettext_lazy("Read your notifications"), "notifications"),
    Door(gettext_lazy("All projects"), "projects"),
    Door(gettext_lazy("New project"), "project-new"),
    Door(gettext_lazy("Your tokens for programs"), "tokens"),
    Door(gettext_lazy("Keyboard shortcuts"), "shortcuts"),
    Door(gettext_lazy("E-mail addresses"), "account_email"),
    Door(gettext_lazy("Sign-in security"), "mfa_index"),
    Door(gettext_lazy("API documentation"), "docs"),
)


def find(user: User, question: str, *, within: str = "") -> list[Hit]:
    """At most MOST hits. `within` is the slug of the project at hand, for its actions and to put it first."""
    words = " ".join(question.replace("\0", " ").split())[:LONGEST]
    roles = access.roles_of(user)
    projects = list(Project.objects.filter(pk__in=roles).order_by("name", "slug"))
    here = next((each for each in projects if each.slug == within), None)
    role = roles[here.pk] if here else None
    actions = list(_actions(words, here, role))
    if not words:
        return actions[:MOST]
    named = [each for each in projects if words.lower() in each.name.lower() or words.lower() in each.slug]
    found = [
        *islice((_project(each) for each in named), EACH),
        *_rows(Dataset.objects.filter(project__in=roles), words, key="slug", show=_dataset),
        *_rows(RegisteredModel.objects.filter(project__in=roles), words, key="name", show=_model),
        *_versions(roles, words),
        *_runs(roles, words, here),
    ]
    ranked = sorted(found, key=lambda hit: _rank(hit, words, within))
    return [*ranked[: MOST - min(len(actions), EACH)], *actions[:EACH]]


def _actions(words: str, here: Project | None, role: Role | None) -> Iterable[Hit]:
    for door in DOORS:
        if words.lower() not in str(door.words).lower():
            continue
        if door.needs is None:
            yield Hit("action", str(door.words), "", reverse(door.route))
        elif here and role and role.rank >= NEEDS[door.needs].rank:
            yield Hit("action", str(door.words), here.name, reverse(door.route, args=[here.slug]))


def _rank(hit: Hit, words: str, within: str) -> tuple[bool, bool, bool]:
    """Equal names first, then beginnings, then what lies in the project at hand; else as it was found."""
    title, asked = hit.title.lower(), words.lower()
    return title != asked, not title.startswith(asked), not hit.url.startswith(f"/p/{within}/")


def _rows(mine: QuerySet[Row], words: str, *, key: str, show: Callable[[Row], Hit]) -> list[Hit]:
    """Rows whose key begins with the words, and the newest ones that hold them anywhere. Costs two queries."""
    slug = "-".join(words.lower().split())
    newest = mine.order_by("-pk").values("pk")[:NEWEST]
    holds = Q(**{f"{key}__contains": slug}) | Q(name__icontains=words)
    rows = mine.select_related("project")
    begins = rows.filter(**{f"{key}__{BEGINS}": slug})[:EACH]
    return [show(row) for row in _each_once(begins, rows.filter(holds, pk__in=newest).order_by("-pk")[:EACH])]


def _versions(roles: dict[str, Role], words: str) -> list[Hit]:
    """“churn v3”: the versions of that number, of models whose name begins so. Costs one query."""
    name, number = _numbered(words)
    if not name or number is None:
        return []
    mine = ModelVersion.objects.filter(model__project__in=roles, number=number, **{f"model__name__{BEGINS}": name})
    return [_version(row) for row in mine.select_related("model__project").order_by("model__name")[:EACH]]


def _runs(roles: dict[str, Role], words: str, here: Project | None) -> list[Hit]:
    """By number, by the beginning of the name, and those that hold the words among the newest ones of the
    project at hand, or else of the server. Costs three queries."""
    mine = Run.objects.filter(project__in=roles).select_related("project", "job")
    name, number = _numbered(words)
    by_number = mine.filter(number=number).order_by("-pk") if name in {"", "run"} and number is not None else ()
    # Sorting all runs of 200 projects by age would cost more than everything else together.
    own = Run.objects.filter(project=here).order_by("-number") if here else Run.objects.order_by("-pk")
    newest = own.values("pk")[:NEWEST]
    holds = Q(name__icontains=words) | Q(model_name__contains=words.lower()) | Q(target__icontains=words)
    first = mine.filter(**{f"name_key__{BEGINS}": words})[:EACH]
    then = mine.filter(holds, pk__in=newest).order_by("-pk")[:EACH]
    return [_run(row) for row in _each_once(by_number[:EACH], then, first)]


def _numbered(words: str) -> tuple[str, int | None]:
    """“churn v3” as ("churn", 3), “#17” as ("", 17); without a number the words and None."""
    match = NUMBERED.match(words)
    if match is None:
        return words.lower(), None
    return "-".join(match["name"].lower().split()), int(match["number"])


def _each_once(*groups: Iterable[Row]) -> list[Row]:
    rows = {row.pk: row for group in groups for row in group}
    return list(rows.values())[:EACH]


def _project(row: Project) -> Hit:
    return Hit("project", row.name, "", reverse("project", args=[row.slug]))


def _dataset(row: Dataset) -> Hit:
    return Hit("dataset", row.name, row.project.name, reverse("dataset", args=[row.project.slug, row.slug]))


def _model(row: RegisteredModel) -> Hit:
    return Hit("model", row.name, row.project.name, reverse("model", args=[row.project.slug, row.name]))


def _version(row: ModelVersion) -> Hit:
    project = row.model.project
    title = gettext("{model} version {number}").format(model=row.model.name, number=row.number)
    return Hit(
        "version", title, project.name, reverse("model-version", args=[project.slug, row.model.name, row.number])
    )


def _run(row: Run) -> Hit:
    detail = f"{row.project.name} · {row.job.get_state_display()}"
    title = row.name if str(row.number) in row.name else f"{row.name} (#{row.number})"
    return Hit("run", title, detail, reverse("run", args=[row.project.slug, row.number]))
