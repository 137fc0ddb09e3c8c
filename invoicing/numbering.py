"""Giving invoices their numbers: 1, 2, 3 … per merchant, without a gap and without a repeat."""

from invoicing.models import Merchant, NumberSeries


def next_number(
    merchant: Merchant, kind: NumberSeries.Kind = NumberSeries.Kind.INVOICE
) -> tuple[str, int]:
    """The next number as printed and as counted.

    Locks the merchant's counter row until the caller's transaction ends, so take it last. A
    rolled back transaction gives its number back (never a database sequence, which would not).
    """
    series = NumberSeries.objects.select_for_update().get(merchant=merchant, kind=kind)
    series.last_value += 1
    series.save(update_fields=["last_value"])
    return str(series), series.last_value
