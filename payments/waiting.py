"""What waits for a date in this room: providers to ask again, and money to let go."""

from django.db.models import Q

from invoicing.sweeps import Sweep
from payments import flows, recurring_flow
from payments.actions import pay, periods, recurring, transfers
from payments.models import (
    DISPUTES_OPEN,
    MONEY_CAME,
    REFUNDS_UNFINISHED,
    RUNNING,
    TRANSFERS_UNSURE,
    UNFINISHED,
    Dispute,
    DisputeSubmission,
    MethodSetup,
    Payment,
    RecurringCharge,
    RecurringPeriod,
    Refund,
    Transfer,
)
from payments.rails import RAILS_BY_PROVIDER
from payments.rails.rail import NoAnswer

PAYMENTS = Sweep(
    Payment.objects.filter(status__in=UNFINISHED),
    "next_look_at",
    flows.look_at_payment,
    silence=(NoAnswer,),
    apart=tuple(Q(rail__in=rails) for rails in RAILS_BY_PROVIDER.values()),
)
REFUNDS = Sweep(
    Refund.objects.filter(status__in=REFUNDS_UNFINISHED),
    "next_look_at",
    flows.look_at_refund,
    silence=(NoAnswer,),
)
SETUPS = Sweep(
    MethodSetup.objects.filter(status="pending"),
    "next_look_at",
    flows.look_at_setup,
    silence=(NoAnswer,),
)
SUBMISSIONS = Sweep(
    DisputeSubmission.objects.filter(status="pending"),
    "next_look_at",
    flows.hand_in,
    merchant="dispute__merchant",
    silence=(NoAnswer,),
)
DISPUTES = Sweep(
    Dispute.objects.filter(status__in=DISPUTES_OPEN),
    "next_look_at",
    flows.look_at_dispute,
    silence=(NoAnswer,),
)
CLEARING = Sweep(
    Payment.objects.filter(status__in=MONEY_CAME, released_at=None),
    "available_at",
    pay.release_payment,
)

REHEARSED = Sweep(
    Transfer.objects.filter(status__in=TRANSFERS_UNSURE), "moves_at", transfers.move_on
)

RESUMING = Sweep(
    RecurringCharge.objects.filter(status="paused"), "resumes_at", recurring.resume_in_time
)
ENDING = Sweep(RecurringCharge.objects.filter(status="paused"), "end_at", recurring.end_in_time)
RETRIES = Sweep(
    RecurringPeriod.objects.filter(status="open"), "retry_at", recurring_flow.retry_when_due
)
PERIODS = Sweep(
    RecurringCharge.objects.filter(status__in=RUNNING), "next_at", recurring_flow.charge_when_due
)
ANNOUNCING = Sweep(
    RecurringCharge.objects.filter(status__in=RUNNING), "announce_at", periods.announce
)

SWEEPS = (
    *(PAYMENTS, REFUNDS, SETUPS, SUBMISSIONS, DISPUTES, REHEARSED, CLEARING),
    *(ENDING, RESUMING, RETRIES, PERIODS, ANNOUNCING),
)
