"""Every address of the product."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from fynix import api, home, openapi, styleguide
from fynix.alerts import views as alerts
from fynix.health import endpoints as health
from fynix.retention import views as retention

handler500 = "fynix.problems.broken"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("landing.urls")),
    path("", include(home.urlpatterns)),
    path("", include("accounts.urls")),
    path("", include(retention.urlpatterns)),
    path("", include("datasets.urls")),
    path("", include("training.urls")),
    path("", include("registry.urls")),
    path("", include("sandbox.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("styleguide", styleguide.page, name="styleguide"),
    path("api/docs", openapi.docs, name="docs"),
    path("api/v1/", include(api.urlpatterns)),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("health/problems", alerts.problems, name="health-problems"),
    path("metrics", health.metrics, name="metrics"),
    path("monitoring", alerts.monitoring, name="monitoring"),
]
