"""Figures and components as a page shows them."""

import re

import pytest
from django import forms
from django.core.paginator import Paginator
from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest
from django.template import Context, Template
from django.test import RequestFactory

from fynix.templatetags.figures import bytes_, duration, number, percent


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (5_300_000_000, "5.3 GB"),
        (999_950, "1.0 MB"),
        (None, "–"),
    ],
)
def test_sizes_are_decimal(size, words):
    assert bytes_(size) == words


@pytest.mark.parametrize(
    ("value", "digits", "words"),
    [
        (48310, None, "48,310"),
        (0.84567, 3, "0.846"),
        (-3, None, "\u22123"),
        (1234.5, None, "1,234"),
        (float("nan"), None, "–"),
        ("n/a", None, "n/a"),
    ],
)
def test_numbers_are_grouped(value, digits, words):
    assert number(value, digits) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0%"), (1, "100%"), (0.00004, "<0.1%"), (0.1234, "12.3%"), (0.9999999, ">99.9%")],
)
def test_a_share_never_rounds_to_nothing_or_all(share, words):
    assert percent(share) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.42, "420 ms"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7440, "2 h 04 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations_keep_two_units(seconds, words):
    assert duration(seconds) == words


def rendered(source: str, **values: object) -> str:
    return Template("{% load ui %}" + source).render(Context(values))


@pytest.mark.parametrize(
    "source",
    [
        "{% card title=x subtitle=x %}{{ x }}{% endcard %}",
        "{% banner title=x %}{{ x }}{% endbanner %}",
        "{% snippet title=x %}{{ x }}{% endsnippet %}",
        "{% tooltip text=x %}{{ x }}{% endtooltip %}",
        "{% table caption=x %}{{ x }}{% endtable %}",
        "{% stat x x hint=x %}",
        "{% badge x %}{% state x %}",
        "{% breadcrumb x x x %}{% tabs x x %}",
        "{% progress 1 2 label=x words=x %}",
        "{% button x href=x %}{% button x busy=x name=x %}{% outside x x %}",
        "{% menu x label=x %}{{ x }}{% endmenu %}",
        "{% failure title=x request_id=x retry=x %}{{ x }}{% endfailure %}",
        "{% timeline x %}{% step x note=x href=x %}{% endtimeline %}",
        "{% tabset label=x %}{% tabpanel x %}{{ x }}{% endtabpanel %}{% endtabset %}",
        "{% log label=x %}{% log_line x x x %}{% endlog %}",
        "{% short_hash x %}{% copy_button x x %}",
    ],
)
def test_what_a_person_typed_is_escaped(source):
    assert "<img" not in rendered(source, x='<img src=x onerror="1">')


def test_a_difference_says_its_direction_in_words():
    assert "better" in rendered("{% delta 0.012 %}")
    assert "worse" in rendered('{% delta 0.012 better="down" %}')
    assert "no difference" in rendered("{% delta 0.0001 %}")


class NameForm(forms.Form):
    name = forms.CharField(help_text="Letters and digits.")


def test_a_field_ties_its_help_and_its_error_to_the_input():
    page = rendered("{% form_fields form %}", form=NameForm({"name": ""}))
    assert 'aria-describedby="id_name_help id_name_error"' in page
    assert 'aria-invalid="true"' in page
    assert 'id="id_name_help"' in page
    assert 'id="id_name_error"' in page
    assert '<a href="#id_name">' in page


def at(address: str) -> HttpRequest:
    return RequestFactory().get(address)


@pytest.mark.parametrize(
    ("asked", "order", "then"),
    [
        ("/?q=a", None, "?q=a&amp;sort=name"),
        ("/?q=a&sort=name", "ascending", "?q=a&amp;sort=-name"),
        ("/?q=a&sort=-name&page=4&cursor=x", "descending", "?q=a&amp;sort=name"),
    ],
)
def test_a_column_says_its_order_and_leads_to_the_other(asked, order, then):
    head = rendered('{% sort_header "Name" "name" %}', request=at(asked))
    assert f'href="{then}"' in head
    assert re.findall(r'aria-sort="(\w+)"', head) == ([order] if order else [])


def test_figures_are_sorted_from_the_largest_and_a_list_knows_its_own_order():
    assert 'href="?sort=-auc"' in rendered('{% sort_header "AUC" "auc" numeric=True %}', request=at("/"))
    own = rendered('{% sort_header "AUC" "auc" numeric=True default="-auc" %}', request=at("/"))
    assert 'aria-sort="descending"' in own
    assert 'href="?sort=auc"' in own


def test_pages_keep_what_was_filtered_and_say_where_one_is():
    page = Paginator(range(60), 25).page(1)
    shown = rendered("{% pagination page %}", page=page, request=at("/?q=a"))
    assert "1 to 25 of 60" in shown
    assert 'rel="next" href="?q=a&amp;page=2"' in shown
    assert '<span class="btn btn-small" aria-disabled="true">Earlier</span>' in shown


def test_a_list_without_an_end_leads_on_and_back_to_its_start():
    assert rendered("{% cursor_pages none %}", none=None, request=at("/")) == ""
    first = rendered("{% cursor_pages more %}", more="abc", request=at("/?q=a"))
    assert 'href="?q=a&amp;cursor=abc"' in first
    assert "From the start" not in first
    last = rendered("{% cursor_pages none %}", none=None, request=at("/?q=a&cursor=abc"))
    assert 'href="?q=a"' in last
    assert "Show more" not in last


@pytest.mark.parametrize(
    ("source", "attributes"),
    [
        ('{% button "Save" busy="Saving…" %}', ['type="submit"', 'data-busy="Saving…"']),
        ('{% button "Save" working=True %}', ['aria-busy="true"']),
        ('{% button "Follow" pressed=False %}', ['aria-pressed="false"']),
        ('{% button "Save" disabled=True %}', [" disabled>"]),
        ('{% button "Ask" data_dialog_open="ask" %}', ['data-dialog-open="ask"']),
        ('{% button "On" href="/on" %}', ["<a ", 'href="/on"', "</a>"]),
    ],
)
def test_a_button_says_its_state(source, attributes):
    button = rendered(source)
    assert [attribute for attribute in attributes if attribute not in button] == []


def test_a_link_that_looks_like_a_button_is_no_button():
    assert "type=" not in rendered('{% button "On" href="/on" %}')


def test_a_stage_says_in_words_what_its_colour_says():
    assert "done" in rendered('{% step "Load" "done" %}')
    assert "failed" in rendered('{% step "Load" "failed" %}')
    assert 'aria-current="step"' in rendered('{% step "Load" "current" %}')


def test_a_drawing_can_be_read_as_a_table():
    frame = rendered(
        '{% chart_frame title="AUC" summary="Up." columns=columns rows=rows csv="/all.csv" %}…{% endchart_frame %}',
        columns=("Round", "AUC"),
        rows=((1, 0.8), ("last", 0.9)),
    )
    assert "View as table" in frame
    assert '<td class="num">0.8</td>' in frame
    assert "<td>last</td>" in frame
    assert 'href="/all.csv" download' in frame


def test_a_drawing_without_figures_has_no_table():
    assert "View as table" not in rendered('{% chart_frame title="AUC" summary="" %}…{% endchart_frame %}')


def test_a_failure_names_the_request_and_the_way_on():
    shown = rendered('{% failure title="Not read" request_id="abc" retry="/again" %}<p>It is safe.</p>{% endfailure %}')
    assert "<code>abc</code>" in shown
    assert 'href="/again"' in shown


@pytest.mark.parametrize(("kind", "lines"), [("text", 3), ("card", 4), ("table", 6), ("chart", 1)])
def test_a_skeleton_says_that_it_waits(kind, lines):
    shown = rendered("{% skeleton kind %}", kind=kind)
    assert shown.count("skeleton-line") == lines
    assert 'role="status"' in shown
    assert "Loading" in shown


def test_only_what_points_along_the_line_turns_with_it():
    assert "icon-turns" in rendered('{% icon "arrow-right" %}')
    assert "icon-turns" not in rendered('{% icon "clock" %}')


def test_a_choice_is_written_as_django_writes_it():
    class Choice(forms.Form):
        kind = forms.ChoiceField(
            choices=[("", "All & none"), ("a<b", "A <b>"), ("Group “x”", [("1", "One"), (2, "Two")])],
            widget=forms.Select(attrs={"data-x": 'a"b', "multiple-of": True, "hidden": False}),
        )

    for chosen in ({}, {"kind": "a<b"}, {"kind": "2"}):
        ours = str(Choice(chosen)["kind"])
        plain = Choice(chosen, renderer=DjangoTemplates())["kind"].as_widget()
        assert ours.split() == str(plain).split()
