"""WebSocket addresses."""

from django.urls import URLPattern, path

from training.consumers import RunFeed

routes: list[URLPattern] = [path("ws/v1/runs/<str:run_id>/", RunFeed.as_asgi(), name="run-feed")]
