"""Importing the libraries of chains, late and without what they do to the whole process."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def keeping_the_recursion_limit() -> Iterator[None]:
    """Import web3, eth_account or what uses them inside this.

    One library below them lets Python recurse a hundred times as deep as it does, on import. JSON
    nested that deep, from a node or in anybody's request, would then overflow the stack and kill
    the process instead of being refused.
    """
    limit = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
