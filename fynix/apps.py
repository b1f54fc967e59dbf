from django.apps import AppConfig


class FynixConfig(AppConfig):
    name = "fynix"

    def ready(self) -> None:
        from fynix.retention import protection  # noqa: F401, PLC0415  what must stay is known before anything goes
