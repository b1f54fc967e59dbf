from django.apps import AppConfig


class FynixConfig(AppConfig):
    name = "fynix"
