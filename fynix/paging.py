"""Lists in pages: `?limit=1..200&cursor=` gives `{data, next_cursor}`, stable while rows are added."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.core.signing import BadSignature, Signer, b64_decode, b64_encode
from django.db.models import Model, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from rest_framework import serializers
from rest_framework.request import Request

Row = TypeVar("Row", bound=Model)

DEFAULT_LIMIT = 50
MOST = 200
NEWEST_FIRST = ("-created_at", "-pk")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows and the cursor of the rows after them; None at the end."""

    rows: list[Row]
    next_cursor: str | None

    def to_json(self, serializer: type[serializers.BaseSerializer[Any]]) -> dict[str, Any]:
        return {"data": serializer(self.rows, many=True).data, "next_cursor": self.next_cursor}


class Wanted(serializers.Serializer[Any]):
    """The query of every list."""

    limit = serializers.IntegerField(
        default=DEFAULT_LIMIT,
        min_value=1,
        max_value=MOST,
        help_text="Rows in one page.",
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_string_length"), _lazy("Ask for 1 to 200 rows in one page.")
        ),
    )
    cursor = serializers.CharField(required=False, help_text="`next_cursor` of the page before.")


def page(
    rows: QuerySet[Row],
    request: Request,
    *,
    order: Sequence[str] = NEWEST_FIRST,
    projects: QuerySet[Any] | None = None,
) -> Page[Row]:
    """The page that the query asks for. `order` names fields of the row that are never null, the last unique.

    With `projects`, only rows whose `project` is one of these. Raises serializers.ValidationError for a limit out of
    range or a cursor that this list did not give.
    """
    query = Wanted(data=request.query_params)
    query.is_valid(raise_exception=True)
    cursor, limit = query.validated_data.get("cursor", ""), query.validated_data["limit"]
    return _cut(rows, cursor, limit=limit, order=order, projects=projects)


def shown(
    rows: QuerySet[Row],
    request: HttpRequest,
    *,
    order: Sequence[str] = NEWEST_FIRST,
    projects: QuerySet[Any] | None = None,
) -> Page[Row]:
    """The same for pages that people read: a place that this list does not know is its start."""
    try:
        return _cut(rows, request.GET.get("cursor", ""), limit=DEFAULT_LIMIT, order=order, projects=projects)
    except serializers.ValidationError:
        return _cut(rows, "", limit=DEFAULT_LIMIT, order=order, projects=projects)


def _cut(
    rows: QuerySet[Row], cursor: str, *, limit: int, order: Sequence[str], projects: QuerySet[Any] | None
) -> Page[Row]:
    if cursor:
        rows = rows.filter(_after(rows.model, order, _decoded(cursor, rows.model, order)))
    most = limit + 1
    found = list(rows.order_by(*order)[:most] if projects is None else leading(rows, projects, most=most, order=order))
    here = found[:limit]
    return Page(here, _encoded(here[-1], order) if len(found) > limit else None)


def leading(
    rows: QuerySet[Row], projects: QuerySet[Any], *, most: int, order: Sequence[str] = NEWEST_FIRST
) -> QuerySet[Row]:
    """The first rows in this order whose `project` is one of these, at most so many.

    A database sorts the rows of several projects whole, although the index of each has them in order. So each project
    is asked first which of its rows would be the last if it were alone: what lies beyond the nearest of these is not
    among the first. What is left is sorted by its keys alone, because many may share one value. Ids are named as lists,
    so that the index of each is used.
    """
    ids = list(projects.order_by().values_list("pk", flat=True))
    mine = rows.filter(project__in=ids).order_by(*order)
    if len(ids) < 2:  # one index has them in order as it is
        return mine[:most]
    first = order[0]
    alone = rows.filter(project=OuterRef("pk")).order_by(*order).values(_name(first))
    ends = projects.model.objects.filter(pk__in=ids).annotate(end=Subquery(alone[most - 1 : most]))
    full = [end for end in ends.order_by().values_list("end", flat=True) if end is not None]
    if full:
        falls = first.startswith("-")
        mine = mine.filter(**{f"{_name(first)}__{'gte' if falls else 'lte'}": max(full) if falls else min(full)})
    return rows.filter(pk__in=list(mine.values_list("pk", flat=True)[:most])).order_by(*order)


def page_of(row: type[serializers.BaseSerializer[Any]], name: str) -> type[serializers.Serializer[Any]]:
    """The answer's shape for the API description: `page_of(RunSerializer, "RunPage")`."""
    fields = {
        "data": row(many=True),
        "next_cursor": serializers.CharField(allow_null=True, help_text="For the next page; null at the end."),
    }
    return type(name, (serializers.Serializer,), fields)


def _name(term: str) -> str:
    return term.removeprefix("-")


def _encoded(row: Model, order: Sequence[str]) -> str:
    values = json.dumps([getattr(row, _name(term)) for term in order], cls=_Exact)
    return _signer(type(row), order).sign(b64_encode(values.encode()).decode())


def _signer(model: type[Model], order: Sequence[str]) -> Signer:
    """A cursor is taken only by a list that could have given it: values of a client's own would reach the database."""
    return Signer(sep=".", salt=f"fynix.paging:{model.__name__}:{','.join(order)}")


class _Exact(DjangoJSONEncoder):
    """Django's own cuts a time to milliseconds, and rows would be shown twice or never."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)


def _decoded(cursor: str, model: type[Model], order: Sequence[str]) -> list[Any]:
    try:
        values: list[Any] = json.loads(b64_decode(_signer(model, order).unsign(cursor).encode()))
    except BadSignature:
        raise serializers.ValidationError(
            {"cursor": _("Send the next_cursor of the page before, unchanged.")}
        ) from None
    return values


def _after(model: type[Model], order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows after these values: equal in the first k terms and beyond in the next, for each k.

    The bound on the first term says nothing new; by it the index is entered where the page begins, not at its start.
    """
    beyond, equal, bound = Q(), Q(), Q()
    for term, value in zip(order, values, strict=True):
        name = _name(term)
        options = model._meta  # noqa: SLF001  Django's own name for its public description of a model
        field: Any = options.pk if name == "pk" else options.get_field(name)
        parsed = field.to_python(value)
        side = "lt" if term.startswith("-") else "gt"
        bound = bound or Q(**{f"{name}__{side}e": parsed})
        beyond |= equal & Q(**{f"{name}__{side}": parsed})
        equal &= Q(**{name: parsed})
    return bound & beyond
