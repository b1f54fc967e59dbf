"""Metrics as lists are asked for them: by key, and with a minus from the largest value."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from training import words
from training.engine.own import name_in


def metric_order(sort: str) -> tuple[str, str] | None:
    """The columns that a list is ordered by; None unless `sort` is a metric, with a minus from the largest value."""
    sign = "-" if sort.startswith("-") else ""
    return (f"{sign}value", f"{sign}run_id") if words.is_metric(sort.removeprefix("-")) else None


@extend_schema_field(OpenApiTypes.STR)
class MetricField(serializers.ChoiceField):
    """One of the choices, or the key of a metric that a person wrote; with `signed`, a minus may stand before it."""

    def __init__(self, choices: Sequence[str], *, signed: bool = False, **kwargs: Any) -> None:
        super().__init__(choices, **kwargs)
        self.signed = signed

    def to_internal_value(self, data: Any) -> str:
        key = str(data).removeprefix("-") if self.signed else str(data)
        return str(data) if name_in(key) else str(super().to_internal_value(data))
