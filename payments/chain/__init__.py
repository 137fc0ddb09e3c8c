"""USDC on chains of the Ethereum kind: which networks, whose addresses, and what happened there.

Nothing here writes to the database, holds a private key, or knows of invoices.
"""
