"""Words of pages about chains: what a chain is called, where a transaction is looked at, USDC."""

import re

from django import template

from invoicing.money import format_money
from invoicing.templatetags.money import language
from payments.quoting import USDC
from payments.usdc_representations import (
    chain_name,
    network_of,
    shortened,
    transaction_url,
)

register = template.Library()
register.filter(chain_name)
register.filter(shortened)

_SPARE_ZEROS = re.compile(r"([.,]\d{2}\d*?)0+(?!\d)")


@register.filter
def confirmations_needed(caip2: str) -> int:
    """How many blocks make a transfer money on this network; 0 where it is not known."""
    network = network_of(caip2)
    return network.confirmations if network else 0


@register.filter
def usdc(units: int) -> str:
    """Units of 10^-6 as an amount of USDC, with no more places than it takes, but two."""
    return _SPARE_ZEROS.sub(r"\1", format_money(units, USDC, language()))


@register.filter
def came(amount: int, currency: str) -> str:
    """What came in any currency: `{{ deposit.amount|came:deposit.currency }}`."""
    return usdc(amount) if currency == USDC else format_money(amount, currency, language())


@register.simple_tag
def explorer(caip2: str, tx_hash: str) -> str:
    """Where a transaction can be looked at; "" where its network names no such place."""
    return transaction_url(caip2, tx_hash) or ""
