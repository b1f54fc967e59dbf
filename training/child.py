"""The limited process that looks for columns that give a target away. One JSON object in, one out.

The process of the pages loads no learner; this one ends with its answer.
"""

import json
import sys
from dataclasses import asdict

import polars as pl

from fynix import leash
from training.engine.errors import Untrainable
from training.engine.suspect import screen


def main() -> None:
    """Answer standard input. The argument is the most memory it may take, in bytes; 0: no limit."""
    leash.limit_memory(int(sys.argv[1]))
    request = json.load(sys.stdin)
    table = pl.read_parquet(request["path"], columns=request["columns"], glob=False)
    try:
        answer = asdict(screen(table, request["target"], personal=request["personal"]))
    except Untrainable as refusal:
        answer = {"refusal": refusal.message}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
