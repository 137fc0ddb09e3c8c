"""The networks Billhook knows, with the USDC contracts that Circle itself issues on them.

Sources: developers.circle.com (contract addresses), the x402 project (names in the tokens'
EIP-712 domains); confirmations as payment providers count them, blocks of a few minutes where
they settle by themselves. All of it may be overridden by USDC_NETWORKS.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Network:
    """One chain, its USDC and how it is read.

    `confirmations` counts blocks, a transfer's own included, after which it counts as paid.
    `other_tokens` are known tokens that people send by mistake, such as USDC.e and USDT.
    `explorer` is what a transaction's hash is appended to for a link, and may be empty.
    """

    key: str
    chain_id: int
    name: str
    token: str
    token_name: str
    token_version: str
    confirmations: int
    testnet: bool
    block_seconds: float
    explorer: str = ""
    other_tokens: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()

    @property
    def caip2(self) -> str:
        """The chain's name in other systems, such as eip155:8453 (CAIP-2)."""
        return f"eip155:{self.chain_id}"


_ALL: Final = (
    Network(
        key="ethereum",
        chain_id=1,
        name="Ethereum",
        token="0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
        token_name="USD Coin",
        token_version="2",
        confirmations=12,
        testnet=False,
        block_seconds=12,
        explorer="https://etherscan.io/tx/",
        other_tokens=("0xdAC17F958D2ee523a2206206994597C13D831ec7",),  # USDT
    ),
    Network(
        key="base",
        chain_id=8453,
        name="Base",
        token="0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        token_name="USD Coin",
        token_version="2",
        confirmations=10,
        testnet=False,
        block_seconds=2,
        explorer="https://basescan.org/tx/",
        other_tokens=(
            "0xd9aAEc86B65D86f6A7B5B1b0c42FFA531710b6CA",  # USDbC
            "0xfde4C96c8593536E31F229EA8f37b2ADa2699bb2",  # USDT
        ),
    ),
    Network(
        key="polygon",
        chain_id=137,
        name="Polygon",
        token="0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359",
        token_name="USD Coin",
        token_version="2",
        confirmations=12,
        testnet=False,
        block_seconds=2,
        explorer="https://polygonscan.com/tx/",
        other_tokens=(
            "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174",  # USDC.e
            "0xc2132D05D31c914a87C6611C10748AEb04B58e8F",  # USDT
        ),
    ),
    Network(
        key="arbitrum",
        chain_id=42161,
        name="Arbitrum",
        token="0xaf88d065e77c8cC2239327C5EDb3A432268e5831",
        token_name="USD Coin",
        token_version="2",
        confirmations=300,
        testnet=False,
        block_seconds=0.25,
        explorer="https://arbiscan.io/tx/",
        other_tokens=(
            "0xFF970A61A04b1cA14834A43f5dE4533eBDDB5CC8",  # USDC.e
            "0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9",  # USDT
        ),
    ),
    Network(
        key="optimism",
        chain_id=10,
        name="OP Mainnet",
        token="0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85",
        token_name="USD Coin",
        token_version="2",
        confirmations=10,
        testnet=False,
        block_seconds=2,
        explorer="https://optimistic.etherscan.io/tx/",
        other_tokens=(
            "0x7F5c764cBc14f9669B88837ca1490cCa17c31607",  # USDC.e
            "0x94b008aA00579c1307B0EF2c499aD98a8ce58e58",  # USDT
        ),
    ),
    Network(
        key="avalanche",
        chain_id=43114,
        name="Avalanche C-Chain",
        token="0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E",
        token_name="USD Coin",
        token_version="2",
        confirmations=2,
        testnet=False,
        block_seconds=2,
        explorer="https://snowtrace.io/tx/",
        other_tokens=(
            "0xA7D7079b0FEaD91F3e65f86E8915Cb59c1a4C664",  # USDC.e
            "0x9702230A8Ea53601f5cD2dc00fDBc13d4dF4A8c7",  # USDT
            "0xc7198437980c041c805A1EDcbA50c1Ce5db95118",  # USDT.e
        ),
    ),
    Network(
        key="sepolia",
        chain_id=11155111,
        name="Sepolia",
        token="0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238",
        token_name="USDC",
        token_version="2",
        confirmations=3,
        testnet=True,
        block_seconds=12,
        explorer="https://sepolia.etherscan.io/tx/",
    ),
    Network(
        key="base-sepolia",
        chain_id=84532,
        name="Base Sepolia",
        token="0x036CbD53842c5426634e7929541eC2318f3dCF7e",
        token_name="USDC",
        token_version="2",
        confirmations=3,
        testnet=True,
        block_seconds=2,
        explorer="https://sepolia.basescan.org/tx/",
    ),
    Network(
        key="polygon-amoy",
        chain_id=80002,
        name="Polygon Amoy",
        token="0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582",
        token_name="USDC",
        token_version="2",
        confirmations=5,
        testnet=True,
        block_seconds=2,
        explorer="https://amoy.polygonscan.com/tx/",
    ),
    Network(
        key="arbitrum-sepolia",
        chain_id=421614,
        name="Arbitrum Sepolia",
        token="0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d",
        token_name="USD Coin",
        token_version="2",
        confirmations=20,
        testnet=True,
        block_seconds=0.25,
        explorer="https://sepolia.arbiscan.io/tx/",
    ),
    Network(
        key="optimism-sepolia",
        chain_id=11155420,
        name="OP Sepolia",
        token="0x5fd84259d66Cd46123540766Be93DFE6D43130D7",
        token_name="USDC",
        token_version="2",
        confirmations=3,
        testnet=True,
        block_seconds=2,
        explorer="https://sepolia-optimism.etherscan.io/tx/",
    ),
    Network(
        key="avalanche-fuji",
        chain_id=43113,
        name="Avalanche Fuji",
        token="0x5425890298aed601595a70AB815c96711a31Bc65",
        token_name="USD Coin",
        token_version="2",
        confirmations=2,
        testnet=True,
        block_seconds=2,
        explorer="https://testnet.snowtrace.io/tx/",
    ),
)

PRESETS: Final[dict[str, Network]] = {network.key: network for network in _ALL}
