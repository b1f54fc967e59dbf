"""The components of every page: `{% load ui %}`. The page /styleguide shows each in all its states."""

from django import template

from fynix.templatetags import controls, data, fields, figures, marks, navigation, surfaces

register = template.Library()
for noun in (marks, figures, surfaces, controls, navigation, data, fields):
    register.filters |= noun.register.filters
    register.tags |= noun.register.tags
