"""Addresses for USDC: a fresh one for each invoice, from what the merchant gave for its wallet.

Everything here happens in the caller's transaction, under the invoice's lock.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Final

from django.db.models import F, Q, QuerySet

from invoicing import clock
from invoicing.errors import InvalidState, NotConfigured, ValidationFailed
from invoicing.models import Invoice, Merchant
from payments.chain import keys, networks
from payments.chain.networks import Network
from payments.chain.rehearsal import SANDBOX, TEST_XPUB
from payments.models import IN_FLIGHT, DepositAddress, DerivationCounter, ReceivingKey, Wallet
from payments.wallets import receiving_wallet

# After its invoice asks for nothing more an address is still watched for so long.
WATCH_AFTER: Final = timedelta(days=90)


def networks_for(merchant: Merchant) -> list[Network]:
    """The chains on which a merchant is paid; a test merchant can always rehearse."""
    found = networks.for_merchant(merchant.livemode)
    return found if merchant.livemode else [*found, SANDBOX]


def network_named(merchant: Merchant, key: str) -> Network | None:
    """The chain of this name, if the merchant is paid on it."""
    return next((row for row in networks_for(merchant) if row.key == key), None)


def chosen_network(merchant: Merchant, key: str) -> Network:
    """The chain that a payer has chosen, the first that is offered for "".

    Raises ValidationFailed naming those there are, NotConfigured where there are none.
    """
    offered = networks_for(merchant)
    if not offered:
        raise NotConfigured(
            "No chain is set up on which USDC could be paid.", details={"rail": "usdc"}
        )
    network = network_named(merchant, key) if key else offered[0]
    if network is None:
        names = ", ".join(row.key for row in offered)
        raise ValidationFailed([("chain", f"must be one of {names}")])
    return network


def key_of(wallet: Wallet) -> ReceivingKey | None:
    """What a wallet's addresses come from now."""
    return ReceivingKey.objects.filter(wallet=wallet, retired_at=None).first()


def address_for(invoice: Invoice) -> DepositAddress:
    """The address at which an invoice is paid in USDC, the same every time it is asked for.

    Takes the next index of an extended key, whose counter it locks. Raises NotConfigured where
    the receiving wallet has nothing to derive addresses from.
    """
    if invoice.wallet_address:
        return fixed_address(invoice.merchant, invoice.wallet_address, None)
    wallet = receiving_wallet(invoice)
    key = key_of(wallet)
    if key is None and not invoice.merchant.livemode:
        key = _rehearsal_key(wallet)
    if key is None:
        raise NotConfigured(
            "This merchant has not said yet where USDC is to be sent.", details={"rail": "usdc"}
        )
    if key.kind == ReceivingKey.Kind.ADDRESS:
        return fixed_address(invoice.merchant, key.text, key)
    known = invoice.deposit_addresses.filter(key=key).first()
    return known or _derive(invoice, key)


def still_due(invoice: Invoice) -> int:
    """What is due less what is on its way, in minor units; more than nothing.

    Raises InvalidState for an invoice that asks for nothing now.
    """
    ended = invoice.expires_at and invoice.expires_at <= clock.now(invoice.merchant)
    if invoice.status not in {"open", "paying"} or ended:
        status = "expired" if ended and invoice.status == "open" else invoice.status
        raise InvalidState(
            f"This invoice is {status}, so nothing is to be sent for it.",
            details={"status": status},
        )
    flying = invoice.payments.filter(status__in=IN_FLIGHT)
    due = invoice.amount_due - sum(flying.values_list("amount", flat=True))
    if due <= 0:
        raise InvalidState(
            "A payment of all that is due is on its way; wait until it is known what became of it.",
            details={"status": invoice.status},
        )
    return due


def fixed_address(merchant: Merchant, address: str, key: ReceivingKey | None) -> DepositAddress:
    """The one row of an address that serves many invoices."""
    row, is_new = DepositAddress.objects.get_or_create(
        merchant=merchant,
        address=address,
        invoice=None,
        defaults={"livemode": merchant.livemode, "key": key, "created_at": clock.wall()},
    )
    if not is_new and row.watched_until is not None:
        row.watched_until = None
        row.save(update_fields=["watched_until"])
    return row


def described(merchant: Merchant, kind: str, text: str) -> ReceivingKey:
    """What a merchant gave, read and checked, and not kept. Raises BadKey."""
    row = ReceivingKey(merchant=merchant, kind=kind)
    if kind == ReceivingKey.Kind.XPUB:
        extended = keys.parse_xpub(text)
        _not_of_a_testnet(extended.testnet, merchant.livemode, "an extended key (tpub…)")
        if merchant.livemode and extended.fingerprint == keys.parse_xpub(TEST_XPUB).fingerprint:
            raise keys.BadKey(
                "Everybody knows the private keys of this one: it is for rehearsing. Give the key "
                "of your own wallet."
            )
        row.text = extended.text
    elif kind == ReceivingKey.Kind.STEALTH:
        meta = keys.parse_meta_address(text)
        _not_of_a_testnet(meta.testnet, merchant.livemode, "a meta-address")
        row.text = meta.text
    else:
        row.text = keys.parse_address(text)
    return row


def first_addresses(key: ReceivingKey, count: int = 3) -> list[str]:
    """The first addresses of a key, by which its owner knows that it is theirs."""
    if key.kind == ReceivingKey.Kind.ADDRESS:
        return [key.text]
    if key.kind == ReceivingKey.Kind.STEALTH:
        return []
    extended = keys.parse_xpub(key.text)
    return [extended.address(index) for index in range(count)]


def counter_of(key: keys.ExtendedKey, *, livemode: bool) -> DerivationCounter:
    """The one counter of an extended key on this instance."""
    row, _ = DerivationCounter.objects.get_or_create(fingerprint=key.fingerprint, livemode=livemode)
    return row


def watched(network: Network) -> QuerySet[DepositAddress]:
    """The addresses whose transfers on this chain are somebody's money."""
    now = clock.wall()
    return DepositAddress.objects.filter(
        Q(watched_until=None) | Q(watched_until__gt=now), livemode=not network.testnet
    )


def watch_no_longer(invoice: Invoice) -> None:
    """The invoice asks for nothing any more: what comes late is still looked for, for a while."""
    until = clock.wall() + WATCH_AFTER
    invoice.deposit_addresses.filter(watched_until=None).update(watched_until=until)


def watch_again(invoice: Invoice) -> None:
    """The invoice asks again."""
    invoice.deposit_addresses.filter(watched_until__isnull=False).update(watched_until=None)


def _not_of_a_testnet(is_test: bool, livemode: bool, what: str) -> None:
    if is_test and livemode:
        raise keys.BadKey(
            f"This is {what} of a test network, and this merchant bills for real. Give the one of "
            "the main network, or use it with your test merchant."
        )


def _derive(invoice: Invoice, key: ReceivingKey) -> DepositAddress:
    row = DepositAddress(
        merchant=invoice.merchant,
        livemode=invoice.merchant.livemode,
        key=key,
        invoice=invoice,
        created_at=clock.wall(),
    )
    if key.kind == ReceivingKey.Kind.STEALTH:
        # What made this address is forgotten here and now: see keys.new_stealth_address.
        made = keys.new_stealth_address(keys.parse_meta_address(key.text))
        row.address = made.address
        row.ephemeral_public_key = "0x" + made.ephemeral_public_key.hex()
        row.view_tag = f"0x{made.view_tag:02x}"
    else:
        row.address, row.index = _next_of(key)
    row.save(force_insert=True)
    return row


def _next_of(key: ReceivingKey) -> tuple[str, int]:
    """The next address of an extended key, and its index. Locks the key's counter."""
    extended = keys.parse_xpub(key.text)
    counters = DerivationCounter.objects.filter(keys=key)
    while True:
        counter = counters.select_for_update(of=("self",)).get()
        index, address = counter.next_index, ""
        with suppress(keys.NoSuchChild):  # one in 2^127: BIP-32 says to take the next
            address = extended.address(index)
        DerivationCounter.objects.filter(pk=counter.pk).update(next_index=F("next_index") + 1)
        if address:
            return address, index


def _rehearsal_key(wallet: Wallet) -> ReceivingKey:
    """A key that everybody knows, so that a test merchant can rehearse without one of their own."""
    extended = keys.parse_xpub(TEST_XPUB)
    key, _ = ReceivingKey.objects.get_or_create(
        wallet=wallet,
        retired_at=None,
        defaults={
            "merchant": wallet.merchant,
            "kind": ReceivingKey.Kind.XPUB,
            "text": TEST_XPUB,
            "counter": counter_of(extended, livemode=False),
            "created_at": clock.wall(),
        },
    )
    return key
