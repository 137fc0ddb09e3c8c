"""What of this room speaks against asking a payer again, and against letting a customer go; and
whose its objects are, for bots that are held to some customers."""

from invoicing.models import Customer, Invoice, Merchant
from payments.models.dispute import RETURNED_BY_BANK, DisputeStatus
from payments.models.recurring import RecurringCharge, RecurringPeriod, RecurringStatus


def is_disputed(invoice: Invoice) -> bool:
    """Whether the payer has turned to their bank about this invoice, and was not refused.

    Who has got their money back that way is not asked for it by a timetable; a person may. A
    debit that the bank returned by itself has merely failed.
    """
    refused = [DisputeStatus.WON, DisputeStatus.CLOSED]
    by_payer = invoice.disputes.exclude(reason__in=RETURNED_BY_BANK)
    return by_payer.exclude(status__in=refused).exists()


def goes_on_billing(customer: Customer) -> str:
    """Why a customer cannot be deleted: a schedule would ask for money from nobody."""
    row = customer.recurring_charges.exclude(status=RecurringStatus.ENDED).order_by("pk").first()
    if row is None:
        return ""
    return f"{row.description} still bills this customer: cancel the recurring charge {row} first."


def customer_of_schedule(merchant: Merchant, recurring_id: str) -> str:
    """Whom a recurring charge bills; "" where there is none such."""
    rows = RecurringCharge.objects.filter(merchant=merchant, public_id=recurring_id)
    return rows.values_list("customer__public_id", flat=True).first() or ""


def is_collected(invoice: Invoice) -> bool:
    """Whether a saved method is charged for it: then its failures are told, and it is not
    reminded of besides."""
    return RecurringPeriod.objects.filter(
        invoice=invoice,
        status=RecurringPeriod.Status.OPEN,
        recurring__collection=RecurringCharge.Collection.CHARGE,
    ).exists()
