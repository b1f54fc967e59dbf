"""What a profile names by a key, in the words of people."""

from collections.abc import Mapping

from django import template

from datasets import words
from datasets.models import Treatment

register = template.Library()


@register.filter
def kind_name(kind: str) -> str:
    """What a column holds."""
    return str(words.KINDS.get(kind, kind))


@register.filter
def personal_name(code: str) -> str:
    """A kind of personal data, in the plural."""
    return str(words.PERSONAL.get(code, code))


@register.filter
def verdict_name(verdict: str) -> str:
    return str(words.VERDICTS.get(verdict, verdict))


@register.filter
def format_name(key: str) -> str:
    return str(words.FORMATS.get(key, key))


@register.filter
def delimiter_name(sign: str) -> str:
    return str(words.DELIMITERS.get(sign, sign))


@register.filter
def quote_name(mark: str) -> str:
    return str(words.QUOTES[mark or "none"])


@register.filter
def encoding_name(encoding: str) -> str:
    return str(words.ENCODINGS.get(encoding, encoding))


@register.filter
def treatment_name(key: str) -> str:
    return str(Treatment(key).label)


@register.filter
def change_name(to: str) -> str:
    """What a column is to become."""
    return next(str(group[to]) for group in words.CHANGES.values() if to in group)


@register.filter
def of(found: Mapping[str, str], name: str) -> str:
    """What a mapping holds under a name; empty when it holds nothing."""
    return found.get(name, "")


@register.filter
def association_name(method: str) -> str:
    """How two columns were compared."""
    return str(words.ASSOCIATIONS[method])
