"""Claims: sentences whose every number names where it comes from. Version 1 of their JSON form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["problem", "warning", "good", "info"]
Format = Literal["count", "number", "percent", "text"]
SEVERITIES: tuple[Severity, ...] = ("problem", "warning", "good", "info")
HEADLINES = 6

FORMATS: dict[Format, Callable[[Any], str]] = {
    "count": lambda value: f"{value:,}",
    "number": lambda value: f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}",
    "percent": lambda value: f"{100 * value:.3g} %",
    "text": str,
}


@dataclass(frozen=True)
class Slot:
    """One value of a sentence. `metric` and `step` point at its place on a chart, such as "valid-auc" at
    round 41 or "test-auc" with no round; a percent is held as a share of 1."""

    value: float | int | str
    format: Format
    metric: str | None = None
    step: int | None = None
    unit: str = ""

    def text(self) -> str:
        shown = FORMATS[self.format](self.value)
        return f"{shown} {self.unit}" if self.unit else shown


@dataclass(frozen=True)
class Change:
    """What a next run could do differently: columns to leave out, XGBoost parameters to set, a column of time
    to divide the rows by."""

    exclude: tuple[str, ...] = ()
    parameters: dict[str, float | int | str] = field(default_factory=dict)
    time: str = ""


@dataclass(frozen=True)
class Claim:
    """One finding. `code` names the detector, `template` holds {slots}; `wording`, where there is one, is a language
    model's in place of the template, with the same slots."""

    code: str
    severity: Severity
    template: str
    slots: dict[str, Slot] = field(default_factory=dict)
    change: Change | None = None
    wording: str = ""

    @property
    def sentence(self) -> str:
        """What is shown: the wording, else the template."""
        return self.wording or self.template

    def text(self) -> str:
        return self.sentence.format_map({name: slot.text() for name, slot in self.slots.items()})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Claim:
        slots = {name: Slot(**slot) for name, slot in data["slots"].items()}
        change = data["change"]
        read = change and Change(**{**change, "exclude": tuple(change["exclude"])})
        return cls(**{**data, "slots": slots, "change": read})


@dataclass(frozen=True)
class Rephrasing:
    """How a language model was asked and what it answered. `refusal` says why the templates stand; it is empty when
    the claims carry the model's wording."""

    model: str
    prompt_sha256: str
    answer: str
    refusal: str = ""


@dataclass(frozen=True)
class Narrative:
    """All findings, issues first, and the codes of detectors that looked and found nothing."""

    claims: tuple[Claim, ...]
    checked: tuple[str, ...]
    rephrasing: Rephrasing | None = None
    schema_version: int = 1

    @property
    def headline(self) -> tuple[Claim, ...]:
        """The claims worth showing first."""
        return self.claims[:HEADLINES]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Narrative:
        claims = tuple(Claim.from_json(claim) for claim in data["claims"])
        asked = data.get("rephrasing")
        rephrasing = asked and Rephrasing(**asked)
        return cls(**{**data, "claims": claims, "checked": tuple(data["checked"]), "rephrasing": rephrasing})


def told(found: Mapping[str, Claim | None]) -> Narrative:
    """Detectors' answers in telling order, problems first; the silent ones are listed as checked."""
    claims = sorted((c for c in found.values() if c), key=lambda claim: SEVERITIES.index(claim.severity))
    return Narrative(tuple(claims), tuple(code for code, claim in found.items() if claim is None))
