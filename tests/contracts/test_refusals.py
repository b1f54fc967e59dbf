"""Every refusal that a person reads is asked for in their language where it is made; records stay as written."""

import ast
from collections.abc import Iterator

from tests.pseudo import APPS, ROOT

FOREIGN = {"PermissionDenied", "ValidationError", "AuthenticationFailed", "NotAuthenticated", "NotFound", "ParseError"}
"""Refusals of Django and of REST framework that carry sentences of ours."""
ASKING = {"_", "gettext", "gettext_lazy", "ngettext"}
AS_WRITTEN = {
    "datasets/profiles.py: Unparseable(": "why a table could not be read; kept with its job",
    "datasets/profiles.py: Altered(": "the same",
    "registry/packaging.py: NotPublished(": "why files could not be made; kept with their job",
    "registry/promotion.py: Unfit(": "what the checks say, which is kept with a move",
    "registry/promotion.py: Invalid(error.message": "the sentence of another refusal, which was asked for there",
    "sandbox/execution.py: NoTable(": "why rows could not be read; kept with their job",
    "sandbox/execution.py: NoColumns(": "the same",
    "sandbox/execution.py: TooManyRows(": "the same",
    "training/runs.py: Invalid(refusal.message": "what the engine says; it knows no Django",
}
"""Calls that pass on a sentence as it is, and why they may."""

Trees = dict[str, ast.Module]


def trees() -> Trees:
    paths = [path for app in APPS for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in paths}


def called(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return getattr(node, "id", getattr(node, "attr", ""))


def classes(tree: ast.Module) -> dict[str, set[str]]:
    """The names of a module's classes, each with those of its bases."""
    return {
        node.name: {called(base) for base in node.bases} for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    }


def heirs(found: Trees) -> set[str]:
    """DomainError and whatever comes from it, by name."""
    bases = [pair for tree in found.values() for pair in classes(tree).items()]
    names, before = {"DomainError"}, 0
    while len(names) > before:
        before = len(names)
        names |= {name for name, above in bases if above & names}
    return names


def phrases(found: Trees) -> set[str]:
    """Names of modules' own texts that were asked for lazily."""
    assigned = [node for tree in found.values() for node in tree.body if isinstance(node, ast.Assign)]
    return {called(node.targets[0]) for node in assigned if is_asked(node.value, set())}


def is_asked(message: ast.expr, known: set[str]) -> bool:
    """Whether the text is one that was asked for, perhaps with values put in afterwards."""
    match message:
        case ast.Call(func=ast.Attribute(attr="format", value=text)):
            return is_asked(text, known)
        case ast.Call(func=function, args=[first, *_]):
            return called(function) in ASKING and isinstance(first, ast.Constant)
        case ast.BinOp(op=ast.Mod(), left=text):
            return is_asked(text, known)
        case ast.Dict(values=values):
            return all(is_asked(value, known) for value in values)
        case ast.Name() | ast.Attribute():
            return called(message) in known
    return False


def unasked(tree: ast.Module, refusals: set[str], known: set[str]) -> Iterator[str]:
    """The refusals, and the sentences of constraints, whose text nobody asked a translation for."""
    others = {name for name, bases in classes(tree).items() if not bases & refusals}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        texts = [each.value for each in node.keywords if each.arg == "violation_error_message"]
        if called(node.func) in refusals - others:
            texts += node.args[:1]
        if not all(is_asked(text, known) for text in texts):
            yield ast.unparse(node)


def test_every_refusal_is_asked_for_in_the_language_of_the_request() -> None:
    found = trees()
    refusals, known = heirs(found) | FOREIGN, phrases(found)
    left = [f"{path}: {call}" for path, tree in found.items() for call in unasked(tree, refusals, known)]
    plain = [each for each in left if not each.startswith(tuple(AS_WRITTEN))]
    assert plain == []
    assert [kept for kept in AS_WRITTEN if not any(each.startswith(kept) for each in left)] == []


def test_a_sentence_that_nobody_asked_for_is_found() -> None:
    source = """
class Busy(Conflict): ...
class Refused(OSError): ...
raise Busy("Wait.")
raise errors.Busy(f"Wait for {name}.")
raise Busy(_(f"Wait for {name}."))
raise Busy(_("Wait for {name}.").format(name=name), field="name")
raise Busy(ngettext("{n} waits.", "{n} wait.", n).format(n=n))
raise Busy(gettext("Wait for %(name)s.") % {"name": name})
raise Refused("No.")
CheckConstraint(violation_error_message="Wait.")
"""
    tree = ast.parse(source)
    assert list(unasked(tree, {"Conflict", "Busy", "Refused"}, set())) == [
        "Busy('Wait.')",
        "errors.Busy(f'Wait for {name}.')",
        "Busy(_(f'Wait for {name}.'))",
        "CheckConstraint(violation_error_message='Wait.')",
    ]
