"""The form that starts a run, and the one that orders the list of runs."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from fynix.queue.models import State
from training import engine, words
from training.engine import scorers
from training.engine.formulas import LONGEST
from training.engine.own import LONGEST_NAME, OwnMetric
from training.engine.recipes import candidates
from training.engine.scorers import Followed

RECIPES = (
    ("quick", words.RECIPES["quick"], _("One set of proven parameters. The right start for almost every table.")),
    ("standard", words.RECIPES["standard"], _("Two sets; the better one wins.")),
    (
        "thorough",
        words.RECIPES["thorough"],
        _(
            "Four sets, two of them slow learners. A little better, and much longer. Tables of fewer than 2,000 rows "
            "are cut into five parts, and the set that does best over all of them wins."
        ),
    ),
)
TASKS = tuple(words.TASKS.items())
FURTHER = {
    title: [key for key, scorer in scorers.SCORERS.items() if scorer.tasks == tasks]
    for tasks, title in (
        (("binary", "multiclass"), _("Any classes")),
        (("binary",), words.TASKS["binary"]),
        (("multiclass",), words.TASKS["multiclass"]),
        (("regression",), words.TASKS["regression"]),
    )
}
"""Metrics that can be followed, by the kind of answer that they fit."""
PLACES, PARTS = range(1, scorers.MOST_OWN + 1), ("name", "formula", "better")
"""Where a person can write metrics on the form, and what belongs to each."""


class RunListForm(forms.Form):
    """What narrows and orders the list of runs."""

    state = forms.ChoiceField(label=_("State"), choices=[("", _("All")), *State.choices], required=False)
    sort = forms.ChoiceField(label=_("Order"))

    def __init__(self, *args: Any, own: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        by_time = [("newest", gettext("Newest first")), ("oldest", gettext("Oldest first"))]
        self.fields["sort"].choices = [*by_time, *words.metric_orders(own)]  # type: ignore[attr-defined]  # a ChoiceField's


class TargetForm(forms.Form):
    """Which column a model would predict."""

    target = forms.ChoiceField(label=_("Column to predict"))

    def __init__(self, *args: Any, names: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]


class RunForm(forms.Form):
    """What a person asks of a run. `columns` are those the model may read; the rest is left out."""

    target = forms.ChoiceField(label=_("Column to predict"))
    task = forms.ChoiceField(label=_("Kind of answer"), choices=TASKS)
    columns = forms.MultipleChoiceField(
        label=_("Columns to learn from"), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Keep at least one column besides the target.")},
    )  # fmt: skip
    recipe = forms.ChoiceField(
        label=_("Recipe"), choices=[(key, name) for key, name, _ in RECIPES], widget=forms.RadioSelect
    )
    name = forms.CharField(
        label=_("Name of the run"), max_length=120, required=False, help_text=_("Empty: Run and its number.")
    )
    model_name = forms.SlugField(
        label=_("Name of the model"), max_length=60,
        help_text=_("Small letters, digits and hyphens. Runs of one model become its versions."),
        validators=[RegexValidator(r"^[a-z0-9-]+$", _("Use small letters, digits and hyphens."))],
    )  # fmt: skip
    seed = forms.IntegerField(
        label=_("Seed"), min_value=0, max_value=2**31 - 1, help_text=_("Equal seeds give equal models.")
    )
    test_share = forms.FloatField(
        label=_("Share of rows kept for the test"), min_value=0.05, max_value=0.5, required=False,
        help_text=_("From 0.05 to 0.5; empty: 0.2. Small tables keep a hundred rows where they can."),
    )  # fmt: skip
    group = forms.ChoiceField(
        label=_("Keep rows together by"), required=False,
        help_text=_("Rows of one customer, say, are then either learnt from or judged on, never both."),
    )  # fmt: skip
    time = forms.ChoiceField(
        label=_("Judge on the newest rows by"), required=False,
        help_text=_("For a model that will answer about the future: it learns from older rows only."),
    )  # fmt: skip
    metrics = forms.MultipleChoiceField(
        label=_("Further metrics to follow"), required=False, widget=forms.CheckboxSelectMultiple,
        choices=[(title, [(key, words.METRICS[key]) for key in keys]) for title, keys in FURTHER.items()],
        help_text=_("At most five. The loss still decides when to stop and which parameter set wins."),
    )  # fmt: skip
    parameters = forms.CharField(
        label=_("XGBoost parameters"), required=False, widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_("One a line, such as max_depth=4. They replace the recipe's own."),
    )  # fmt: skip

    def __init__(self, *args: Any, names: list[str], times: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(name, name) for name in names]
        self.fields["target"].choices = choices  # type: ignore[attr-defined]
        self.fields["columns"].choices = choices  # type: ignore[attr-defined]
        none = [("", _("No column"))]
        self.fields["group"].choices = none + choices  # type: ignore[attr-defined]
        self.fields["time"].choices = none + [(name, name) for name in times]  # type: ignore[attr-defined]
        self._names = names
        for place in PLACES:
            self.fields[f"own_name_{place}"] = forms.CharField(
                label=_("Name of your metric"), max_length=LONGEST_NAME, required=False,
                help_text=_("Letters, digits, spaces and hyphens. Such as: cost."),
            )  # fmt: skip
            self.fields[f"own_formula_{place}"] = forms.CharField(
                label=_("Its formula"), max_length=LONGEST, required=False,
                widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "off"}),
                help_text=_("One number over all rows. Such as: mean(where(y == 1, 5 * (p < 0.5), p >= 0.5))."),
            )  # fmt: skip
            self.fields[f"own_better_{place}"] = forms.ChoiceField(
                label=_("Which way is better"), choices=tuple(words.BETTER.items()), required=False,
                help_text=_("Lists begin with the best."),
            )  # fmt: skip

    def own_fields(self) -> list[tuple[forms.BoundField, ...]]:
        """Name, formula and direction of each metric that a person can write."""
        return [tuple(self[f"own_{part}_{place}"] for part in PARTS) for place in PLACES]

    def clean_parameters(self) -> dict[str, float | int | str]:
        return dict(_parameter(line) for line in self.cleaned_data["parameters"].splitlines() if line.strip())

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            config = self.config()
            for place, metric in self._own():
                self._ask(Followed(config.task, own=(metric,)).check, own=f"own_formula_{place}")
            if not self.errors:
                self._ask(Followed.of(config).check, own="own_name_1")
            self._ask(lambda: candidates(config))
        return found

    def _ask(self, question: Callable[[], object], own: str = "") -> None:
        """Put what the engine refuses beside its field; `own` is the one for a metric that the person wrote."""
        try:
            question()
        except engine.Untrainable as refusal:
            field = {"bad_metric": "metrics", "bad_formula": own}.get(refusal.code, "parameters")
            self.add_error(field, format_html('<span lang="en">{}</span>', refusal.message))

    def _own(self) -> Iterator[tuple[int, OwnMetric]]:
        """The metrics that the person wrote, each with its place on the form."""
        for place in PLACES:
            name, formula, better = (self.cleaned_data[f"own_{part}_{place}"] for part in PARTS)
            if name or formula:
                yield place, OwnMetric(name, formula, better or "lower")

    def config(self) -> engine.RunConfig:
        """The wish as the engine takes it."""
        sent = self.cleaned_data
        left_out = set(self._names) - set(sent["columns"]) - {sent["target"]}
        return engine.RunConfig(
            target=sent["target"],
            task=sent["task"],
            recipe=sent["recipe"],
            exclude=tuple(name for name in self._names if name in left_out),
            seed=sent["seed"],
            parameters=sent["parameters"],
            test_share=sent["test_share"] or 0.2,
            metrics=tuple(sent["metrics"]),
            own=tuple(metric for _, metric in self._own()),
            group=sent["group"],
            time=sent["time"],
        )


def _parameter(line: str) -> tuple[str, float | int | str]:
    """`max_depth=4` as a name and a number, or a word where XGBoost takes words."""
    name, sign, value = (part.strip() for part in line.partition("="))
    if not (name and sign and value):
        raise forms.ValidationError(
            gettext("“%(line)s” is not a parameter. Write name=value.") % {"line": line.strip()}
        )
    for read in (int, float):
        try:
            return name, read(value)
        except ValueError:
            continue
    return name, value
