"""Endpoints of the registry."""

from registry.api import labels, versions

urlpatterns = [*versions.urlpatterns, *labels.urlpatterns]
