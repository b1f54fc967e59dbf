"""A language that nobody speaks: every text of the product in letters with accents, half as long again.

A text that a page shows in plain letters was never asked for a translation.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).parents[1]
APPS = ("accounts", "datasets", "fynix", "landing", "registry", "sandbox", "training")
CODE = "en-xa"
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ACCENTED = "áƀçđéƒğĥíĵķĺɱñóƥɋŕšŧúṽŵẋýžÁɃÇĐÉƑĞĤÍĴĶĹṀÑÓƤɊŔŠŦÚṼŴẊÝŽ"
LETTERS = str.maketrans(PLAIN, ACCENTED)
KEPT = re.compile(r"%\(\w+\)s|%%|\{\w+(?::[^{}]*)?\}|<[^>]+>|&\w+;")
"""Places for values, and markup: they pass as they are."""
ASKED = re.compile(
    r"\b(gettext|ngettext|pgettext|npgettext|_)\(((?:[^()'\"]|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")*)\)"
)
SCRIPT = re.compile(r"\b_\(\"((?:\\.|[^\"\\])*)\"")


def accented(text: str) -> str:
    """`Save %(name)s` as `Šáṽé %(name)s ~~`."""
    parts, place = [], 0
    for kept in KEPT.finditer(text):
        parts += [text[place : kept.start()].translate(LETTERS), kept.group()]
        place = kept.end()
    parts.append(text[place:].translate(LETTERS))
    return "".join(parts) + " " + "~" * (len(text) // 3) if text.strip() else text


def write(folder: Path) -> None:
    """The catalogues of pages and of scripts, under `folder`."""
    place = folder / "en_XA" / "LC_MESSAGES"
    place.mkdir(parents=True)
    _catalogue([*_of_python(), *_of_templates()]).save_as_mofile(str(place / "django.mo"))
    _catalogue([(text, "") for text in _of_scripts()]).save_as_mofile(str(place / "djangojs.mo"))


def _catalogue(texts: list[tuple[str, str]]) -> polib.POFile:
    """Each text with its plural, which may be empty."""
    found = polib.POFile()
    found.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Plural-Forms": "nplurals=2; plural=(n != 1);"}
    for one, many in sorted(set(texts)):
        if many:
            found.append(
                polib.POEntry(msgid=one, msgid_plural=many, msgstr_plural={0: accented(one), 1: accented(many)})
            )
        elif one:
            found.append(polib.POEntry(msgid=one, msgstr=accented(one)))
    return found


def _of_python() -> Iterator[tuple[str, str]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            yield from _calls(path.read_text())


def _of_templates() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for call in ASKED.finditer(templatize(path.read_text(), origin=str(path))):
            yield from _calls(call.group())


def _calls(source: str) -> Iterator[tuple[str, str]]:
    """The constant texts that are asked for in Python source; a text put together before asking is none."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if name in {"_", "gettext", "gettext_lazy"} and len(texts) == 1:
            yield texts[0], ""
        if name in {"ngettext", "ngettext_lazy"} and len(texts) == 2:
            yield texts[0], texts[1]


def _of_scripts() -> Iterator[str]:
    for path in sorted((ROOT / "static" / "js").rglob("*.js")):
        for text in SCRIPT.findall(path.read_text()):
            yield ast.literal_eval(f'"{text}"')
