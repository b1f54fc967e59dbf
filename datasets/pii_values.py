"""How strongly one cell looks like one kind of personal data: 0 when it fails the format or the checksum.

Each check takes the trimmed value and the region of telephone numbers and returns a strength below 1.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

import phonenumbers

EMBEDDED = {
    "email": re.compile(r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}"),
    "ssn": re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])"),
    "phone": re.compile(r"(?<![\d+])\+\d[\d ().-]{7,17}\d"),
}
VERSION_LIKE = 0.3

_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,22}[a-z0-9]",
    re.I,
)
_DATE = re.compile(
    r"\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}([ T].*)?$"
    r"|\d{1,2}[- ][A-Za-z]{3,9}[- ,]+\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4}"
)
_DASHED = re.compile(r"(\d{3})([- ])(\d{2})\2(\d{4})")
_MASKED_SSN = re.compile(r"(\*{3}|[xX]{3})-(\*\*|[xX]{2})-\d{4}")
_FAMOUS_SSN = frozenset({"078051120", "219099999", "457555462", "123456789"})
_FLOATED = re.compile(r"\+?\d{5,18}\.0")
_PHONE = re.compile(r"[+()\d\s./\-–x#ext]+", re.I)
_IPV4 = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_DECIMAL = re.compile(r"-?\d+\.\d+")
_CHECK_DIGIT = re.compile(r"\D\d$")
_GROUPED = re.compile(r"\(?\d{2,4}\)?[-. ]\d{2,4}[-. ]\d{3,5}")
_ISSUER = re.compile(
    r"4\d{12}(\d{3}){0,2}|5[1-5]\d{14}|2(2[2-9]|[3-6]\d|7[01])\d{13}|3[47]\d{13}|3(0[0-5]|[68]\d)\d{11}"
    r"|6(011|5\d\d|4[4-9]\d)\d{12}|(5018|5020|5038|6304|6759|676[1-3])\d{8,15}"
)
_MAC = re.compile(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_NAME = re.compile(r"[^\W\d_][^\W\d_'’.\-]*\.?([ ,]+[^\W\d_][^\W\d_'’.\-]*\.?){0,5}")
_STREET = re.compile(
    r"\d{1,6}[A-Za-z]?\s+([NSEW]\.?\s+)?[A-Za-z0-9.'# -]{1,60}"
    r"\b(st|street|ave|avenue|rd|road|blvd|lane|ln|dr|drive|ct|court|way|pl|place|hwy|pkwy|terrace|cir)\b",
    re.I,
)
_POSTAL = re.compile(r"\d{3,6}(-\d{3,4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}")
_DEGREES = re.compile(r"(-?\d{1,3}\.\d{1,})°?( ?[NSEW])?")
_PAIR = re.compile(r"\(?-?\d{1,2}\.\d{3,}, ?-?\d{1,3}\.\d{3,}\)?")
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25,
    "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip


def email(value: str, _region: str) -> float:
    """Addr-spec without quoting or comments; the top-level domain begins with a letter."""
    return 0.97 if "@" in value and ".." not in value and _EMAIL.fullmatch(value) else 0.0


def ssn(value: str, _region: str) -> float:
    """US social security number: area not 000, 666 or 9xx, group not 00, serial not 0000."""
    value = _unfloat(value)
    if _DASHED.fullmatch(value):
        return 0.85 if _issued(re.sub(r"\D", "", value)) else 0.0
    if _MASKED_SSN.fullmatch(value):
        return 0.70
    if not value.isdecimal():
        return 0.0
    if len(value) == 9:
        return 0.20 if _issued(value) else 0.0
    return 0.05 if len(value) == 4 else 0.0


def itin(value: str, _region: str) -> float:
    """US taxpayer number: 9xx with group 50-65, 70-88, 90-92 or 94-99."""
    digits = re.sub(r"\D", "", value) if _DASHED.fullmatch(value) else value
    if not (len(digits) == 9 and digits.isdecimal() and digits[0] == "9"):
        return 0.0
    group = int(digits[3:5])
    if not (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99):
        return 0.0
    return 0.40 if digits != value else 0.10


def card(value: str, _region: str) -> float:
    """Payment card: an issuer's prefix and length, then the Luhn check (ISO/IEC 7812-1, annex B)."""
    digits = re.sub(r"[ -]", "", value)
    if not _ISSUER.fullmatch(digits):
        return 0.0
    return 0.90 if luhn(digits) else 0.10


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of those before it."""
    doubled = (sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return (sum(doubled) + sum(int(d) for d in digits[-1::-2])) % 10 == 0


def iban(value: str, _region: str) -> float:
    """International bank account number: the country's length and the remainder 1 modulo 97 (ISO 13616)."""
    compact = value.replace(" ", "").upper()
    if len(compact) != _IBAN_LENGTHS.get(compact[:2]) or not (compact.isascii() and compact.isalnum()):
        return 0.0
    number = "".join(str(int(c, 36)) for c in compact[4:] + compact[:4])
    return 0.97 if int(number) % 97 == 1 else 0.0


def phone(value: str, region: str) -> float:
    """Telephone number by the numbering plans of libphonenumber; bare digits are weak evidence."""
    value = _unfloat(value)
    digits = re.sub(r"\D", "", value)
    if not 7 <= len(digits) <= 15 or not _PHONE.fullmatch(value) or _other_number(value):
        return 0.0
    try:
        if value.startswith(("+", "00")):
            number = phonenumbers.parse("+" + digits.removeprefix("00"), None)
            return 0.95 if phonenumbers.is_possible_number(number) else 0.40
        valid = phonenumbers.is_valid_number(phonenumbers.parse(value, region))
    except phonenumbers.NumberParseException:
        return 0.0
    if value.isdecimal() or _CHECK_DIGIT.search(value):
        return 0.30 if valid and value.isdecimal() else 0.15
    if valid:
        return 0.80
    return 0.50 if _GROUPED.fullmatch(value) else 0.30


def ip(value: str, _region: str) -> float:
    """IPv4 or IPv6 address."""
    if "." not in value and ":" not in value:
        return 0.0
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return 0.0
    return 0.90


def spread(values: Sequence[str]) -> bool:
    """Whether dotted quads reach beyond what version numbers do: some part is above 99."""
    return any(":" in v or any(p.isdecimal() and int(p) > 99 for p in v.split(".")) for v in values if len(v) < 46)


def mac(value: str, _region: str) -> float:
    """Six pairs of hexadecimal digits."""
    return 0.90 if _MAC.fullmatch(value) else 0.0


def name(value: str, _region: str) -> float:
    """One to six words of letters."""
    return 0.15 if len(value) < 60 and _NAME.fullmatch(value) else 0.0


def birth(value: str, _region: str) -> float:
    """A date, a year or a day."""
    if _DATE.match(value):
        return 0.15
    return (
        0.10 if re.fullmatch(r"(19|20)\d\d|\d{1,2}", _unfloat(value)) or re.match(r"[A-Z][a-z]{2} \d", value) else 0.0
    )


def address(value: str, _region: str) -> float:
    """A house number and a street word, or at least some words."""
    if _STREET.match(value):
        return 0.80
    return 0.15 if len(value) >= 6 and re.search(r"[A-Za-z]{3}", value) and "@" not in value else 0.0


def postal(value: str, _region: str) -> float:
    """Postal codes of digits, and the Canadian and British ones."""
    return 0.10 if _POSTAL.fullmatch(_unfloat(value)) else 0.0


def geo(value: str, _region: str) -> float:
    """Decimal degrees, alone or as a pair."""
    if _PAIR.fullmatch(value):
        return 0.60
    degrees = _DEGREES.fullmatch(value)
    return 0.10 if degrees and abs(float(degrees[1])) <= 180 else 0.0


def _unfloat(value: str) -> str:
    """The code without the `.0` that a detour through floating point left on it."""
    return value[:-2] if _FLOATED.fullmatch(value) else value


def _issued(digits: str) -> bool:
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if digits in _FAMOUS_SSN or len(set(digits)) == 1:
        return False
    return area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000"


def _other_number(value: str) -> bool:
    return bool(_DATE.match(value) or _DASHED.fullmatch(value) or _IPV4.fullmatch(value) or _DECIMAL.fullmatch(value))
