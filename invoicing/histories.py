"""What has happened to an invoice, with what happened to its credit notes and to its money."""

from django.db.models import QuerySet

from invoicing.models import Event, Invoice


def events_about(invoice: Invoice, *, with_money_back: bool) -> QuerySet[Event]:
    """Events of the invoice and its credit notes, and of its refunds and disputes if asked for.

    Those hold what a bank was told, so whoever reads them must be allowed to see payments.
    """
    others = invoice.credit_notes.order_by().values_list("public_id")
    if with_money_back:
        others = others.union(
            invoice.refunds.order_by().values_list("public_id"),
            invoice.disputes.order_by().values_list("public_id"),
        )
    # Named one by one, they are found by the index on what events are about.
    about = [invoice.public_id, *(public_id for (public_id,) in others)]
    return invoice.merchant.events.filter(object_id__in=about)
