"""What no template may hold, and what every name in it must lead to."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STATIC = ROOT / "static"
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
SYMBOLS = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons" / "sprite.svg").read_text()))

STYLE = re.compile(r"<[a-z][^>]*\sstyle\s*=", re.IGNORECASE)
HANDLER = re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.IGNORECASE)
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", re.IGNORECASE)
ELSEWHERE = re.compile(r"""<(?:script|link|img|iframe|source|use)[^>]+(?:src|href)=["'](?:https?:)?//""", re.IGNORECASE)
IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["']([^"']+)["']""")
STATIC_TAG = re.compile(r"""{%\s*static\s+["']([^"']+)["']""")
ICON_TAG = re.compile(r"""{%\s*icon\s+["']([\w-]+)["']""")
MODULES_TAG = re.compile(r"{%\s*modules\s+([^%]*)%}")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("template", TEMPLATES, ids=named)
@pytest.mark.parametrize(
    "forbidden", [STYLE, HANDLER, INLINE_SCRIPT, ELSEWHERE], ids=["style", "on", "script", "elsewhere"]
)
def test_a_template_keeps_to_the_content_security_policy(template, forbidden):
    assert forbidden.findall(template.read_text()) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=named)
def test_every_static_file_and_drawing_of_a_template_exists(template):
    text = template.read_text()
    assert [
        path
        for path in STATIC_TAG.findall(text)
        if not path.startswith(("account/", "mfa/", "admin/")) and not (STATIC / path).exists()
    ] == []
    assert set(ICON_TAG.findall(text)) - SYMBOLS == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=named)
def test_every_template_compiles(template):
    get_template(str(template.relative_to(ROOT / "templates")))


def test_every_module_that_is_imported_exists():
    known = {f"fynix/{path.relative_to(STATIC / 'js').with_suffix('')}" for path in SCRIPTS} | {"uplot"}
    asked = {name for script in SCRIPTS for name in IMPORT.findall(script.read_text())}
    asked |= {
        name
        for template in TEMPLATES
        for arguments in MODULES_TAG.findall(template.read_text())
        for name in re.findall(r"[\"']([^\"']+)[\"']", arguments)
    }
    assert asked - known == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=named)
def test_a_script_never_writes_markup_or_evaluates_text(script):
    assert (
        re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function",
            script.read_text(),
        )
        == []
    )


def test_first_views_stay_small():
    sheets = sum(path.stat().st_size for path in (STATIC / "css").rglob("*.css") if path.name != "admin.css")
    assert (STATIC / "fonts" / "inter-var.woff2").stat().st_size <= 30 * 1024
    assert (STATIC / "js" / "app.js").stat().st_size <= 4 * 1024
    assert sheets <= 100 * 1024
