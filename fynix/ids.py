"""Public identifiers: a kind, an underscore, and a UUIDv7 in lower-case Crockford base 32.

`run_01kazp4ay5f0r8v3q2m9t6wxyz` sorts by time of creation, holds 74 random or sub-millisecond bits and has
no look-alike letters (i, l, o, u are left out). Layout: RFC 9562 section 5.7, with method 3 of section 6.2.
"""

import re
import secrets
import threading
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26  # 128 bits in groups of five
TAIL = re.compile(rf"[0-7][{ALPHABET}]{{{LENGTH - 1}}}")

_lock = threading.Lock()
_last_tick = 0


def new(prefix: str) -> str:
    """A new identifier of this kind; later calls in one process always sort after earlier ones."""
    return f"{prefix}_{_base32(_uuid7())}"


def is_valid(prefix: str, text: str) -> bool:
    """Whether the text has the shape of an identifier of this kind."""
    kind, _, tail = text.rpartition("_")
    return kind == prefix and TAIL.fullmatch(tail) is not None


def _uuid7() -> int:
    """48 bits of Unix milliseconds, version, 12 bits of fraction, variant, 62 random bits."""
    tick = _next_tick()
    return (tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62 | secrets.randbits(62)


def _next_tick() -> int:
    """The clock in units of 1/4096 ms, moved on by one whenever it stands still or runs back."""
    global _last_tick  # noqa: PLW0603  the clock of the process is one
    with _lock:
        _last_tick = max(_last_tick + 1, time.time_ns() * 4096 // 1_000_000)
        return _last_tick


def _base32(value: int) -> str:
    return "".join(ALPHABET[value >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
