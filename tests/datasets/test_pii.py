"""Personal data is found by header and values together, and never by a lookalike."""

from __future__ import annotations

import itertools
import random

import pytest

from datasets.pii import PiiFinding, mask, redact, scan, shown
from datasets.pii_values import iban, luhn

rng = random.Random(5)
N = 60


def digits(count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def ssn(separator: str = "-") -> str:
    area, group, serial = rng.randint(100, 665), rng.randint(10, 99), rng.randint(1000, 9999)
    return separator.join((str(area), str(group), str(serial)))


def local_phone(pattern: str) -> str:
    return pattern.format(rng.choice(["212", "415", "312", "617"]), rng.randint(200, 999), digits(4))


def many(make: object) -> list[str]:
    return [make() for _ in range(N)]  # type: ignore[operator]


def cards() -> list[str]:
    stems = (f"4{digits(14)}" for _ in itertools.count())
    whole = (stem + last for stem in stems for last in "0123456789")
    return list(itertools.islice((number for number in whole if luhn(number)), N))


def day(year: int) -> str:
    return f"{year}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


NUMBERED_MAIL = [f"u{i}@example.com" for i in range(N)]
COLUMNS: list[tuple[str, list[str], str | None]] = [
    ("ssn", many(ssn), "ssn"),
    ("ssn", many(lambda: ssn("")), "ssn"),
    ("col_7", many(ssn), "ssn"),
    ("order_id", many(lambda: ssn("")), None),
    ("col_7", many(lambda: ssn("")), None),
    ("ssn_masked", many(lambda: "XXX-XX-" + digits(4)), "ssn"),
    ("ssn_last4", many(lambda: digits(4)), "ssn"),
    ("part_no", many(lambda: f"9{digits(2)}-{digits(2)}-{digits(4)}"), None),
    ("itin", many(lambda: f"9{digits(2)}-7{rng.randint(0, 9)}-{digits(4)}"), "itin"),
    ("zip_plus4", many(lambda: digits(5) + "-" + digits(4)), "zip"),
    ("ein", many(lambda: digits(2) + "-" + digits(7)), None),
    ("aba_routing", many(lambda: "0" + digits(8)), None),
    ("ssn_verified", ["Y", "N"] * 30, None),
    ("ssn", many(lambda: ssn("") + ".0"), "ssn"),
    ("phone", many(lambda: local_phone("({}) {}-{}")), "phone"),
    ("col_3", many(lambda: local_phone("({}) {}-{}")), "phone"),
    ("col_3", many(lambda: local_phone("{}.{}.{}")), "phone"),
    ("mobile", many(lambda: "+44 7911 " + digits(6)), "phone"),
    ("mobile", many(lambda: local_phone("{}{}{}") + ".0"), "phone"),
    ("created_at", many(lambda: str(1700000000 + rng.randint(0, 10**7))), None),
    ("event_ms", many(lambda: str(1700000000000 + rng.randint(0, 10**9))), None),
    ("customer_id", [str(2120000000 + 7 * i) for i in range(N)], None),
    ("balance", many(lambda: f"{rng.uniform(0, 5000):.10f}"), None),
    ("visit_date", many(lambda: f"{rng.randint(1, 12):02}-{rng.randint(1, 28):02}-2012"), None),
    ("visit_dt", many(lambda: day(2019) + " 181335"), None),
    ("phone_type", ["home", "mobile", "work"] * 20, None),
    ("phone_model", ["iPhone 12", "Galaxy S21", "Pixel 6"] * 20, None),
    ("has_phone", ["0", "1"] * 30, None),
    ("PhoneService", ["Yes", "No"] * 30, None),
    ("isbn", many(lambda: f"978-0-{digits(3)}-{digits(5)}-{digits(1)}"), None),
    ("asset_tag", many(lambda: f"{digits(9)}-{digits(1)}"), None),
    ("email", NUMBERED_MAIL, "email"),
    ("col_1", NUMBERED_MAIL, "email"),
    ("contact", [m if i % 2 else "" for i, m in enumerate(NUMBERED_MAIL)], "email"),
    ("email_opt_in", ["true", "false"] * 30, None),
    ("email_domain", ["gmail.com", "yahoo.com"] * 30, None),
    ("EMAIL", [f"SKING{i}" for i in range(N)], None),
    ("twitter", [f"@user{i}" for i in range(N)], None),
    ("card_number", cards(), "card"),
    ("txn_ref", many(lambda: "4" + digits(15)), None),
    ("migration", many(lambda: day(2026).replace("-", "") + f"{rng.randint(0, 235959):06}"), None),
    ("app_version", many(lambda: f"{rng.randint(1, 9)}.{rng.randint(0, 20)}.{digits(1)}.{digits(1)}"), None),
    ("client_ip", [f"203.0.113.{i}" for i in range(N)], "ip"),
    ("ip_address", [f"10.0.0.{i}" for i in range(N)], "ip"),
    ("iban", ["DE89370400440532013000", "GB82WEST12345698765432"], "iban"),
    ("first_name", ["Ann", "Bob", "Carl", "Dina"] * 15, "name"),
    ("product_name", ["Red Chair", "Blue Lamp"] * 30, None),
    ("file_name", ["a.csv", "b.csv"] * 30, None),
    ("country", ["France", "Spain"] * 30, None),
    ("dob", many(lambda: day(1980)), "dob"),
    ("signup_date", many(lambda: day(2020)), None),
    ("street_address", [f"{i} Main St" for i in range(100, 100 + N)], "address"),
    ("email_address", NUMBERED_MAIL, "email"),
    ("lat", many(lambda: f"{rng.uniform(-90, 90):.5f}"), "geo"),
    ("acid_level", many(lambda: f"{rng.uniform(0, 9):.2f}"), None),
    ("scenario_code", many(lambda: "SCN-" + digits(3)), None),
    ("academic_year_code", ["1999", "2000"] * 30, None),
]


@pytest.mark.parametrize(("name", "values", "expected"), COLUMNS)
def test_each_tricky_column_gets_its_type(name: str, values: list[str], expected: str | None) -> None:
    finding = scan(name, values)
    assert (finding and finding.type) == expected
    assert finding is None or finding.state == "values"


@pytest.mark.parametrize(
    ("name", "values", "verdict"),
    [
        ("email", NUMBERED_MAIL, "certain"),
        ("ssn", ["212-45-6780", "317-22-1234", "445-11-9876"], "certain"),
        ("ssn", ["212456780", "317221234", "445119876"], "likely"),
        ("col_7", ["212-45-6780", "317-22-1234", "445-11-9876"], "likely"),
        ("ssn_last4", ["6780", "1234", "9876"], "possible"),
    ],
)
def test_the_verdict_says_how_sure_we_are(name: str, values: list[str], verdict: str) -> None:
    finding = scan(name, values)
    assert finding is not None
    assert finding.verdict == verdict


def test_the_reasons_count_the_evidence() -> None:
    finding = scan("ssn", ["212-45-6780", "317-22-1234", "445-11-9876", "000-11-9876"])
    assert finding is not None
    assert finding.reasons == ("3 of 4 values pass the SSN rules", "the header says ssn")


def test_a_name_without_values_is_a_promise_only() -> None:
    finding = scan("phone", ["", None, "n/a"])
    assert finding is not None
    assert (finding.type, finding.state, finding.hides_values) == ("phone", "header", False)


def test_an_address_in_one_note_of_ten_is_reported_as_contained() -> None:
    notes = [f"call u{i}@example.com re order" if i % 10 == 0 else f"ok {i}" for i in range(N)]
    finding = scan("notes", notes)
    assert finding is not None
    assert (finding.type, finding.state, finding.matched, finding.tested) == ("email", "contains", 6, 60)


def test_missing_words_are_no_evidence() -> None:
    assert scan("notes", ["", "NA", None]) is None


def test_direct_data_hides_values_and_a_birthday_does_not() -> None:
    mail, birth = scan("email", NUMBERED_MAIL), scan("dob", [day(1980) for _ in range(N)])
    assert mail is not None
    assert birth is not None
    assert mail.hides_values
    assert not birth.hides_values


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("john@example.com", "email", "j***@e***.com"),
        ("call me", "email", "***"),
        ("123-45-6789", "ssn", "***-**-6789"),
        ("6789", "ssn", "***"),
        ("(212) 555-0134", "phone", "***-***-**34"),
        ("4111 1111 1111 1111", "card", "**** **** **** 1111"),
        ("DE89370400440532013000", "iban", "**** 3000"),
        ("203.0.113.7", "ip", "203.***"),
        ("Ada King Lovelace", "name", "A*** K*** L***"),
        ("100 Main St", "address", "***"),
    ],
)
def test_a_mask_leaves_only_a_hint(value: str, kind: str, expected: str) -> None:
    assert mask(value, kind) == expected


def test_free_text_is_redacted_even_without_a_finding() -> None:
    text = "write bob@corp.org or +44 7911 123456, SSN 212-45-6780, part 912-45-6780"
    assert redact(text) == "write b***@c***.org or ***-***-**56, SSN ***-**-6780, part 912-45-6780"
    assert shown(text, None) == redact(text)


@pytest.mark.parametrize("number", ["79927398713", "4111111111111111", "378282246310005"])
def test_luhn_takes_the_right_check_digit_only(number: str) -> None:
    assert luhn(number)
    assert not any(luhn(number[:-1] + d) for d in "0123456789" if d != number[-1])


def test_iban_needs_its_countrys_length_and_check_digits() -> None:
    assert iban("GB82 WEST 1234 5698 7654 32", "US") > 0
    assert iban("GB83WEST12345698765432", "US") == 0
    assert iban("GB82WEST1234569876543", "US") == 0
    assert iban("ZZ82WEST12345698765432", "US") == 0


def test_a_finding_survives_json() -> None:
    finding = scan("email", NUMBERED_MAIL)
    assert finding is not None
    assert PiiFinding.from_json({**finding.__dict__, "reasons": list(finding.reasons)}) == finding
