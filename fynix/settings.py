"""All settings, one file. The default runs on a laptop with nothing else installed; variables switch it
to PostgreSQL, Redis and S3. Every variable is described in docs/settings.md."""

from datetime import timedelta
from typing import Any

import dj_database_url
import django_stubs_ext
from csp.constants import NONCE

from fynix import env, redis
from fynix.observability import reports, tracing

django_stubs_ext.monkeypatch()  # lets generic bases such as ModelAdmin[Row] run, not only type-check

ROOT = env.ROOT
DATA = env.data_dir()

DEBUG = env.flag("FYNIX_DEBUG", default=False)
SECRET_KEY = env.secret_key()
PUBLIC_URL = env.text("FYNIX_PUBLIC_URL", "")
TLS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = list(env.listing("FYNIX_HOSTS", ("localhost", "127.0.0.1", "[::1]")))
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
PROXY_COUNT = env.number("FYNIX_PROXY_COUNT", 0)

INSTALLED_APPS = [
    "fynix.administration.Administration",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.forms",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.sitemaps",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "auditlog",
    "django_dramatiq",
    "fynix.apps.FynixConfig",
    "fynix.queue.apps.QueueConfig",
    "fynix.alerts.apps.AlertsConfig",
    "accounts",
    "datasets",
    "training",
    "registry",
    "sandbox",
    "landing",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "fynix.compression.CompressedPages",
    "fynix.observability.middleware.request_context",
    "fynix.problems.answer_in_kind",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "accounts.middleware.FieldChanges",
    "accounts.middleware.way_in",
    "accounts.middleware.unkept",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "accounts.middleware.first_owner",
]

ROOT_URLCONF = "fynix.urls"
ASGI_APPLICATION = "fynix.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.shell",
            ],
            "builtins": ["fynix.templatetags.ui", "fynix.templatetags.assets", "django.templatetags.i18n"],
        },
    }
]

# --- the database -------------------------------------------------------------------------------
# IMMEDIATE: with Django's deferred default, six readers that then write lock each other out.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
DATABASES = {"default": dj_database_url.parse(env.secret("DATABASE_URL", f"sqlite:///{DATA / 'fynix.sqlite3'}"))}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
    # A file also for tests: threads and child processes of a test must see the same rows.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA / "test.sqlite3")}
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

# --- the cache: rate limits, which several servers must share ------------------------------------
LOCAL_CACHE = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
SHARED_CACHE = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis.url(redis.CACHE)}
CACHES = {"default": LOCAL_CACHE if redis.is_embedded() else SHARED_CACHE}

# --- files --------------------------------------------------------------------------------------
# Blobs are content-addressed; the folder of the data directory, or one bucket.
S3_BUCKET = env.text("S3_BUCKET", "")
S3_PUBLIC_ENDPOINT_URL = env.text("S3_PUBLIC_ENDPOINT_URL", "")  # where browsers reach it; empty: they do not
LOCAL_BLOBS = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA / "blobs"}}
S3_BLOBS = {
    "BACKEND": "storages.backends.s3.S3Storage",
    "OPTIONS": {
        "bucket_name": S3_BUCKET,
        "endpoint_url": env.text("S3_ENDPOINT_URL", "") or None,
        "region_name": env.text("S3_REGION", "us-east-1"),
        "access_key": env.secret("S3_ACCESS_KEY", ""),
        "secret_key": env.secret("S3_SECRET_KEY", ""),
        "signature_version": "s3v4",  # the library's default signs with the older, weaker scheme
        "addressing_style": env.text("S3_ADDRESSING", "path"),
        "default_acl": None,
        "file_overwrite": True,
    },
}
STATIC_ROOT = ROOT / ".static"
STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": S3_BLOBS if S3_BUCKET else LOCAL_BLOBS,
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "fynix.sheets.JoiningStorage"
    },
}
SPOOL = DATA / "spool"  # request bodies and unfinished uploads stay off a small /tmp
SPOOL.mkdir(mode=0o700, exist_ok=True)
FILE_UPLOAD_TEMP_DIR = str(SPOOL)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_100  # a form may have one for each of a table's 10,000 columns

# --- limits ---------------------------------------------------------------------------------------
MAX_UPLOAD_BYTES = env.number("FYNIX_MAX_UPLOAD_BYTES", 100 * 2**30)  # one file
PROJECT_BYTES = env.number("FYNIX_PROJECT_BYTES", 20 * 2**30)  # what a new project may hold
RETENTION_DAYS = env.number("FYNIX_RETENTION_DAYS", 365)  # until files of versions go; 0: never
RETENTION_RESULT_DAYS = env.number("FYNIX_RETENTION_RESULT_DAYS", 365)  # until answers of tests go; 0: never
RETENTION_UPLOAD_DAYS = env.number("FYNIX_RETENTION_UPLOAD_DAYS", 0)  # until uploaded files go; 0: never
RETENTION_LOG_DAYS = env.number("FYNIX_RETENTION_LOG_DAYS", 365)  # until logs of runs go; 0: never
PERSON_BYTES = env.number("FYNIX_PERSON_BYTES", 50 * 2**30)  # what all projects that one person made may hold
ACTIVE_RUNS = env.number("FYNIX_ACTIVE_RUNS", 5)  # queued or running in one project
ACTIVE_RUNS_PER_PERSON = env.number("FYNIX_ACTIVE_RUNS_PER_PERSON", 10)  # the same over all projects
# A language model that may rephrase insights, at any address that speaks OpenAI's chat completions. Off without one.
LLM_URL = env.text("FYNIX_LLM_URL", "")  # up to and with /v1
LLM_MODEL = env.text("FYNIX_LLM_MODEL", "")
LLM_KEY = env.secret("FYNIX_LLM_KEY", "")
LLM_SECONDS = env.number("FYNIX_LLM_SECONDS", 20)  # to wait for an answer
API_RATE = env.number("FYNIX_API_RATE", 1200, at_least=1)  # requests a minute of one person
JOB_MEMORY_BYTES = env.number("FYNIX_JOB_MEMORY_BYTES", 0)  # per background child; 0: no limit
if 0 < JOB_MEMORY_BYTES < 512 << 20:  # a child's libraries take about 300 MiB, and some hang where they get less
    raise env.Misconfigured(f"FYNIX_JOB_MEMORY_BYTES must be 0 or at least {512 << 20}, not {JOB_MEMORY_BYTES}.")
DASK_SCHEDULER = env.text("DASK_SCHEDULER", "")  # of a cluster that trains; empty: this machine does
JOB_THREADS = env.number("FYNIX_JOB_THREADS", 0)  # cores a training may use; 0: all
FEED_LENGTH = env.number("FYNIX_FEED_LENGTH", 1000)  # events kept in Redis for replay
DOWNLOAD_SECONDS = env.number("FYNIX_DOWNLOAD_SECONDS", 900)  # life of a download link

# --- background work ------------------------------------------------------------------------------
# What a worker's child runs for each kind of job, and who hears when the job ended.
JOB_KINDS = {
    "profile": {"workshop": "datasets.profiles.execute", "ended": "datasets.profiles.ended"},
    "train": {"workshop": "training.execution.execute", "ended": "training.runs.ended"},
    "package": {"workshop": "registry.packaging.execute", "ended": "registry.versions.ended"},
    "test": {"workshop": "sandbox.execution.execute", "ended": "sandbox.batches.ended"},
}
LEASE_SECONDS = env.seconds("FYNIX_LEASE_SECONDS", 15)
DRAMATIQ_BROKER = {
    "BROKER": "dramatiq.brokers.redis.RedisBroker",
    "OPTIONS": {
        "url": redis.url(redis.QUEUE),
        "maintenance_chance": 1_000_000,  # the default returns a killed worker's message after 20 minutes
        "heartbeat_timeout": 15_000,
    },
    # TimeLimit is left out: its asynchronous exception corrupts native code.
    "MIDDLEWARE": [
        "fynix.observability.queue.RequestContext",
        "django_dramatiq.middleware.DbConnectionsMiddleware",
        "dramatiq.middleware.AgeLimit",
        "dramatiq.middleware.ShutdownNotifications",
        "dramatiq.middleware.Retries",
    ],
}
DRAMATIQ_AUTODISCOVER_MODULES = ["actors"]

# --- sockets --------------------------------------------------------------------------------------
# redis-py's own defaults (5 s of socket timeout, 100 connections) close idle and busy sockets.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [{"address": redis.url(redis.CHANNELS), "socket_timeout": None, "max_connections": 5000}],
        },
    }
}

# --- signing in -----------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if env.flag("FYNIX_VERIFY_EMAIL", default=False) else "none"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ALLAUTH_TRUSTED_PROXY_COUNT = PROXY_COUNT
OPEN_SIGNUP = env.flag("FYNIX_OPEN_SIGNUP", default=True)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
EMAIL_BACKEND = env.text("FYNIX_EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_TIMEOUT = 10  # seconds; a mail server that hangs must not hold who sends
DEFAULT_FROM_EMAIL = env.text("FYNIX_FROM_EMAIL", "Fynix Flux Pilot <noreply@localhost>")

# --- the API --------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.tokens.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttles.EachMinute"],
    "DEFAULT_THROTTLE_RATES": {"token": "30/min"},
    "EXCEPTION_HANDLER": "fynix.problems.handler",
    "NUM_PROXIES": PROXY_COUNT,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Fynix Flux Pilot",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "fynix.openapi.spell_out",
        "fynix.problems.describe",
    ],
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "ALGORITHM": "HS256",
    "SIGNING_KEY": f"jwt:{SECRET_KEY}",
    "AUDIENCE": "fynix-api",
    "ISSUER": "fynix",
    "LEEWAY": 30,
    "CHECK_REVOKE_TOKEN": True,
    "UPDATE_LAST_LOGIN": False,
}
AUDITLOG_CID_GETTER = "fynix.observability.context.request_id"

# --- the browser ----------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", NONCE],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", *([S3_PUBLIC_ENDPOINT_URL] if S3_PUBLIC_ENDPOINT_URL else [])],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = TLS
SESSION_COOKIE_NAME = "__Host-sessionid" if TLS else "fynix_session"
CSRF_COOKIE_NAME = "__Host-csrftoken" if TLS else "fynix_csrf"
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]  # probes ask this machine itself, without TLS
SECURE_HSTS_SECONDS = 31_536_000 if TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TLS and PROXY_COUNT else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]  # docs/decisions/0007 says how another one comes in
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # so that templates/django/forms is found

# --- watching it ----------------------------------------------------------------------------------
LOG_LEVEL = env.text("FYNIX_LOG_LEVEL", "INFO")
if SENTRY_DSN := env.secret("SENTRY_DSN", ""):
    reports.start(SENTRY_DSN)
if env.text("OTEL_EXPORTER_OTLP_ENDPOINT", ""):
    tracing.start()
METRICS_TOKEN = env.secret("FYNIX_METRICS_TOKEN", "")
ALERTS = env.flag("FYNIX_ALERTS", default=True)  # whether anybody is told; the page shows alerts all the same
ALERT_EMAILS = env.listing("FYNIX_ALERT_EMAILS")
ALERT_WEBHOOK_URL = env.text("FYNIX_ALERT_WEBHOOK_URL", "")
ALERT_WEBHOOK_SECRET = env.secret("FYNIX_ALERT_WEBHOOK_SECRET", "")
ALERT_WAIT_SECONDS = env.number("FYNIX_ALERT_WAIT_SECONDS", 300, at_least=1)
ALERT_WAITING_JOBS = env.number("FYNIX_ALERT_WAITING_JOBS", 20, at_least=1)
ALERT_FAILED_PERCENT = env.number("FYNIX_ALERT_FAILED_PERCENT", 20)
ALERT_SILENT_SECONDS = env.number("FYNIX_ALERT_SILENT_SECONDS", 600, at_least=1)
LOGGING_CONFIG = "fynix.observability.logging.configure"
LOGGING: dict[str, Any] = {"level": LOG_LEVEL}
