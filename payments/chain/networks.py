"""The networks on which this installation takes USDC, as two settings say."""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from payments.chain.presets import PRESETS, Network

__all__ = ["PRESETS", "Network", "configured", "for_merchant", "known_tokens", "read"]

_KEY: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
# What a network must say about itself when Billhook does not know it yet.
_NEEDED: Final = ("chain_id", "token", "confirmations", "testnet")
# What makes a known network the one it is; another one needs another name.
_FIXED: Final = ("chain_id", "testnet")


def _checksummed(text: str) -> str:
    # Hashing comes with a tenth of a second of imports, which few starts need.
    from payments.chain.addresses import checksummed

    return checksummed(text)


_Address = Annotated[str, AfterValidator(_checksummed)]


class _Figures(BaseModel):
    """What USDC_NETWORKS may say about one network."""

    model_config = ConfigDict(extra="forbid", strict=True)

    chain_id: int | None = Field(None, ge=1, lt=2**53)
    name: str | None = Field(None, min_length=1, max_length=40)
    token: _Address | None = None
    token_name: str | None = Field(None, min_length=1, max_length=40)
    token_version: str | None = Field(None, min_length=1, max_length=10)
    confirmations: int | None = Field(None, ge=1, le=100_000)
    testnet: bool | None = None
    block_seconds: float | None = Field(None, gt=0, le=3600)
    explorer: str | None = Field(None, pattern=r"^(https?://\S+)?$")
    other_tokens: list[_Address] | None = None

    def said(self) -> dict[str, Any]:
        """The figures that were given."""
        figures = self.model_dump(exclude_none=True)
        if "other_tokens" in figures:
            figures["other_tokens"] = tuple(figures["other_tokens"])
        return figures


_NETWORKS: Final = TypeAdapter(dict[str, _Figures])


def read(chains: str, networks: str) -> dict[str, Network]:
    """The networks of `USDC_CHAINS` by key, in its order, changed as `USDC_NETWORKS` says.

    Raises ValueError that names the setting and says what would be right. No endpoint stands in
    it, since its address may be a secret.
    """
    known = _known(networks)
    found: dict[str, Network] = {}
    for item in (part.strip() for part in chains.split(",")):
        if not item:
            continue
        key, equals, addresses = item.partition("=")
        key = key.strip()
        if not equals or "/" in key:
            raise ValueError("USDC_CHAINS must look like base=https://one|https://two,polygon=…")
        if key not in known:
            raise ValueError(
                f"USDC_CHAINS: {key!r} is not one of {', '.join(known)}; "
                "USDC_NETWORKS can add a network"
            )
        if key in found:
            raise ValueError(
                f"USDC_CHAINS: {key} stands there twice; several endpoints of one network are "
                "separated by |"
            )
        found[key] = replace(known[key], endpoints=_endpoints(key, addresses))
    return found


def configured() -> dict[str, Network]:
    """The networks that the operator has configured, by key."""
    return dict(_read(settings.USDC_CHAINS, settings.USDC_NETWORKS))


def for_merchant(livemode: bool) -> list[Network]:
    """The networks for live or for test money: never one for the other."""
    return [network for network in configured().values() if network.testnet != livemode]


def known_tokens() -> frozenset[str]:
    """Contracts of tokens on any network: what is sent to one of them is lost."""
    networks = (*PRESETS.values(), *configured().values())
    return frozenset(
        token for network in networks for token in (network.token, *network.other_tokens)
    )


@lru_cache(maxsize=16)
def _read(chains: str, networks: str) -> dict[str, Network]:
    return read(chains, networks)


def _known(networks: str) -> dict[str, Network]:
    if not networks.strip():
        return PRESETS
    try:
        changes = _NETWORKS.validate_json(networks)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(
            f"USDC_NETWORKS{f' at {where}' if where else ''}: {first['msg']}; it must be JSON such "
            'as {"base": {"confirmations": 20}}'
        ) from None
    known = dict(PRESETS)
    for key, figures in changes.items():
        known[key] = _changed(key, figures.said())
    _check_chain_ids(known)
    return known


def _changed(key: str, figures: dict[str, Any]) -> Network:
    preset = PRESETS.get(key)
    if preset is not None:
        for name in _FIXED:
            if figures.get(name, getattr(preset, name)) != getattr(preset, name):
                raise ValueError(
                    f"USDC_NETWORKS: {key} has {name} {getattr(preset, name)}; give another "
                    "network another name"
                )
        return replace(preset, **figures)
    if not _KEY.fullmatch(key):
        raise ValueError(
            f"USDC_NETWORKS: {key!r} must be up to 32 small letters, digits and hyphens"
        )
    missing = [name for name in _NEEDED if name not in figures]
    if missing:
        raise ValueError(f"USDC_NETWORKS: {key} is new, so it also needs {', '.join(missing)}")
    assumed = {"name": key, "token_name": "USDC", "token_version": "2", "block_seconds": 2.0}
    return Network(**{"key": key, **assumed, **figures})


def _check_chain_ids(known: dict[str, Network]) -> None:
    owners: dict[int, str] = {}
    for network in known.values():
        other = owners.setdefault(network.chain_id, network.key)
        if other != network.key:
            raise ValueError(
                f"USDC_NETWORKS: {network.key} has the chain_id {network.chain_id} of {other}"
            )


def _endpoints(key: str, text: str) -> tuple[str, ...]:
    endpoints = tuple(part.strip() for part in text.split("|"))
    for endpoint in endpoints:
        try:
            parts = urlsplit(endpoint)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable or re.search(r"\s", endpoint):
            raise ValueError(
                f"USDC_CHAINS: an endpoint of {key} is no address such as https://node.example.com"
            )
    if len(set(endpoints)) != len(endpoints):
        raise ValueError(
            f"USDC_CHAINS: an endpoint of {key} stands there twice, and would agree with itself"
        )
    return endpoints
