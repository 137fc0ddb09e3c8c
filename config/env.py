"""Every setting an operator can choose, read from the environment and an optional `.env` file.

This is the one place where the environment is read; `.env.example` lists the same names, and a
test holds the two together.
"""

import ipaddress
import os
import re
import secrets
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from checkout.dialects import SYSTEMS
from payments import rates
from payments.chain import networks

BASE_DIR = Path(__file__).resolve().parent.parent

# `begin` is how often one address may begin on one checkout page, `page` how often all may: enough
# for whoever buys there, too few to try stolen cards on.
DEFAULT_RATE_LIMITS = {
    "api": (100, 1),
    "public": (60, 60),
    "begin": (20, 600),
    "page": (600, 600),
    "portal": (20, 600),
}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Environment(BaseSettings):
    """What the environment says; a wrong value stops the process with its name and reason."""

    # What was given is left out of errors: it may be a secret.
    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # Where Billhook is
    PORT: int = Field(8000, ge=1, le=65535, description="Port that `serve` and `demo` listen on.")
    PUBLIC_URL: str = Field(
        "", description="Address people reach Billhook at, as printed in links and mails."
    )
    ALLOWED_HOSTS: str = Field(
        "", description="Further host names to answer to, separated by commas."
    )
    COMPAT_HOSTS: str = Field(
        "",
        description="Hosts that speak another system's dialect: `wallgent=bills.example.com,…`.",
    )
    TRUSTED_PROXIES: int = Field(
        0, ge=0, le=10, description="How many reverse proxies stand before Billhook."
    )

    # What it keeps, and where
    DATA_DIR: Path = Field(
        BASE_DIR / "data",
        description="Folder for the database, keys and files. `demo`, which reads no `.env`, keeps "
        "its own in data/demo unless the environment names one.",
    )
    DATABASE_URL: str = Field(
        "", description="`postgres://user:password@host:port/name`; empty is SQLite in DATA_DIR."
    )
    CELERY_BROKER_URL: str = Field(
        "memory://", description="`redis://…`; `memory://` runs the worker inside the web process."
    )
    CACHE_URL: str = Field(
        "", description="`redis://…`; empty follows a Redis broker, else each process its own."
    )

    # Secrets
    SECRET_KEY: str = Field(
        "", description="Signs sessions and links. Made and kept in DATA_DIR on SQLite."
    )
    KEY_PEPPER: str = Field(
        "",
        description="Keys the hash of API keys and the seals of the books. Made and kept in "
        "DATA_DIR on SQLite.",
    )
    KEY_PEPPER_FALLBACKS: str = Field(
        "",
        description="Former values of KEY_PEPPER, the newest first, separated by commas: what "
        "they sealed in the books still holds.",
    )

    # Stripe: a live key bills live merchants, a test key their test twins; either, or both
    STRIPE_SECRET_KEY: str = Field(
        "", description="`sk_live_…` or `sk_test_…`; without it nothing is paid by card or ACH."
    )
    STRIPE_WEBHOOK_SECRET: str = Field(
        "", description="`whsec_…` of the endpoint at /webhooks/stripe that speaks for this key."
    )
    STRIPE_TEST_SECRET_KEY: str = Field(
        "", description="A second key, of the other mode, so that test merchants use Stripe too."
    )
    STRIPE_TEST_WEBHOOK_SECRET: str = Field(
        "", description="`whsec_…` of that key's endpoint at /webhooks/stripe."
    )
    STRIPE_API_BASE: str = Field(
        "", description="Another address for Stripe's API, such as a stand-in's; empty is Stripe."
    )

    # USDC: the networks it is taken on, each read from nodes of the operator's choice
    USDC_CHAINS: str = Field(
        "",
        description="`base=https://one|https://two,polygon=https://…`: networks and the addresses "
        "of nodes that answer for them, one, or several that must agree. Empty takes no USDC.",
    )
    USDC_NETWORKS: str = Field(
        "",
        description="JSON that adds networks or changes figures of known ones: "
        '`{"base": {"confirmations": 20}}`.',
    )
    USDC_RATES: str = Field(
        "",
        description="USD for one unit of other currencies: `EUR=1.0837,GBP=1.27`, or the address "
        "of a source that says them as JSON. Empty takes USDC for invoices in USD and USDC only.",
    )

    # x402: whoever submits what payers have signed
    X402_FACILITATOR_URL: str = Field(
        "",
        description="`https://…` of a facilitator, or `local` for this process itself. Without it "
        "nothing is paid by x402.",
    )
    X402_FACILITATOR_TOKEN: str = Field(
        "", description="Bearer token that the facilitator asks for, if it does."
    )
    X402_SIGNER_KEY: str = Field(
        "",
        description="For `local`: the private key of an account that pays for gas, and should hold "
        "nothing else.",
    )

    # Mail
    EMAIL_URL: str = Field(
        "mailbox:",
        description="`smtp://user:password@host:port?tls=starttls|none`, `smtps://…`, or "
        "`mailbox:` to keep mail in the database and show it on a page.",
    )
    DEFAULT_FROM_EMAIL: str = Field(
        "Billhook <billhook@localhost>", description="Sender of every mail."
    )

    # Limits and switches
    SIGNUP_OPEN: bool = Field(True, description="Whether strangers may open an account.")
    WEBHOOK_ALLOW_PRIVATE: bool = Field(
        False, description="Whether webhooks may go to loopback and private addresses."
    )
    RATE_LIMITS: str = Field(
        "default",
        description="`default`, `off`, or `api=100/s,public=60/m` (s, m, h or d). `begin` is how "
        "often one address may begin to pay on one checkout page, `page` how often all may on one.",
    )
    PDF_TIMEOUT_SECONDS: int = Field(
        10, ge=1, le=120, description="After this long a PDF's process is killed."
    )

    # Development and operation
    DEBUG: bool = Field(False, description="Django's debug pages. Never in production.")
    DEMO: bool = Field(False, description="Marks the pages as a demo.")
    LOG_FORMAT: Literal["console", "json"] = Field("console", description="How logs are written.")
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least level that is logged."
    )

    @field_validator("PUBLIC_URL")
    @classmethod
    def check_public_url(cls, value: str) -> str:
        """Accept `http(s)://host[:port]` and nothing more; a path would break every link."""
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("PUBLIC_URL must look like https://billing.example.com")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("PUBLIC_URL must not have a path")
        if not value.isascii():
            raise ValueError("PUBLIC_URL must be in ASCII, as xn--bcher-kva.example is")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("STRIPE_SECRET_KEY", "STRIPE_TEST_SECRET_KEY")
    @classmethod
    def check_stripe_key(cls, value: str) -> str:
        """Accept secret and restricted keys; a publishable one could do nothing here."""
        if value and not value.startswith(("sk_live_", "sk_test_", "rk_live_", "rk_test_")):
            raise ValueError("must be a secret or restricted key: sk_live_…, sk_test_… or rk_…")
        return value

    @model_validator(mode="after")
    def check_stripe_modes(self) -> "Environment":
        """Two keys of one mode would leave it to chance which account is billed."""
        first, second = self.STRIPE_SECRET_KEY, self.STRIPE_TEST_SECRET_KEY
        if first and second and ("_live_" in first) == ("_live_" in second):
            raise ValueError("STRIPE_SECRET_KEY and STRIPE_TEST_SECRET_KEY are of the same mode")
        return self

    @model_validator(mode="after")
    def check_usdc_networks(self) -> "Environment":
        """A network that is misread would take money nobody watches."""
        networks.read(self.USDC_CHAINS, self.USDC_NETWORKS)
        return self

    @field_validator("USDC_RATES")
    @classmethod
    def check_usdc_rates(cls, value: str) -> str:
        """A rate that is misread would be paid by."""
        if not rates.is_address(value):
            rates.from_setting(value)
        return value

    @field_validator("X402_FACILITATOR_URL")
    @classmethod
    def check_facilitator(cls, value: str) -> str:
        """Accept `local` and addresses over HTTP."""
        if value and value != "local":
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("must be `local` or an address such as https://x402.example.com")
        return value.rstrip("/")

    @field_validator("X402_SIGNER_KEY")
    @classmethod
    def check_signer_key(cls, value: str) -> str:
        """Accept 32 bytes in hexadecimal."""
        if value and not re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", value):
            raise ValueError("must be a private key: 64 hexadecimal digits")
        return value

    @model_validator(mode="after")
    def check_local_facilitator(self) -> "Environment":
        """Nobody submits anything to a chain without an account there."""
        if (self.X402_FACILITATOR_URL == "local") != bool(self.X402_SIGNER_KEY):
            raise ValueError("X402_FACILITATOR_URL=local needs X402_SIGNER_KEY, and only it does")
        return self

    @model_validator(mode="after")
    def check_shared_secrets(self) -> "Environment":
        """On a shared database every process needs the same keys, so none may invent its own."""
        if self.DATABASE_URL and not self.DATABASE_URL.startswith("sqlite"):
            for name in ("SECRET_KEY", "KEY_PEPPER"):
                if not getattr(self, name):
                    raise ValueError(f"{name} must be set when DATABASE_URL is")
        return self

    @property
    def embedded(self) -> bool:
        """Whether the worker and the timetable run inside the web process."""
        return self.CELERY_BROKER_URL.startswith("memory:")

    @property
    def public_url(self) -> str:
        """The address without a trailing slash."""
        return self.PUBLIC_URL or f"http://127.0.0.1:{self.PORT}"

    @property
    def https(self) -> bool:
        """Whether people reach Billhook over TLS."""
        return self.public_url.startswith("https://")

    @property
    def database_url(self) -> str:
        """The database, SQLite in the data folder unless told otherwise."""
        return self.DATABASE_URL or f"sqlite:///{self.DATA_DIR.absolute() / 'billhook.sqlite3'}"

    @property
    def cache_url(self) -> str:
        """The shared cache, or an empty string for one in this process's memory."""
        if self.CACHE_URL:
            return self.CACHE_URL
        return self.CELERY_BROKER_URL if self.CELERY_BROKER_URL.startswith("redis") else ""

    @property
    def secret_key(self) -> str:
        """Django's signing key."""
        return self.SECRET_KEY or self._kept_secret("secret_key")

    @property
    def key_pepper(self) -> str:
        """The HMAC key under which API keys are stored."""
        return self.KEY_PEPPER or self._kept_secret("key_pepper")

    @property
    def key_pepper_fallbacks(self) -> list[str]:
        """The peppers of before, the newest first."""
        return _split(self.KEY_PEPPER_FALLBACKS)

    @property
    def compat_hosts(self) -> dict[str, str]:
        """Host name to the dialect spoken at its root."""
        hosts = {f"{system}.localhost": system for system in SYSTEMS}
        for item in _split(self.COMPAT_HOSTS):
            system, equals, host = item.partition("=")
            if not equals or system not in SYSTEMS or not host:
                raise ValueError(f"COMPAT_HOSTS: {item!r} is not <system>=<host>")
            hosts[host.lower()] = system
        return hosts

    @property
    def allowed_hosts(self) -> list[str]:
        """Every name Billhook answers to; any other Host header is refused."""
        host = urlsplit(self.public_url).hostname or ""
        hosts = [host, *self.compat_hosts, *_split(self.ALLOWED_HOSTS)]
        if _is_loopback(host):
            hosts += ["localhost", "127.0.0.1", "[::1]"]
        return list(dict.fromkeys(f"[{name}]" if _is_ipv6(name) else name for name in hosts))

    @property
    def rate_limits(self) -> dict[str, tuple[int, int]]:
        """Requests allowed and the seconds they are counted over, by scope; empty is no limit."""
        if self.RATE_LIMITS == "off":
            return {}
        limits = dict(DEFAULT_RATE_LIMITS)
        for item in _split("" if self.RATE_LIMITS == "default" else self.RATE_LIMITS):
            scope, equals, rate = item.partition("=")
            count, slash, unit = rate.partition("/")
            if not equals or not slash or unit not in SECONDS or not _is_count(count):
                raise ValueError(f"RATE_LIMITS: {item!r} is not <scope>=<count>/<s|m|h|d>")
            limits[scope] = (int(count), SECONDS[unit])
        return limits

    @property
    def mail_transport(self) -> dict[str, Any]:
        """How a worker hands mail over: `kind` is `smtp` or `mailbox`, `tls` is `none`,
        `starttls` or `implicit`.

        Plain SMTP to another machine asks for STARTTLS unless `tls=none` says otherwise.
        """
        parts = urlsplit(self.EMAIL_URL)
        if parts.scheme == "mailbox":
            return {"kind": "mailbox"}
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("EMAIL_URL must be smtp://host:port, smtps://host or mailbox:")
        default = "none" if _is_loopback(parts.hostname) else "starttls"
        query = parse_qs(parts.query)
        tls = "implicit" if parts.scheme == "smtps" else query.get("tls", [default])[0]
        if tls not in ("none", "starttls", "implicit"):
            raise ValueError("EMAIL_URL: tls must be none or starttls")
        port = parts.port or {"implicit": 465, "starttls": 587, "none": 25}[tls]
        return {
            "kind": "smtp",
            "host": parts.hostname,
            "port": port,
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "tls": tls,
            "timeout": int(query.get("timeout", ["10"])[0]),
        }

    def _kept_secret(self, name: str) -> str:
        """Read a secret of this installation, making it the first time it is asked for."""
        self.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.DATA_DIR / name
        if not path.exists():
            # Written aside and linked into place: of two processes that start together one
            # wins, and both then read the same complete file.
            draft = self.DATA_DIR / f".{name}.{secrets.token_hex(8)}"
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
                f.write(secrets.token_urlsafe(48))
            try:
                path.hardlink_to(draft)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()


def read_environment() -> Environment:
    """Read the environment, and the file that ENV_FILE names (`.env` unless it says otherwise)."""
    return Environment(_env_file=os.environ.get("ENV_FILE", BASE_DIR / ".env") or None)


def _split(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _is_count(value: str) -> bool:
    return value.isascii() and value.isdigit() and int(value) > 0


def _is_ipv6(host: str) -> bool:
    return ":" in host and not host.startswith("[")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
