"""Django's settings; whatever an operator may choose comes from `config/env.py`."""

from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from config import logs
from config.env import BASE_DIR, read_environment

ENV = read_environment()
HTTPS = ENV.https

# Where and who

DEBUG = ENV.DEBUG
DEMO = ENV.DEMO
DATA_DIR: Path = ENV.DATA_DIR.absolute()
PORT = ENV.PORT
PUBLIC_URL = ENV.public_url
ALLOWED_HOSTS = ENV.allowed_hosts
COMPAT_HOSTS = ENV.compat_hosts
TRUSTED_PROXIES = ENV.TRUSTED_PROXIES
EMBEDDED = ENV.embedded
SECRET_KEY = ENV.secret_key
KEY_PEPPER = ENV.key_pepper
KEY_PEPPER_FALLBACKS = ENV.key_pepper_fallbacks
SIGNUP_OPEN = ENV.SIGNUP_OPEN
WEBHOOK_ALLOW_PRIVATE = ENV.WEBHOOK_ALLOW_PRIVATE
RATE_LIMITS = ENV.rate_limits
STRIPE_SECRET_KEY = ENV.STRIPE_SECRET_KEY
STRIPE_WEBHOOK_SECRET = ENV.STRIPE_WEBHOOK_SECRET
STRIPE_TEST_SECRET_KEY = ENV.STRIPE_TEST_SECRET_KEY
STRIPE_TEST_WEBHOOK_SECRET = ENV.STRIPE_TEST_WEBHOOK_SECRET
STRIPE_API_BASE = ENV.STRIPE_API_BASE.rstrip("/")
USDC_CHAINS = ENV.USDC_CHAINS
USDC_NETWORKS = ENV.USDC_NETWORKS
USDC_RATES = ENV.USDC_RATES
X402_FACILITATOR_URL = ENV.X402_FACILITATOR_URL
X402_FACILITATOR_TOKEN = ENV.X402_FACILITATOR_TOKEN
X402_SIGNER_KEY = ENV.X402_SIGNER_KEY
PDF_TIMEOUT_SECONDS = ENV.PDF_TIMEOUT_SECONDS

INSTALLED_APPS = [
    "config.apps.ConfigConfig",
    "checkout.apps.CheckoutConfig",
    "payments.apps.PaymentsConfig",
    "invoicing.apps.InvoicingConfig",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "config.apps.StaticConfig",
]

MIDDLEWARE = [
    "config.middleware.RequestId",
    "checkout.dialects.hosts.DialectHosts",
    "config.middleware.PermissionsPolicy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.middleware.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.installation",
            ],
        },
    },
]

# Database

DATABASES = {
    "default": dj_database_url.parse(
        ENV.database_url,
        conn_max_age=None,
        conn_health_checks=True,
        # A pooler such as PgBouncer hands each transaction another connection.
        disable_server_side_cursors=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    Path(DATABASES["default"]["NAME"]).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON",
    }

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": ENV.cache_url,
        "KEY_PREFIX": "billhook",
    }
    if ENV.cache_url
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# Background work: rows are the truth, the broker only a doorbell

CELERY_BROKER_URL = ENV.CELERY_BROKER_URL

# Mail: requests only insert rows, a worker hands them to MAIL_TRANSPORT

EMAIL_BACKEND = "invoicing.mail.QueueBackend"
MAIL_TRANSPORT = ENV.mail_transport
DEFAULT_FROM_EMAIL = ENV.DEFAULT_FROM_EMAIL
SERVER_EMAIL = ENV.DEFAULT_FROM_EMAIL

# People

AUTH_USER_MODEL = "invoicing.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/dashboard/"
LOGOUT_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "config.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# A code typed where one signed up: nothing that follows links in a mailbox can use it up.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ACCOUNT_RATE_LIMITS: dict[str, str] | bool = {} if RATE_LIMITS else False
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Billhook"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS

# Browser security

SESSION_COOKIE_NAME = "__Host-billhook" if HTTPS else "billhook"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 86400
CSRF_COOKIE_NAME = "__Host-billhook-csrf" if HTTPS else "billhook-csrf"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
LANGUAGE_COOKIE_NAME = "__Host-billhook-language" if HTTPS else "billhook-language"
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
# Hosted pages carry their capability in the address: it must not travel to other sites.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 365 * 86400 if HTTPS else 0
# Redirecting is safe only where a proxy can say that the request already came over TLS.
SECURE_SSL_REDIRECT = HTTPS and TRUSTED_PROXIES > 0
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# An invoice of 500 lines, as the dashboard's editor sends it.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 8000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# Pages

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MEDIA_ROOT = DATA_DIR / "files"
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["png", "jpg", "webp", "gz", "br", "woff", "woff2", "map"]
WHITENOISE_AUTOREFRESH = DEBUG

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", _("English")),
    ("de", _("German")),
    ("fr", _("French")),
    ("es", _("Spanish")),
    ("pt", _("Portuguese")),
    ("it", _("Italian")),
    ("nl", _("Dutch")),
    ("pl", _("Polish")),
    ("ja", _("Japanese")),
    ("zh-hans", _("Simplified Chinese")),
    ("ar", _("Arabic")),
]
LOCALE_PATHS = [BASE_DIR / "locale"]

# The API

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "invoicing.api.errors.handle",
    "UNAUTHENTICATED_USER": None,
    "NUM_PROXIES": TRUSTED_PROXIES,
}
# What a program that has nothing but the document must know before its first request.
API_DESCRIPTION = """\
Invoices, payments and hosted checkout for people and bots. `/llms.txt` on this host says in a
page what to do first.

To bill: `create_an_invoice`, then `send_an_invoice` (or `finalize_a_draft`, which mails nothing),
whose answer has `payment_url` for the payer. To be sure that it is paid: `get_an_invoice` until
`status` is `paid`, or `list_events`. To rehearse with a test key: `pay_with_a_test_card` plays the
payer. To pay, with an invoice's slug and no key: `see_an_invoice_as_its_payer`, whose
`agent_protocol.next_action` is the next request.

Bodies are JSON (`Content-Type: application/json`), amounts decimal text. `x-permission` is what a
key needs, `x-tool` the name by which a bot's leash allows the operation. Give every POST an
`Idempotency-Key`, and repeat it unchanged when an answer is lost.
"""
SPECTACULAR_SETTINGS = {
    "TITLE": "Billhook",
    "DESCRIPTION": API_DESCRIPTION,
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVERS": [{"url": PUBLIC_URL}],
    "SCHEMA_PATH_PREFIX": r"/v1",
    "SORT_OPERATIONS": False,
    "POSTPROCESSING_HOOKS": [],
}

LOGGING = logs.configure(ENV.LOG_FORMAT, ENV.LOG_LEVEL)
