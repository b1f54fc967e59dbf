"""The list of every run and version that a person may see."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import access
from accounts.requests import AuthedRequest, signed_in
from fynix import paging
from registry import catalogue
from registry.forms import CatalogueForm


@signed_in
@require_safe
def entries(request: AuthedRequest) -> HttpResponse:
    """Search, filters, order; what cannot be read is said beside its field, and asks for nothing."""
    projects = access.projects_of(request.user)
    form = CatalogueForm({"sort": catalogue.NEWEST, **request.GET.dict()}, projects=projects)
    wish = form.wish()
    page = catalogue.page(projects, wish, request, cut=paging.shown)
    context = {"form": form, "wish": wish, "page": page, "is_narrowed": wish != catalogue.Wish(sort=wish.sort)}
    return render(request, "registry/catalogue.html", context, status=422 if form.errors else 200)
