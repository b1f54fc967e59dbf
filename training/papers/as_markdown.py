"""The report as Markdown; a drawing is its table."""

from __future__ import annotations

import re

from training.papers.blocks import Block, Drawing, Heading, Paper, Sentence, Table

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def write(paper: Paper) -> bytes:
    parts = [f"# {_plain(paper.title)}", _plain(paper.subtitle), *map(_block, paper.blocks)]
    return ("\n\n".join(parts) + "\n").encode()


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"## {_plain(block.text)}"
    if isinstance(block, Sentence):
        return f"- **{_plain(block.mark)}:** {_plain(block.text)}" if block.mark else _plain(block.text)
    return _table(block.table if isinstance(block, Drawing) else block)


def _table(table: Table) -> str:
    sides = [":--" if place < table.words else "--:" for place in range(len(table.head))]
    lines = [f"**{_plain(table.caption)}**", "", _row([_plain(text) for text in table.head]), _row(sides)]
    return "\n".join([*lines, *(_row([_plain(text) for text in row]) for row in table.rows)])


def _row(texts: list[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _plain(text: str) -> str:
    """The text as it is, on one line, nothing in it read as Markdown or HTML."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
