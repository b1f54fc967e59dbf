"""Pages travel compressed, also without a proxy in front of the server."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressedPages(GZipMiddleware):
    """Compresses what people read. Files keep their length, so that ranges and progress stay true.

    Django hides the length of the compressed page with random bytes, and masks the token of each form anew, so that
    guessing a secret by the size of answers (BREACH) does not work.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "")
        return super().process_response(request, response) if kind.startswith("text/html") else response
