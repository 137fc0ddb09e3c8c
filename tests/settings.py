"""Settings of a test run: the real ones, in an environment nobody's shell can bend.

`DATABASE_URL` and `CELERY_BROKER_URL` alone may come from outside, to run the same tests on
PostgreSQL and Redis.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

DATA = tempfile.mkdtemp(prefix="billhook-test-")
atexit.register(shutil.rmtree, DATA, ignore_errors=True)

for name in list(os.environ):
    if name in ("DEBUG", "DEMO", "PORT", "PUBLIC_URL", "ALLOWED_HOSTS", "COMPAT_HOSTS"):
        del os.environ[name]
os.environ.update(
    ENV_FILE="",
    DATA_DIR=DATA,
    SECRET_KEY="a-key-for-tests-only-a-key-for-tests-only-a-key-for-tests",
    KEY_PEPPER="a-pepper-for-tests-only",
    EMAIL_URL="mailbox:",
    DEFAULT_FROM_EMAIL="Billhook <billhook@example.com>",
    SIGNUP_OPEN="1",
    TRUSTED_PROXIES="0",
    WEBHOOK_ALLOW_PRIVATE="0",
    RATE_LIMITS="default",
    USDC_CHAINS="",
    USDC_NETWORKS="",
    X402_FACILITATOR_URL="",
    X402_FACILITATOR_TOKEN="",
    X402_SIGNER_KEY="",
    LOG_LEVEL="WARNING",
)

from config.settings import *  # noqa: E402, F403
from config.settings import CACHES, DATABASES, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, so that threads and child processes meet a real database with real locks. Only the
    # waiting for the disk is left out.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(DATA) / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=OFF;PRAGMA foreign_keys=ON"
    )
# Two runs may share one Redis without seeing each other's counters.
CACHES["default"]["KEY_PREFIX"] = Path(DATA).name

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True

# Argon2 takes its time on purpose; tests that check passwords do not need it to.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
