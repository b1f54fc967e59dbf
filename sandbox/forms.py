"""The form that a version's signature asks for, and the one that starts a test of many rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from datasets import versions as tables
from datasets.uploads import clean_filename
from registry.models import Build, ModelVersion
from sandbox import pasted
from sandbox.batches import Rows
from sandbox.models import Source
from training.engine.schema import InputColumn, ModelSchema

PREFIX, START = "c", "s"  # of the fields of the row, and of the row that it started as
MOST_OPTIONS = 200
MOST_PASTED = 1_000_000  # characters, well below what a request without a file may weigh
MOST_TABLES, MOST_OTHERS_OFFERED = 50, 20


@dataclass(frozen=True)
class Input:
    """One field: a column of the model with the text now in it."""

    column: InputColumn
    name: str
    value: str
    error: str = ""

    @property
    def is_choice(self) -> bool:
        return self.column.kind == "category" and len(self.column.categories) <= MOST_OPTIONS

    @property
    def help(self) -> str:
        """The training range, so that a person sees when they leave it."""
        column = self.column
        if column.kind == "category":
            return ngettext("%(n)s known value", "%(n)s known values", len(column.categories)) % {
                "n": len(column.categories)
            }
        if column.minimum is None or column.maximum is None:
            return gettext("No value in training")
        return gettext("%(low)s to %(high)s in training") % {
            "low": f"{column.minimum:g}",
            "high": f"{column.maximum:g}",
        }


def inputs(schema: ModelSchema, values: dict[str, str], errors: dict[str, str] | None = None) -> Iterator[Input]:
    """The fields in the model's column order. Field names are positions: column names never become HTML names."""
    for position, column in enumerate(schema.columns):
        yield Input(column, f"{PREFIX}{position}", values.get(column.name, ""), (errors or {}).get(column.name, ""))


def starting(schema: ModelSchema, start: dict[str, str]) -> list[tuple[str, str]]:
    """Names and values of the hidden fields that carry the row against which changes are measured."""
    return [(f"{START}{position}", start.get(name, "")) for position, name in enumerate(schema.names)]


def typical(schema: ModelSchema) -> dict[str, str]:
    """An example row: medians and the most frequent levels."""
    return {
        column.name: (column.categories[0] if column.categories else "")
        if column.kind == "category"
        else ("" if column.median is None else f"{column.median:g}")
        for column in schema.columns
    }


def posted(schema: ModelSchema, data: QueryDict) -> dict[str, str]:
    """What a person typed, by column name."""
    return {column.name: data.get(f"{PREFIX}{position}", "") for position, column in enumerate(schema.columns)}


def started(schema: ModelSchema, data: QueryDict) -> dict[str, str]:
    """The row that the form began with, by column name; the typed one when it carries none, or begins anew here."""
    if f"{START}0" not in data or "begin" in data:
        return posted(schema, data)
    return {name: data.get(f"{START}{position}", "") for position, name in enumerate(schema.names)}


PASTED = "pasted"  # of the form only: what is pasted is kept as a file
SOURCES = [Source.choices[0], (PASTED, _("Pasted JSON")), *Source.choices[1:]]


class BatchForm(forms.Form):
    """Rows and the versions that answer them. `version` is the one whose page it is; it always takes part."""

    source = forms.ChoiceField(label=_("Rows"), choices=SOURCES, initial=Source.FILE, widget=forms.RadioSelect)
    file = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_(
            "CSV, Excel, JSON Lines or Parquet, up to 25 MiB and 200,000 rows. Column names as in training. "
            "Upload a larger file as a dataset and choose it as table."
        ),
    )
    pasted = forms.CharField(
        label=_("Rows as JSON"),
        required=False,
        max_length=MOST_PASTED,
        widget=forms.Textarea(attrs={"rows": 5, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("A list of objects, or one object on each line: column name to value. Up to a million characters."),
    )
    table = forms.ChoiceField(label=_("Table"), required=False, help_text=_("For files larger than 25 MiB."))
    label = forms.CharField(
        label=_("Column with the right answers"),
        required=False,
        max_length=255,
        help_text=_("Empty: the column that the model predicts, when the rows have it."),
    )
    others = forms.MultipleChoiceField(
        label=_("Compare with"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Up to four more versions answer the same rows."),
    )

    def __init__(self, *args: Any, version: ModelVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.version = version
        self.around = version.model.versions.filter(state=Build.READY).exclude(pk=version.pk)
        ready = tables.newest_of(version.model.project).filter(table_sha256__gt="")[:MOST_TABLES]
        self._offer(
            "table", [("", gettext("None")), *((each.pk, f"{each.dataset.name} v{each.number}") for each in ready)]
        )
        newest = self.around.order_by("-number")[:MOST_OTHERS_OFFERED]
        self._offer("others", [(each.pk, each.title) for each in newest])

    def clean(self) -> dict[str, Any]:
        sent: dict[str, Any] = super().clean() or {}
        if sent.get("source") == Source.FILE and not sent.get("file"):
            self.add_error("file", gettext("Choose a file with rows."))
        if sent.get("source") == PASTED and not sent.get("pasted") and "pasted" not in self.errors:
            self.add_error("pasted", gettext("Paste at least one row."))
        if sent.get("source") == Source.TABLE and not sent.get("table"):
            self.add_error("table", gettext("Choose a table."))
        return sent

    def versions(self) -> list[ModelVersion]:
        return [self.version, *self.around.filter(pk__in=self.cleaned_data["others"]).select_related("model__project")]

    def rows(self) -> Rows:
        """Where the rows come from. Raises Invalid."""
        sent = self.cleaned_data
        if sent["source"] == PASTED:
            return Rows(Source.FILE, filename=pasted.FILENAME, data=pasted.read(sent["pasted"], field="pasted"))
        if sent["source"] == Source.HOLDOUT:
            return Rows(Source.HOLDOUT, holdout_of=self.version)
        if sent["source"] == Source.TABLE:
            chosen = tables.all_versions().get(pk=sent["table"], dataset__project=self.version.model.project)
            return Rows(Source.TABLE, table=chosen)
        return Rows(Source.FILE, filename=clean_filename(sent["file"].name), data=sent["file"].read())

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]  # a ChoiceField's
