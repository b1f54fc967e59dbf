"""The peer of bench_feed: the same frames through Channels' own groups, as its documentation shows it."""

import json
import sys
from typing import Any

from fynix.server import serve  # isort: skip  # the reactor comes first
from fynix.asgi import http  # isort: skip

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

GROUP = "run"


class Feed(AsyncWebsocketConsumer):
    """Everything that is said to the group, as text."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()
        await self.send(text_data=json.dumps({"type": "subscribed"}))

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def batch(self, message: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(message, separators=(",", ":")))


if __name__ == "__main__":
    application = ProtocolTypeRouter({"http": http, "websocket": URLRouter([path("ws", Feed.as_asgi())])})
    serve(application, host="127.0.0.1", port=int(sys.argv[1]))
