"""What people decided about personal data, done to a table before anything is typed, described or learned from."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import polars as pl

from datasets.pii import REDACTED, mask, scan
from datasets.profiling import parquet, sniff
from datasets.profiling.columns import sample_of
from datasets.profiling.reading import TextTable

HASH_LENGTH = 16  # hexadecimal digits: 64 bits, so that two of a million values hardly ever meet


def treated(text: TextTable, treatments: Mapping[str, str], *, key: bytes, region: str) -> TextTable:
    """The table with the values of these columns redacted, hashed, masked in part, or without the column.

    Hashes are HMAC-SHA256 under `key`, cut to 64 bits: equal values stay equal within one project, and nobody
    without the key can try values out. Raises Unreadable when less than two columns are left.
    """
    wanted = {name: how for name, how in treatments.items() if name in text.names and how != "show"}
    if not wanted:
        return text
    names = tuple(name for name in text.names if wanted.get(name) != "drop")
    if len(names) < 2:
        raise sniff.one_column()
    table = pl.scan_parquet(text.path)
    covered = [_covered(table, name, wanted[name], key, region) if name in wanted else pl.col(name) for name in names]
    path = text.path.with_name("treated.parquet")
    parquet.passing(table.select(covered), path)
    text.path.unlink()
    return replace(text, path=path, names=names)


def _covered(table: pl.LazyFrame, name: str, how: str, key: bytes, region: str) -> pl.Expr:
    column = pl.col(name)
    if how == "redact":
        return pl.when(column.is_not_null()).then(pl.lit(REDACTED)).alias(name)
    values = table.select(column.unique()).collect().to_series().drop_nulls()
    cover = partial(_hash, key) if how == "hash" else _partly(name, values, region)
    return column.replace_strict(values, [cover(value) for value in values], default=None, return_dtype=pl.String)


def _partly(name: str, values: pl.Series, region: str) -> Callable[[str], str]:
    finding = scan(name, sample_of(values), region=region)
    return partial(_masked, finding.type if finding is not None else "")


def _masked(kind: str, value: str) -> str:
    return mask(value, kind)


def _hash(key: bytes, value: str) -> str:
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:HASH_LENGTH]
