"""What people fill in about projects, members and tokens."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import tokens
from accounts.models import Role


class ProjectForm(forms.Form):
    name = forms.CharField(max_length=80, label=_("Name"))


class MemberForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address"), help_text=_("They need no account yet."))
    role = forms.ChoiceField(choices=Role.choices, initial=Role.ANALYST, label=_("Role"))


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, label=_("What it is for"), help_text=_("Such as “nightly import”."))
    days = forms.IntegerField(
        min_value=1, max_value=tokens.LONGEST_DAYS, initial=tokens.USUAL_DAYS, label=_("Days until it expires")
    )
