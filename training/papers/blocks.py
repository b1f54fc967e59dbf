"""What a report is made of, before anybody decides how it is written."""

from __future__ import annotations

from dataclasses import dataclass

Tone = str  # "first", "second", "muted", "hairline" or "text": a place in each writer's palette


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Sentence:
    """A paragraph; `mark` is a word before it, such as the severity of a finding."""

    text: str
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of texts; the first `words` columns are words, the others figures."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    tone: Tone = "first"
    opacity: float = 1.0


@dataclass(frozen=True)
class Stroke:
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    tone: Tone = "first"
    is_dashed: bool = False


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    radius: float
    tone: Tone = "first"


@dataclass(frozen=True)
class Label:
    """A text whose baseline begins (`start`), ends (`end`) or is centred (`middle`) at the point."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    tone: Tone = "muted"


Shape = Box | Stroke | Dot | Label


@dataclass(frozen=True)
class Drawing:
    """Shapes over `width` by `height` units, the origin at the top left; `table` holds the same in figures."""

    title: str
    width: float
    height: float
    shapes: tuple[Shape, ...]
    table: Table


Block = Heading | Sentence | Table | Drawing


@dataclass(frozen=True)
class Paper:
    title: str
    subtitle: str
    blocks: tuple[Block, ...]
