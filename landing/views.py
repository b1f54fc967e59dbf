from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from landing import content
from landing.measured import figures

QUIET = ("/accounts/", "/admin/", "/api/v1/", "/artifacts/", "/dl/", "/health/", "/home", "/p/", "/settings/", "/u/")
"""What robots have no business with: everything that needs a person."""


@require_safe
@gzip_page
def home(request: HttpRequest) -> HttpResponse:
    """The page a stranger meets first."""
    story = {"bands": content.BANDS, "safety": content.FACTS, "prices": content.FIGURES, **figures()}
    return render(request, "landing/home.html", {**story, **_shared(request)})


def _shared(request: HttpRequest) -> dict[str, Any]:
    """What a search engine or a chat shows of the page: whole addresses, and the product as schema.org says it."""
    here = request.build_absolute_uri(reverse("home-public"))
    card = request.build_absolute_uri(static("img/social-card.jpg"))
    product = {
        "@context": "https://schema.org",
        "@type": "SoftwareApplication",
        "name": "Fynix Flux Pilot",
        "url": here,
        "image": card,
        "applicationCategory": "DeveloperApplication",
        "operatingSystem": "Linux, macOS",
        "license": "https://www.apache.org/licenses/LICENSE-2.0",
        "isAccessibleForFree": True,
        "offers": {"@type": "Offer", "price": "0", "priceCurrency": "USD"},
        "description": "Self-hosted machine learning on tables: profile, train, explain, promote and download.",
        "featureList": [str(band.title) for band in content.BANDS],
    }
    return {"here": here, "card": card, "product": product}


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """What search engines may read, and where the list of it is."""
    rules = "".join(f"Disallow: {path}\n" for path in QUIET)
    where = request.build_absolute_uri(reverse("sitemap"))
    return HttpResponse(f"User-agent: *\n{rules}\nSitemap: {where}\n", content_type="text/plain; charset=utf-8")
