"""Links that a payer's wallet opens with everything filled in."""

from payments.chain.networks import Network


def transfer_uri(network: Network, to: str, amount: int) -> str:
    """Ask a wallet to send `amount` millionths of USDC `to` an address (EIP-681).

    Wallets may ignore the amount and the chain, so both must stand beside it in words.
    """
    return f"ethereum:{network.token}@{network.chain_id}/transfer?address={to}&uint256={amount:d}"
