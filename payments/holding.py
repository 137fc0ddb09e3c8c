"""What of this room speaks against asking a payer again."""

from invoicing.models import Invoice
from payments.models.dispute import DisputeStatus


def is_disputed(invoice: Invoice) -> bool:
    """Whether the payer has turned to their bank about this invoice, and was not refused.

    Who has got their money back that way is not asked for it by a timetable; a person may.
    """
    refused = [DisputeStatus.WON, DisputeStatus.CLOSED]
    return invoice.disputes.exclude(status__in=refused).exists()
