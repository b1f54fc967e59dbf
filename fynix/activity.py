"""What happened lately in a person's projects: sentences from the record of key actions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.audit import Act
from accounts.models import AuditEvent, Project
from datasets.models import DatasetVersion
from fynix import paging
from registry.models import ModelVersion, RegisteredModel
from sandbox.models import Batch
from training.models import Run

LATEST = 10

SENTENCES: dict[str, str | Promise] = {
    Act.PROJECT_CREATE: _("{who} made the project {name}."),
    Act.PROJECT_RENAME: _("{who} renamed the project from “{from}” to “{to}”."),
    Act.MEMBER_ADD: _("{who} added {email} as {role}."),
    Act.MEMBER_CHANGE: _("{who} made {email} {role}."),
    Act.MEMBER_REMOVE: _("{who} removed {email}."),
    Act.INVITATION_SEND: _("{who} invited {email} as {role}."),
    Act.INVITATION_ACCEPT: _("{who} accepted the invitation as {role}."),
    Act.UPLOAD_COMPLETE: _("{who} uploaded {thing}."),
    Act.DATASET_DERIVE: _("{who} made {thing} from an earlier version."),
    Act.DATASET_DISCARD: _("{who} threw away the unread file of {thing}."),
    Act.PRIVACY_DECIDE: _("{who} decided about personal data in {thing}."),
    Act.RUN_START: _("{who} started {thing}."),
    Act.RUN_CANCEL: _("{who} cancelled {thing}."),
    Act.VERSION_PUBLISH: _("{thing} is ready."),
    Act.VERSION_PROMOTE: _("{who} put version {to} of {thing} into production: “{reason}”"),
    Act.VERSION_ROLLBACK: _("{who} rolled {thing} back to version {to}: “{reason}”"),
    Act.RETENTION_CHANGE: _("{who} changed how long files are kept."),
    Act.FILES_EXPIRE: _("The files of {thing} went, as the project's rule says."),
    Act.RESULTS_EXPIRE: _("Rows and answers of {thing} went, as the project's rule says."),
    Act.UPLOAD_EXPIRE: _("The uploaded file of {thing} went, as the project's rule says."),
    Act.LOG_EXPIRE: _("The log of {thing} went, as the project's rule says."),
    Act.ALLOWANCE_CHANGE: _("{who} changed the limit of storage."),
}
"""Kinds of actions that are told. Sign-ins, tokens and downloads are a person's own affair."""

FACTS = ("from", "to", "reason", "email", "role", "name")  # what the sentences take from an event's detail


@dataclass(frozen=True)
class Line:
    """One sentence, with the page that it is about (empty: none)."""

    sentence: str
    project: Project
    at: datetime
    url: str


def latest(mine: QuerySet[Project]) -> list[Line]:
    """The newest LATEST actions in these projects. Costs nine queries at most, however many there are."""
    told = AuditEvent.objects.filter(action__in=list(SENTENCES)).select_related("project", "actor")
    events = list(paging.leading(told, mine, most=LATEST, order=["-seq"]))
    things = _things(event.subject for event in events)
    return [_line(event, things) for event in events]


def _line(event: AuditEvent, things: dict[str, tuple[str, str]]) -> Line:
    name, url = things.get(event.subject, ("", ""))
    who = (event.actor.name or event.actor.email) if event.actor else gettext("The server")
    facts = {
        "from": "",
        "to": "",
        "reason": "",
        "email": "",
        "role": "",
        "name": "",
        **event.detail,
        "who": who,
        "thing": name,
    }
    assert event.project is not None  # noqa: S101  only events of projects are asked for
    return Line(str(SENTENCES[event.action]).format(**facts), event.project, event.at, url)


def _things(subjects: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Name and page of everything that the subjects name."""
    wanted = list(subjects)
    runs = Run.objects.filter(pk__in=wanted).select_related("project")
    tables = DatasetVersion.objects.filter(pk__in=wanted).select_related("dataset__project")
    models = RegisteredModel.objects.filter(pk__in=wanted).select_related("project")
    built = ModelVersion.objects.filter(pk__in=wanted).select_related("model__project")
    tests = Batch.objects.filter(pk__in=wanted).select_related("model__project")
    return {
        **{run.pk: (f"“{run.name}”", reverse("run", args=[run.project.slug, run.number])) for run in runs},
        **{table.pk: (f"{table.dataset.name} v{table.number}", table.get_absolute_url()) for table in tables},
        **{model.pk: (model.name, reverse("model", args=[model.project.slug, model.name])) for model in models},
        **{
            version.pk: (
                gettext("Version {number} of {model}").format(number=version.number, model=version.model.name),
                reverse("model-version", args=[version.model.project.slug, version.model.name, version.number]),
            )
            for version in built
        },
        **{
            test.pk: (
                gettext("a test of {model}").format(model=test.model.name),
                reverse("batch-test", args=[test.model.project.slug, test.pk]),
            )
            for test in tests
        },
    }
