"""What a person fills in to move production, to propose a version, and to label it."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Project
from fynix.queue.models import State
from registry.catalogue import Wish
from registry.models import ModelVersion
from registry.promotion import Said
from training import own, words

STATES = (
    ("", _("All")),
    *State.choices,
    ("version", _("Has a version")),
    ("production", _("In production")),
    ("pinned", _("Pinned")),
    ("archived", _("Archived")),
)
CITABLE = 20  # newest test runs that a promotion is offered to cite
REASON = {"label": _("Why"), "help_text": _("An auditor will read this. At least 10 characters.")}


class ReasonForm(forms.Form):
    """Why, in a sentence."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=2000, **REASON)  # type: ignore[arg-type]


class MoveForm(ReasonForm):
    """The reason, and the revision of the model that the page showed."""

    revision = forms.IntegerField(widget=forms.HiddenInput)


class PromoteForm(MoveForm):
    """A promotion may cite a test run of its version, and pass over a closed gate with a reason of its own."""

    evidence = forms.ChoiceField(
        label=_("Evidence"), required=False, help_text=_("The test run of this version that speaks for it.")
    )
    override = forms.CharField(
        label=_("Reason to pass over a closed gate"), required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Only when the gate below the checks is closed. It is kept with the promotion."),
    )  # fmt: skip
    field_order = ("evidence", "reason", "override", "revision")

    def __init__(self, *args: Any, version: ModelVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        runs = version.test_runs.select_related("created_by").order_by("-created_at")[:CITABLE]
        self.fields["evidence"].choices = [  # type: ignore[attr-defined]  # a ChoiceField's
            ("", gettext("None")),
            *(
                (run.pk, f"{run.get_kind_display()}, {run.created_at:%Y-%m-%d %H:%M} UTC, {run.created_by.email}")
                for run in runs
            ),
        ]

    @property
    def said(self) -> Said:
        sent = self.cleaned_data
        return Said(sent["reason"], sent["override"], sent["evidence"])


class RollbackForm(MoveForm):
    """A rollback is retyped: nobody does it by a slip of the mouse."""

    name = forms.CharField(label=_("Type the model's name to confirm"), max_length=60)

    def __init__(self, *args: Any, model_name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_name = model_name

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self.model_name:
            raise forms.ValidationError(gettext("Type %(name)s exactly.") % {"name": self.model_name})
        return name


class RuleForm(forms.Form):
    """What a project asks of every promotion."""

    needs_approval = forms.BooleanField(
        label=_("A second person must approve a version before it can be promoted"), required=False
    )
    needs_evidence = forms.BooleanField(label=_("A promotion must cite a test run"), required=False)


class CatalogueForm(forms.Form):
    """What somebody looks for in the list of runs and versions."""

    text = forms.CharField(
        label=_("Name"), required=False, max_length=120, help_text=_("How the run’s name begins, or the model’s name.")
    )
    project = forms.ChoiceField(label=_("Project"), required=False)
    table = forms.CharField(
        label=_("Dataset"), required=False, max_length=120, help_text=_("Such as penguins, or penguins v2.")
    )
    creator = forms.CharField(
        label=_("Made by"), required=False, max_length=254, help_text=_("How the address begins.")
    )
    tag = forms.CharField(label=_("Tag"), required=False, max_length=40)
    state = forms.ChoiceField(label=_("State"), required=False, choices=STATES)
    metric = forms.ChoiceField(label=_("Test metric"), required=False)
    least = forms.FloatField(label=_("At least"), required=False)
    most = forms.FloatField(label=_("At most"), required=False)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    sort = forms.ChoiceField(label=_("Order"))

    def __init__(self, *args: Any, projects: QuerySet[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = projects.order_by("name").values_list("slug", "name")
        self._offer("project", [("", gettext("All")), *names])
        written = own.known(projects.values_list("pk", flat=True))
        self._offer("metric", [("", gettext("The main one of each")), *words.metric_choices(written)])
        by_time = [("newest", gettext("Newest first")), ("oldest", gettext("Oldest first"))]
        self._offer("sort", [*by_time, *words.metric_orders(written)])

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]  # a ChoiceField's

    def wish(self) -> Wish:
        """What could be read of it."""
        self.full_clean()
        asked = {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
        return Wish(**asked)
