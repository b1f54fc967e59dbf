"""Personal data in table columns: a score from the header and the values, and masks for what is found.

Every value gets a strength m (0 when it fails the format or the checksum of a type). With r the share of
values with m > 0 and s their mean strength, the values' evidence is V = s * min(1, r / .6), and nothing when
r < .1. The header gives H; values that refuse it weaken it by k. The confidence is 1 - (1 - V)(1 - H k).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from datasets import pii_values as shapes

State = Literal["values", "contains", "header"]
Reach = Literal["direct", "quasi"]
Verdict = Literal["certain", "likely", "possible"]

SAMPLE = 1000
FEW = 3
FLOOR = 0.5
VERDICTS: tuple[tuple[float, Verdict], ...] = ((0.90, "certain"), (0.70, "likely"), (FLOOR, "possible"))
CONTAINS_SHARE = 0.001
NEGATED = 0.3
REDACTED = "•••"
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})


@dataclass(frozen=True)
class PiiFinding:
    """What a column seems to hold, and why.

    `state` is "values" for a verdict on the column, "contains" for free text in which some cells carry such a
    value, "header" for a name that promises it in a column without values. `matched` of `tested` distinct
    values (cells, for "contains") fit. `direct` data names a person by itself; the rest only in combination.
    `confidence` is between 0 and 1. `second` is the runner-up type when it reaches .5 too.
    """

    type: str
    confidence: float
    verdict: Verdict
    state: State
    direct: bool
    matched: int
    tested: int
    reasons: tuple[str, ...]
    second: str | None = None

    @property
    def words(self) -> str:
        """The type in plain words, in the plural."""
        return TYPES[self.type].words

    @property
    def hides_values(self) -> bool:
        """Whether no value of the column may be shown unmasked."""
        return self.direct and self.state == "values" and self.confidence >= FLOOR

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PiiFinding:
        return cls(**{**data, "reasons": tuple(data["reasons"])})


@dataclass(frozen=True)
class PiiType:
    """One kind of personal data: how strong a value is, and how strong a header, first match wins.

    `direct` data names a person by itself, `quasi` only together with other columns.
    """

    words: str
    rule: str
    reach: Reach
    strength: Callable[[str, str], float]
    headers: tuple[tuple[str, float], ...]
    negating: str = ""


_NEGATING = (
    r"verified|flag|is|has|count|cnt|type|status|opt|opted|valid|enabled|domain|template|subject|sent|brand|model"
    r"|os|plan|price|cost|qty|amount|method|preference|consent|provider|extension|length|service|lines"
)
_NOT_A_PERSON = (
    r"file|user|host|table|column|product|company|event|team|city|country|state|school|store|category|project"
    r"|field|class|brand|domain|species|scientific|common"
)
_NAME = (
    r"(first|last|middle|given|family|full|maiden|sur|nick|birth|customer|patient|employee|student|client|contact"
    r"|person|owner|teacher|display|passenger|f|l|purchaser|author|officer) ?names?"
    r"|name (first|last|given|middle)|fname|lname|surname|forename|case ?worker"
)
TYPES: dict[str, PiiType] = {
    "email": PiiType(
        "email addresses",
        "are email addresses",
        "direct",
        shapes.email,
        ((r"e ?mails?", 0.8), (r"mail", 0.5)),
        _NEGATING,
    ),
    "ssn": PiiType(
        "US social security numbers",
        "pass the SSN rules",
        "direct",
        shapes.ssn,
        (
            (r"(ssn|social security) ?last ?4", 0.55),
            (r"ssn|social security|soc sec|sin", 0.85),
            (r"national id", 0.4),
        ),
        _NEGATING,
    ),
    "itin": PiiType(
        "US taxpayer numbers",
        "pass the ITIN rules",
        "direct",
        shapes.itin,
        ((r"itin", 0.85), (r"tax ?id|tin", 0.5)),
        _NEGATING,
    ),
    "card": PiiType(
        "payment card numbers",
        "pass the Luhn check and start like a card",
        "direct",
        shapes.card,
        ((r"credit ?card|card ?(no|num|number)|cc ?(no|num|number)|pan", 0.75),),
        _NEGATING,
    ),
    "iban": PiiType("bank account numbers (IBAN)", "pass the IBAN check", "direct", shapes.iban, ((r"iban", 0.8),)),
    "phone": PiiType(
        "telephone numbers",
        "are written like telephone numbers",
        "direct",
        shapes.phone,
        (
            (
                r"(home|work|cell|mobile)? ?(tele)?phones?( ?(no|num|number))?|tel|mobiles?|cell|fax|msisdn"
                r"|whatsapp",
                0.75,
            ),
            (r"contact (no|num|number)", 0.7),
            (r"contact", 0.3),
        ),
        _NEGATING,
    ),
    "ip": PiiType(
        "IP addresses",
        "are IP addresses",
        "direct",
        shapes.ip,
        ((r"ip|ipv4|ipv6|ip ?addr(ess)?", 0.7),),
        _NEGATING + "|version",
    ),
    "mac": PiiType("device addresses (MAC)", "are MAC addresses", "direct", shapes.mac, ((r"mac", 0.6),)),
    "name": PiiType(
        "names of people",
        "are written like names",
        "direct",
        shapes.name,
        ((_NAME, 0.8), (r"name", 0.5)),
        f"{_NEGATING}|{_NOT_A_PERSON}",
    ),
    "address": PiiType(
        "street addresses",
        "are written like addresses",
        "direct",
        shapes.address,
        ((r"street|address ?(line)? ?[12]?|addr|street ?address", 0.65),),
        _NEGATING + r"|e ?mail|ip|mac|web|url|wallet|contract|memory",
    ),
    "dob": PiiType(
        "dates of birth",
        "are written like dates",
        "quasi",
        shapes.birth,
        ((r"dob|date ?of ?birth|birth ?(date|day|year|month|dt)|bday|year of birth", 0.85),),
    ),
    "zip": PiiType(
        "postal codes",
        "are written like postal codes",
        "quasi",
        shapes.postal,
        ((r"zip|zip ?code|zip ?plus ?4|postal|post ?code|pin ?code|plz", 0.75),),
    ),
    "geo": PiiType(
        "places on the map",
        "are written like coordinates",
        "quasi",
        shapes.geo,
        ((r"lat|latt?itude|lon|lng|long|longitude|lat ?long|geo ?point|coordinates?", 0.75),),
    ),
}
_HEADERS = {
    code: tuple((re.compile(rf"\b(?:{pattern})\b"), strength) for pattern, strength in kind.headers)
    for code, kind in TYPES.items()
}
_NEGATIONS = {code: re.compile(rf"\b(?:{kind.negating})\b") for code, kind in TYPES.items() if kind.negating}


@dataclass(frozen=True)
class _Score:
    code: str
    confidence: float
    matched: int
    header: float


def scan(name: str, values: Iterable[str | None], *, region: str = "US") -> PiiFinding | None:
    """What personal data the column called `name` holds, judged on its first 1,000 distinct values.

    Cells inside free text are searched in all of `values`. `region` is where telephone numbers without a
    country code are dialled. None means that nothing was found in these values, not that nothing is there.
    """
    cells = [v for v in (str(v).strip() for v in values if v is not None) if v.lower() not in MISSING]
    distinct = list(dict.fromkeys(cells))[:SAMPLE]
    tokens = " ".join(words(name))
    scores = sorted((_score(code, tokens, distinct, region) for code in TYPES), key=lambda s: -s.confidence)
    best, second = scores[0], scores[1]
    if not distinct:
        return _promise(name, tokens)
    if best.confidence >= FLOOR:
        return _finding(name, best, second, len(distinct))
    return _contained(cells)


def words(name: str) -> list[str]:
    """Lower-case words of a header: `homePhone_No` is home, phone, no."""
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    split = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", split)
    return [word for word in re.split(r"[^a-z0-9]+", split.lower()) if word]


def mask(value: str, type: str) -> str:  # noqa: A002  the field's own word
    """A value with only a hint of it left, such as `j***@e***.com` or `***-**-1234`."""
    return _MASKS.get(type, _first_letter)(value.strip())


def redact(text: str) -> str:
    """Free text with every email address, dashed SSN and international telephone number masked."""
    for code, pattern in shapes.EMBEDDED.items():
        text = pattern.sub(lambda found, code=code: mask(found[0], code), text)  # type: ignore[misc]
    return text


def shown(value: str, finding: PiiFinding | None) -> str:
    """A cell as it may leave the table: masked in a column of direct personal data, else redacted."""
    return mask(value, finding.type) if finding is not None and finding.hides_values else redact(value)


def _score(code: str, tokens: str, distinct: Sequence[str], region: str) -> _Score:
    strengths = [m for m in (TYPES[code].strength(v, region) for v in distinct) if m > 0]
    header = _header(code, tokens)
    if code == "ip" and not header and not shapes.spread(distinct):
        strengths = [min(m, shapes.VERSION_LIKE) for m in strengths]
    share = len(strengths) / len(distinct) if distinct else 0.0
    mean = sum(strengths) / len(strengths) if strengths else 0.0
    evidence = mean * min(1.0, share / 0.6) if share >= 0.1 else 0.0
    confidence = 1 - (1 - evidence) * (1 - header * _agreement(share))
    if len(distinct) < FEW:
        confidence *= 0.97
    return _Score(code, confidence, len(strengths), header)


def _agreement(share: float) -> float:
    if share >= 0.5:
        return 1.0
    return 0.6 if share >= 0.1 else 0.25


def _header(code: str, tokens: str) -> float:
    strength = next((s for pattern, s in _HEADERS[code] if pattern.search(tokens)), 0.0)
    negation = _NEGATIONS.get(code)
    return strength * NEGATED if negation is not None and negation.search(tokens) else strength


def _verdict(confidence: float) -> Verdict:
    return next(verdict for floor, verdict in VERDICTS if confidence >= floor)


def _finding(name: str, best: _Score, second: _Score, tested: int) -> PiiFinding:
    kind = TYPES[best.code]
    reasons = [f"{best.matched:,} of {tested:,} values {kind.rule}"]
    if best.header:
        reasons.append(f"the header says {name}")
    return PiiFinding(
        type=best.code,
        confidence=round(best.confidence, 3),
        verdict=_verdict(best.confidence),
        state="values",
        direct=kind.reach == "direct",
        matched=best.matched,
        tested=tested,
        reasons=tuple(reasons),
        second=second.code if second.confidence >= FLOOR else None,
    )


def _promise(name: str, tokens: str) -> PiiFinding | None:
    """A finding from the name alone, for a column without values."""
    header, code = max((_header(code, tokens), code) for code in TYPES)
    if header < FLOOR:
        return None
    reason = f"the header says {name}; the column has no values"
    direct = TYPES[code].reach == "direct"
    return PiiFinding(code, header, _verdict(header), "header", direct, 0, 0, (reason,))


def _contained(cells: Sequence[str]) -> PiiFinding | None:
    """The most frequent kind of personal data inside the cells of free text."""
    counts = {code: sum(p.search(cell) is not None for cell in cells) for code, p in shapes.EMBEDDED.items()}
    code = max(counts, key=lambda c: counts[c])
    count, tested = counts[code], len(cells)
    if not count or count < CONTAINS_SHARE * tested:
        return None
    reason = f"{count:,} of {tested:,} cells contain {TYPES[code].words}"
    return PiiFinding(
        type=code,
        confidence=FLOOR,
        verdict="possible",
        state="contains",
        direct=True,
        matched=count,
        tested=tested,
        reasons=(reason,),
    )


def _first_letter(value: str) -> str:
    return f"{value[:1]}***" if value[:1].isalpha() else "***"


def _mask_email(value: str) -> str:
    user, at, host = value.partition("@")
    _, dot, top = host.rpartition(".")
    return f"{user[:1]}***@{host[:1]}***.{top}" if at and dot and user else "***"


def _last(digits: int, frame: str, least: int) -> Callable[[str], str]:
    """A mask that keeps the last digits of values with `least` digits or more, nothing of shorter ones."""

    def cover(value: str) -> str:
        kept = re.sub(r"\D", "", re.sub(r"\.0$", "", value))
        return f"{frame}{kept[-digits:]}" if len(kept) >= least else "***"

    return cover


_MASKS: dict[str, Callable[[str], str]] = {
    "email": _mask_email,
    "ssn": _last(4, "***-**-", 9),
    "itin": _last(4, "***-**-", 9),
    "card": _last(4, "**** **** **** ", 12),
    "iban": _last(4, "**** ", 12),
    "phone": _last(2, "***-***-**", 7),
    "ip": lambda value: re.split(r"[.:]", value)[0] + ".***" if re.search(r"[.:]", value) else "***",
    "mac": lambda value: "**:**:**:**:**:" + value[-2:],
    "name": lambda value: " ".join(_first_letter(part) for part in value.split()[:3]),
    "address": lambda _: "***",
}
