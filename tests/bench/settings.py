"""Settings of a measured server: the real ones, with the bare views beside ours."""

import os

os.environ["ENV_FILE"] = ""
os.environ.setdefault("SECRET_KEY", "a-key-for-benchmarks-only")
os.environ.setdefault("KEY_PEPPER", "a-pepper-for-benchmarks-only")
os.environ.setdefault("RATE_LIMITS", "off")
os.environ.setdefault("LOG_LEVEL", "ERROR")

from config.settings import *  # noqa: E402, F403
from config.settings import INSTALLED_APPS  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "tests.bench.bare"]
ROOT_URLCONF = "tests.bench.urls"
