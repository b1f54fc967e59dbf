"""Photographs of the product on the landing page: which there are, and in which frames, formats and widths."""

from dataclasses import dataclass

FORMATS = ("avif", "webp")
"""Best first: a browser takes the first that it knows."""


@dataclass(frozen=True)
class Shot:
    """A page to photograph: what a phone and what a wide screen is scrolled to (a CSS selector; empty is the top)."""

    phone: str
    wide: str


SHOTS = {
    "profile": Shot(phone=".table-scroll", wide=""),
    "run": Shot(phone="fx-chart", wide=".split"),
    "test": Shot(phone="#answer", wide=".sandbox"),
    "model": Shot(phone=".table-scroll", wide=".banner"),
    "version": Shot(phone="article", wide="article"),
}


@dataclass(frozen=True)
class Frame:
    """One way to look at a page: the viewport in CSS pixels, and the widths of the files in pixels."""

    name: str
    viewport: tuple[int, int]
    widths: tuple[int, ...]
    media: str

    def height(self, width: int) -> int:
        """Height in pixels of a file of this width."""
        return round(width * self.viewport[1] / self.viewport[0])


FRAMES = (
    Frame("phone", (400, 500), (480, 800), "(max-width: 40rem)"),
    Frame("wide", (1024, 640), (800, 1200, 1600), "(min-width: 40.01rem)"),
)
