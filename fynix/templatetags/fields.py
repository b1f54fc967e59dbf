"""Fields of a form with their labels, helps and errors tied together."""

from django import template
from django.forms import BaseForm, BoundField, CheckboxInput
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from fynix.templatetags.marks import EMPTY, classes, icon
from fynix.templatetags.surfaces import banner

register = template.Library()


@register.simple_tag
def field(bound: BoundField, label: str = "", help_: str = "") -> SafeString:
    """A form field with label, help and errors tied to it by aria-describedby."""
    if bound.is_hidden:
        return bound.as_widget()
    anchor = bound.id_for_label or bound.auto_id
    hint = help_ or bound.help_text
    notes = [name for name, there in ((f"{anchor}_help", hint), (f"{anchor}_error", bound.errors)) if there]
    attrs: dict[str, str | bool] = {"aria-describedby": " ".join(notes)} if notes else {}
    if bound.errors:
        attrs["aria-invalid"] = "true"
    widget = bound.as_widget(attrs=attrs)
    name = field_name(bound, label or str(bound.label), anchor)
    check = isinstance(bound.field.widget, CheckboxInput)
    return format_html(
        '<div class="{}"{}>{}{}{}{}</div>',
        classes("field", "field-check" if check else ""),
        format_html(' role="group" aria-labelledby="{}_label"', anchor) if bound.use_fieldset else "",
        widget if check else name,
        name if check else widget,
        format_html('<div class="help" id="{}_help">{}</div>', anchor, hint) if hint else "",
        field_errors(bound, anchor),
    )


def field_name(bound: BoundField, text: str, anchor: str) -> SafeString:
    """The label, or for a group of choices its heading."""
    rest = format_html(' <span class="optional">{}</span>', _("(optional)")) if not bound.field.required else EMPTY
    if isinstance(bound.field.widget, CheckboxInput):
        rest = EMPTY
    if bound.use_fieldset:
        return format_html('<span class="label" id="{}_label">{}{}</span>', anchor, text, rest)
    return format_html('<label for="{}">{}{}</label>', anchor, text, rest)


def field_errors(bound: BoundField, anchor: str) -> SafeString:
    """The errors of one field, under the id that aria-describedby names."""
    if not bound.errors:
        return EMPTY
    lines = format_html_join(" ", "{}", ((text,) for text in bound.errors))
    return format_html('<p class="error" id="{}_error">{}<span>{}</span></p>', anchor, icon("error"), lines)


@register.simple_tag
def error_summary(form: BaseForm) -> SafeString:
    """What to put right, above the form, each with a link to its field."""
    if not form.errors:
        return EMPTY
    lines = [("", text) for text in form.non_field_errors()]
    lines += [(bound.id_for_label, format_html("{}: {}", bound.label, text)) for bound in form for text in bound.errors]
    items = [(format_html('<a href="#{}">{}</a>', to, text) if to else text,) for to, text in lines]
    return banner(
        format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", items)),
        tone="danger",
        title=_("Please check this form"),
        live=True,
    )


@register.simple_tag
def form_fields(form: BaseForm) -> SafeString:
    """The summary, the hidden fields and every visible field in order."""
    hidden = format_html_join("", "{}", ((str(bound),) for bound in form.hidden_fields()))
    shown = format_html_join("\n", "{}", ((field(bound),) for bound in form.visible_fields()))
    return format_html("{}{}{}", error_summary(form), hidden, shown)
