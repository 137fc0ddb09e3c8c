"""A chain of rehearsals: its transfers are told, and its blocks follow the merchant's clock."""

from typing import Final

from payments.chain.networks import Network

# m/44'/60'/1'/0 of the mnemonic "test test test test test test test test test test test junk",
# whose private keys everybody knows: what is derived from it is worth nothing.
TEST_XPUB: Final = (
    "xpub6EFHUEbYV13535ChA9yg5xZTWowwFCmFoWnhLbwkd91xHoirGu89GTZwBSUBnBpFeY5EV2cgof8yuyDnkeGALcD8"
    "DgGYJSiQfkxKpunWTX1"
)
SANDBOX: Final = Network(
    key="sandbox",
    chain_id=0,
    name="Sandbox",
    token="0x5aFE000000000000000000000000000000000001",  # noqa: S106 - a contract, no secret
    token_name="USDC",  # noqa: S106
    token_version="2",  # noqa: S106
    confirmations=3,
    testnet=True,
    block_seconds=2.0,
)
# From when a transfer counts until its chain calls it final, in blocks.
BLOCKS_TO_FINALITY: Final = 30
