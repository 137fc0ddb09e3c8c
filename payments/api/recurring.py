"""Recurring charges: schedules that make an invoice each period and collect it."""

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from invoicing.api.endpoint import Endpoint
from invoicing.api.leash_schemas import WAITS
from invoicing.api.pagination import CreatedQuery, PageQuery, between, page
from invoicing.api.views import ApiView
from invoicing.errors import InvalidState, NotFound
from invoicing.fields import Reference
from invoicing.intents import Repeatable
from invoicing.models import Merchant
from payments import moves, recurring_flow
from payments import recurring_representations as representations
from payments.actions import recurring as actions
from payments.api import recurring_schemas as schemas
from payments.models import DunningPolicy, RecurringCharge
from payments.recurring_inputs import (
    CancelInput,
    DunningPolicyInput,
    PauseInput,
    RecurringChanges,
    RecurringInput,
)
from payments.upcoming import Upcoming


class RecurringQuery(CreatedQuery):
    """Which schedules a list shows."""

    status: schemas.RecurringStatus | None = Field(
        default=None, description="`past_due` are those with a charge that has failed."
    )
    customer_id: Reference | None = Field(default=None, description="Only this customer's.")


class RecurringRequest(Repeatable, RecurringInput):
    """A schedule as a bot asks for it."""


class RecurringCharges(ApiView):
    tag = "Recurring charges"

    @Endpoint(
        "List recurring charges",
        needs="payments:read",
        query=RecurringQuery,
        answers=schemas.RecurringCharge,
        page=True,
    )
    def get(self, request: Request) -> Response:
        """Newest first, those that have ended too."""
        query = self.query(RecurringQuery)
        rows = representations.loaded(_of(self.merchant))
        if query.status:
            rows = rows.filter(status=query.status)
        if query.customer_id:
            rows = rows.filter(customer__public_id=query.customer_id)
        rows = between(rows, self.merchant, "created_at", query.created_after, query.created_before)
        return Response(page(query, rows, representations.recurring_charge))

    @Endpoint(
        "Create a recurring charge",
        needs="payments:write",
        body=RecurringRequest,
        also=WAITS,
        answers=schemas.RecurringCharge,
        status=201,
        refuses=(404, 409),
        example={
            "customer_id": "cus_9f86d081884c7d659a2feaa0",
            "amount": "99.00",
            "description": "Membership",
            "interval": "monthly",
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Each period gets its own invoice, numbered and receipted. One that begins now is charged
        at once: if that fails it is `past_due`, `open_periods` says why, and it is tried again.

        Periods begin at `anchor` plus whole intervals in your time zone, so the 31st is the last
        day of shorter months and the 31st again after them.
        """
        wanted = self.read(RecurringRequest)
        return self.run(
            lambda: recurring_flow.start(self.merchant, wanted),
            lambda row: shown(self.merchant, row.public_id),
            steps=True,
            moves=lambda: moves.scheduled(self.merchant, wanted, again=wanted.allow_duplicate),
        )


class RecurringDetail(ApiView):
    tag = "Recurring charges"

    @Endpoint("Get a recurring charge", needs="payments:read", answers=schemas.RecurringCharge)
    def get(self, request: Request, recurring_id: str) -> Response:
        """The schedule, and how the periods stand that are not paid."""
        return Response(shown(self.merchant, recurring_id))

    @Endpoint(
        "Change a recurring charge",
        needs="payments:write",
        body=RecurringChanges,
        answers=schemas.RecurringCharge,
        refuses=(409,),
        example={"amount": "119.00"},
    )
    def patch(self, request: Request, recurring_id: str) -> HttpResponseBase:
        """From the next period on; invoices that were made stay as they are. Another payment
        method is also tried at once for what has failed."""
        wanted = self.read(RecurringChanges)
        return self.run(
            lambda: actions.update_recurring(self.merchant, recurring_id, wanted),
            lambda row: shown(self.merchant, row.public_id),
        )


class RecurringPause(ApiView):
    tag = "Recurring charges"

    @Endpoint(
        "Pause a recurring charge",
        needs="payments:write",
        body=PauseInput,
        answers=schemas.RecurringCharge,
        refuses=(409,),
        example={"until": "2027-03-01"},
    )
    def post(self, request: Request, recurring_id: str) -> HttpResponseBase:
        """Nothing is charged or tried again meanwhile; periods that begin in the pause are left
        out."""
        wanted = self.read(PauseInput)
        return self.run(
            lambda: actions.pause_recurring(self.merchant, recurring_id, wanted),
            lambda row: shown(self.merchant, row.public_id),
        )


class RecurringResume(ApiView):
    tag = "Recurring charges"

    @Endpoint(
        "Resume a recurring charge",
        needs="payments:write",
        answers=schemas.RecurringCharge,
        refuses=(409,),
    )
    def post(self, request: Request, recurring_id: str) -> HttpResponseBase:
        """The next period that begins is charged; what had failed before the pause is tried
        again."""
        return self.run(
            lambda: actions.resume_recurring(self.merchant, recurring_id),
            lambda row: shown(self.merchant, row.public_id),
        )


class RecurringCancel(ApiView):
    tag = "Recurring charges"

    @Endpoint(
        "Cancel a recurring charge",
        needs="payments:write",
        body=CancelInput,
        answers=schemas.RecurringCharge,
        refuses=(409,),
        example={"at": "period_end"},
    )
    def post(self, request: Request, recurring_id: str) -> HttpResponseBase:
        """Now, or when the running period is over; the latter can be taken back by changing
        `end_at`. Invoices stay as they are."""
        wanted = self.read(CancelInput)
        return self.run(
            lambda: actions.cancel_recurring(self.merchant, recurring_id, wanted),
            lambda row: shown(self.merchant, row.public_id),
        )


class RecurringPeriods(ApiView):
    tag = "Recurring charges"

    @Endpoint(
        "List a recurring charge's periods",
        needs="payments:read",
        query=PageQuery,
        answers=schemas.RecurringPeriod,
        page=True,
    )
    def get(self, request: Request, recurring_id: str) -> Response:
        """Newest first: each period's invoice, tries and failures."""
        query = self.query(PageQuery)
        rows = _one(self.merchant, recurring_id).periods.select_related("recurring", "invoice")
        return Response(page(query, rows, representations.period))


class RecurringUpcoming(ApiView):
    tag = "Recurring charges"

    @Endpoint(
        "Preview the upcoming invoice",
        needs="payments:read",
        answers=schemas.Upcoming,
        refuses=(409,),
    )
    def get(self, request: Request, recurring_id: str) -> Response:
        """What the next period will ask for, as things stand now. `invoice.upcoming` tells the
        same some days before."""
        row = _one(self.merchant, recurring_id)
        coming = Upcoming.of(row)
        if coming is None:
            raise InvalidState("No further period will begin.", details={"status": row.status})
        return Response(representations.upcoming(coming))


class Policy(ApiView):
    tag = "Recurring charges"

    @Endpoint("Get the dunning policy", needs="payments:read", answers=schemas.DunningPolicy)
    def get(self, request: Request) -> Response:
        """How failed charges are tried again where a recurring charge has no `dunning` of its
        own."""
        policy = DunningPolicy.objects.filter(merchant=self.merchant).first()
        return Response(representations.dunning_policy(policy))

    @Endpoint(
        "Change the dunning policy",
        needs="payments:write",
        body=DunningPolicyInput,
        answers=schemas.DunningPolicy,
        example={"retries": [{"days": 3}, {"days": 5, "at": "09:00"}], "then": "pause"},
    )
    def patch(self, request: Request) -> HttpResponseBase:
        """For failures from now on; what is left out stays, and tries that are planned too."""
        wanted = self.read(DunningPolicyInput)
        return self.run(
            lambda: actions.set_dunning(self.merchant, wanted), representations.dunning_policy
        )


def shown(merchant: Merchant, recurring_id: str) -> dict[str, object]:
    """A schedule as answers show it."""
    row = representations.loaded(_of(merchant)).filter(public_id=recurring_id).first()
    if row is None:
        raise NotFound(f"There is no recurring charge {recurring_id}.")
    return representations.recurring_charge(row)


def _one(merchant: Merchant, recurring_id: str) -> RecurringCharge:
    rows = _of(merchant).select_related("merchant", "customer", "wallet")
    row = rows.filter(public_id=recurring_id).first()
    if row is None:
        raise NotFound(f"There is no recurring charge {recurring_id}.")
    return row


def _of(merchant: Merchant) -> QuerySet[RecurringCharge]:
    return RecurringCharge.objects.filter(merchant=merchant)
