"""Forms of the datasets pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from datasets.models import Treatment
from datasets.profiling import Reading, ReadingChoice
from datasets.words import CHANGES, DELIMITERS, ENCODINGS, NO_DELIMITER, QUOTES

SORTS = (
    ("", _("As in the file")),
    ("name", _("Name")),
    ("missing", _("Missing, most first")),
    ("distinct", _("Different values, most first")),
)


class ColumnFilter(forms.Form):
    """Which columns of a profile to show, and in which order."""

    q = forms.CharField(
        required=False, max_length=200, label=_("Find a column"), widget=forms.TextInput({"type": "search"})
    )
    sort = forms.ChoiceField(required=False, choices=SORTS, label=_("Order"))
    beside = forms.CharField(required=False, max_length=2000, strip=False)


NO_TEXT = Reading(encoding="", delimiter="", newline="", has_header=True, records=0, kept=0)
OURS = ("", _("As we find it"))
HEADERS = (OURS, ("yes", _("Column names")), ("no", _("Values, the columns have no names")))


class ReadingForm(forms.Form):
    """How to read a file. Fields that mean nothing for its format are left away."""

    delimiter = forms.ChoiceField(
        required=False, label=_("Between cells"), choices=(OURS, *DELIMITERS.items(), ("other", _("Another sign")))
    )
    sign = forms.CharField(
        required=False, max_length=1, strip=False, label=_("The other sign"), help_text=_("Such as ^ or ~.")
    )
    quote = forms.ChoiceField(required=False, label=_("Around cells"), choices=(OURS, *QUOTES.items()))
    encoding = forms.ChoiceField(required=False, label=_("Encoding"), choices=(OURS, *ENCODINGS.items()))
    header = forms.ChoiceField(required=False, label=_("The first row holds"), choices=HEADERS)
    sheet = forms.ChoiceField(required=False, label=_("Sheet"))

    FIELDS = {
        "csv": ("delimiter", "sign", "quote", "encoding", "header"),
        "jsonl": ("encoding",),
        "xlsx": ("sheet", "header"),
        "parquet": (),
    }

    def __init__(self, data: Any = None, *, was: Reading, chosen: ReadingChoice) -> None:
        known = chosen.delimiter is None or chosen.delimiter in DELIMITERS
        super().__init__(
            data,
            initial={
                "delimiter": (chosen.delimiter or "") if known else "other",
                "sign": "" if known else chosen.delimiter,
                "quote": {None: "", "": "none"}.get(chosen.quote, chosen.quote),
                "encoding": chosen.encoding or "",
                "header": {None: "", True: "yes", False: "no"}[chosen.header],
                "sheet": was.sheet,
            },
        )
        sheet = self.fields["sheet"]
        assert isinstance(sheet, forms.ChoiceField)  # noqa: S101  narrows the type
        sheet.choices = [(name, name) for name in was.sheets]
        for name in set(self.fields) - set(self.FIELDS[was.format]):
            del self.fields[name]

    @classmethod
    def for_a_text(cls) -> ReadingForm:
        """For a file of which nothing is known but that it is to be read as text."""
        return cls(was=NO_TEXT, chosen=ReadingChoice())

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        delimiter = said.get("sign", "") if said.get("delimiter") == "other" else said.get("delimiter", "")
        try:
            said["choice"] = ReadingChoice(
                encoding=said.get("encoding") or None,
                delimiter=delimiter or None,
                quote={"": None, "none": ""}.get(said.get("quote", ""), said.get("quote")),
                header={"": None, "yes": True, "no": False}[said.get("header", "")],
                sheet=said.get("sheet") or None,
            )
        except ValueError:
            self.add_error("sign", NO_DELIMITER)
        return said


class PrivacyForm(forms.Form):
    """What is to become of the values of one column."""

    column = forms.CharField(max_length=2000, strip=False)
    treatment = forms.ChoiceField(choices=Treatment.choices)


class ColumnChangeForm(forms.Form):
    """Which column is to become what."""

    column = forms.ChoiceField(label=_("Column"))
    to = forms.ChoiceField(
        label=_("What it is to become"), choices=[(title, list(group.items())) for title, group in CHANGES.items()]
    )

    def __init__(self, data: Any = None, *, names: list[str], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        column = self.fields["column"]
        assert isinstance(column, forms.ChoiceField)  # noqa: S101  narrows the type
        column.choices = [(name, name) for name in names]
