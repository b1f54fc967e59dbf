"""The model card: Markdown with a `model-index` head, written from facts alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from training.engine.schema import MISSING_WORDS, InputColumn, ModelSchema

# Task names of Hugging Face's model-index (hub-docs modelcard.md).
TASKS = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "regression": "tabular-regression",
}
LEVELS_SHOWN = 8


@dataclass(frozen=True)
class Metric:
    """One figure on the holdout with the interval it may lie in, and what the baseline scores."""

    key: str
    label: str
    value: float
    low: float | None = None
    high: float | None = None
    baseline: float | None = None


@dataclass(frozen=True)
class CardFacts:
    """What the registry knows about a version. `splits` maps a part (train, validation, test) to its rows, and `own`
    are sentences about metrics that a person wrote as formulas."""

    name: str
    version: int
    project: str
    created: date
    licence: str
    dataset: str
    dataset_version: int
    dataset_sha256: str
    splits: Mapping[str, int]
    metrics: tuple[Metric, ...]
    own: tuple[str, ...]
    baseline: str
    seed: int
    excluded: Mapping[str, str]
    limits: tuple[str, ...]
    formats: tuple[str, ...]
    trees: int


def card(schema: ModelSchema, facts: CardFacts) -> str:
    """Markdown. Every name and value from outside enters as one line of escaped text."""
    sections = (
        _predicts(schema, facts),
        _data(facts),
        _metrics(facts),
        _columns(schema),
        _excluded(facts),
        _treatment(schema),
        _limits(facts),
        _formats(facts),
    )
    head = "\n".join(_head(schema, facts))
    return f"{head}\n\n# {text(facts.name)}, version {facts.version}\n\n" + "\n\n".join(sections) + "\n"


def text(value: object) -> str:
    """One line of Markdown that shows `value` as it is: no markup, no tags, no line breaks."""
    return re.sub(r"([\\`*_{}\[\]<>()#|~!$&])", r"\\\1", _line(value))


def _line(value: object) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in str(value)).split())


def _quoted(value: object) -> str:
    """A JSON string, which YAML reads as the same string."""
    return json.dumps(_line(value), ensure_ascii=False)


def _head(schema: ModelSchema, facts: CardFacts) -> Iterator[str]:
    yield "---"
    yield f"license: {_quoted(facts.licence)}"
    yield "library_name: xgboost"
    yield f"tags: [{TASKS[schema.task]}, xgboost]"
    yield "model-index:"
    yield f"- name: {_quoted(facts.name)}"
    yield "  results:"
    yield "  - task:"
    yield f"      type: {TASKS[schema.task]}"
    yield "    dataset:"
    yield f"      name: {_quoted(facts.dataset)}"
    yield "      type: tabular"
    yield "      split: test"
    yield f"      revision: {_quoted(facts.dataset_sha256)}"
    yield "    metrics:" if facts.metrics else "    metrics: []"
    for metric in facts.metrics:
        yield f"    - type: {_quoted(metric.key)}"
        yield f"      name: {_quoted(metric.label)}"
        yield f"      value: {metric.value:.6g}"
    yield "---"


def _predicts(schema: ModelSchema, facts: CardFacts) -> str:
    size = f"{len(schema.columns)} columns with {facts.trees} trees (XGBoost)"
    what = f"Predicts **{text(schema.target)}** from {size}. {_answer(schema)}"
    return f"{what}\n\nProject: {text(facts.project)}. Made on {facts.created.isoformat()}."


def _answer(schema: ModelSchema) -> str:
    if schema.task == "regression":
        return "The answer is a number."
    names = [f"**{text(name)}**" for name in schema.classes]
    if schema.task == "multiclass":
        return f"The answer is the most probable of {', '.join(names)}."
    limit = 0.5 if schema.threshold is None else schema.threshold
    return f"The answer is {names[1]} when its probability is at least {limit:.4g}, else {names[0]}."


def _data(facts: CardFacts) -> str:
    parts = "; ".join(f"{text(part)} {rows:,} rows" for part, rows in facts.splits.items())
    return (
        f"## Data\n\n{text(facts.dataset)}, version {facts.dataset_version}, "
        f"sha256 `{facts.dataset_sha256}`.\n\n"
        f"Split with seed {facts.seed}: {parts}. The figures below come from the test part only, "
        "which took no part in training or tuning."
    )


def _metrics(facts: CardFacts) -> str:
    lines = [f"| {text(m.label)} | {m.value:.4g} | {_interval(m)} | {_or_dash(m.baseline)} |" for m in facts.metrics]
    table = "\n".join(["| Metric | Value | 95 % interval | Baseline |", "|---|---|---|---|", *lines])
    own = "".join(f"\n- {text(each)}" for each in facts.own)
    own = f"\n\nMetrics by formula:\n{own}" if own else ""
    return f"## How well it does\n\n{table}\n\nBaseline: {text(facts.baseline)}.{own}"


def _interval(metric: Metric) -> str:
    return "–" if metric.low is None or metric.high is None else f"{metric.low:.4g} to {metric.high:.4g}"


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _columns(schema: ModelSchema) -> str:
    lines = [f"| {text(c.name)} | {c.kind} | {_range(c)} | {c.missing_share:.1%} |" for c in schema.columns]
    return "\n".join(
        [
            "## Columns it reads\n",
            "| Column | Kind | Seen in training | Missing |",
            "|---|---|---|---|",
            *lines,
        ]
    )


def _range(column: InputColumn) -> str:
    if column.kind == "number":
        return f"{_or_dash(column.minimum)} to {_or_dash(column.maximum)}, median {_or_dash(column.median)}"
    shown = ", ".join(text(level) for level in column.categories[:LEVELS_SHOWN])
    more = len(column.categories) - LEVELS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _excluded(facts: CardFacts) -> str:
    lines = [f"- {text(name)}: {text(reason)}" for name, reason in facts.excluded.items()]
    return "## Columns left out\n\n" + ("\n".join(lines) or "None.")


def _treatment(schema: ModelSchema) -> str:
    words = ", ".join(f"`{word}`" for word in sorted(MISSING_WORDS) if word)
    lines = [
        f"- Missing: an empty cell, an absent column, or one of {words} in any case. Missing is allowed.",
        "- Numbers are compared as 32-bit floats; text where a number belongs is refused.",
    ]
    if any(column.kind == "category" for column in schema.columns):
        lines.append("- Categories are compared exactly, after spaces at both ends are cut off.")
        lines.append("- A category that training never saw counts as missing.")
    return "## Missing and unseen values\n\n" + "\n".join(lines)


def _limits(facts: CardFacts) -> str:
    lines = [f"- {text(limit)}" for limit in facts.limits]
    lines.append("- It learnt patterns in past rows. They are not causes, and they may stop holding.")
    return "## Limits\n\n" + "\n".join(lines)


def _formats(facts: CardFacts) -> str:
    return f"## Formats\n\n{', '.join(text(name) for name in facts.formats) or 'None yet'}."
