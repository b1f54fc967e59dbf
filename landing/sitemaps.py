from django.contrib.sitemaps import Sitemap
from django.urls import reverse


class PublicPages(Sitemap[str]):
    """Every page that says something to a stranger."""

    def items(self) -> list[str]:
        return ["home-public", "docs"]

    def location(self, item: str) -> str:
        return reverse(item)
