"""The product's settings over a data folder that lasts one test session; children of a test inherit it."""

import atexit
import os
import shutil
import tempfile

if "FYNIX_TEST_DATA" not in os.environ:
    os.environ["FYNIX_TEST_DATA"] = tempfile.mkdtemp(prefix="fynix-")
    atexit.register(shutil.rmtree, os.environ["FYNIX_TEST_DATA"], ignore_errors=True)
os.environ["FYNIX_DATA"] = os.environ["FYNIX_TEST_DATA"]
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads must not spin beside other tests

from fynix.settings import *  # noqa: F403
from fynix.settings import DATABASES, DRAMATIQ_BROKER, REST_FRAMEWORK, STORAGES

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # The child processes that a test starts read the same file by the same settings.
    DATABASES["default"]["TEST"] = {"NAME": str(DATABASES["default"]["NAME"])}

SECRET_KEY = "only-for-tests-and-known-to-everybody"
SIMPLE_JWT["SIGNING_KEY"] = f"jwt:{SECRET_KEY}"  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
DRAMATIQ_BROKER = {**DRAMATIQ_BROKER, "BROKER": "dramatiq.brokers.stub.StubBroker", "OPTIONS": {}}
REST_FRAMEWORK = {**REST_FRAMEWORK, "TEST_REQUEST_DEFAULT_FORMAT": "json"}
STATIC_ROOT = DATA / "static"  # noqa: F405
STATIC_ROOT.mkdir(exist_ok=True)
