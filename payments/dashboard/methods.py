"""A customer's saved cards and bank accounts: asking for one, choosing, removing, charging."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from invoicing import money
from invoicing.dashboard import choices
from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.customers import customer_of
from invoicing.dashboard.forms import Choice, InputForm, Text, posted
from invoicing.dashboard.once import once
from invoicing.errors import BillhookError
from invoicing.models import Customer
from payments import flows
from payments.actions import charges, methods
from payments.dashboard.payments import ADVICE
from payments.inputs import ChargeInput
from payments.models import Payment, PaymentMethod
from payments.rails.rail import RailError


class ChargeForm(InputForm):
    """What is charged, for what, and to which saved method."""

    reads = ChargeInput
    amount = Text(gettext_lazy("Amount"), attrs={"inputmode": "decimal"})
    currency = Choice(gettext_lazy("Currency"))
    description = Text(
        gettext_lazy("For what"), help_text=gettext_lazy("It stands on the invoice that is made.")
    )
    payment_method_id = Choice(gettext_lazy("Charged to"))
    customer_id = ""

    def wanted(self) -> dict[str, Any]:
        return {**self.cleaned_data, "customer_id": self.customer_id}


@require_POST
@merchant_page("payments:write", back="dashboard:customer")
def ask(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Open a page on which the customer leaves a card or a bank account."""
    where = _address_of(customer_of(request.merchant, public_id))
    rail = request.POST.get("rail") or "card"
    try:
        done = once(
            request,
            lambda: flows.save_method(request.merchant, public_id, rail),
            lambda _setup: where,
        )
    except RailError:
        messages.error(request, _("The provider opened no page. Try again in a minute."))
        return redirect(where)
    if done.result is not None:
        messages.success(request, _("Send the link below to your customer."))
    return redirect(done.where)


@require_POST
@merchant_page("payments:write", back="dashboard:customer")
def choose(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Let this method be charged when none is named."""
    customer = customer_of(request.merchant, public_id)
    wanted = request.POST.get("method", "")
    if customer.payment_methods.filter(public_id=wanted).exists():
        methods.choose_default(request.merchant, public_id, wanted)
        messages.success(request, _("Saved."))
    else:
        messages.error(request, _("This customer has no such card or bank account."))
    return redirect("dashboard:customer", public_id)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:customer")
def forget(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Charge a method no more."""
    customer = customer_of(request.merchant, public_id)
    wanted = request.POST.get("method") or request.GET.get("method", "")
    method = customer.payment_methods.filter(public_id=wanted).first()
    if method is None:
        messages.error(request, _("This customer has no such card or bank account."))
        return redirect("dashboard:customer", public_id)
    if request.method == "GET":
        context = {
            "heading": _("Remove this card or bank account?"),
            "subject": named(method),
            "explanation": _(
                "It cannot be charged any more; to use it again, the customer has to save it anew."
            ),
            "button": _("Remove"),
            "danger": True,
            "back": _address_of(customer),
            "back_name": customer.name,
        }
        return page(request, "confirm.html", "customers", context)
    flows.remove_method(request.merchant, public_id, wanted)
    messages.success(request, _("It is removed."))
    return redirect("dashboard:customer", public_id)


@require_http_methods(["GET", "POST"])
@merchant_page("payments:write", back="dashboard:customer")
def charge(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Make an invoice over one amount and charge it to a saved method at once."""
    customer = customer_of(request.merchant, public_id)
    active = list(customer.payment_methods.filter(status="active").order_by("-is_default", "-pk"))
    form = ChargeForm(
        posted(request),
        initial={"currency": customer.currency or request.merchant.currency},
    )
    form.offer(
        currency=choices.currencies(),
        payment_method_id=[(method.public_id, named(method)) for method in active],
    )
    form.customer_id = public_id
    if request.method == "POST" and form.is_valid():
        try:
            done = once(
                request,
                lambda: charges.begin_charge(request.merchant, form.input),
                lambda begun: _after(customer, begun[1]),
            )
        except BillhookError as refusal:
            form.refuse(refusal)
        else:
            if done.result is not None:
                _invoice, payment = done.result
                if payment is None:
                    messages.success(request, _("The customer's credit has paid for all of it."))
                else:
                    _say_charged(request, flows.carry_out(payment.pk))
            return redirect(done.where)
    context = {
        "form": form,
        "heading": _("Charge %(name)s") % {"name": customer.name},
        "explanation": _(
            "An invoice is made and charged at once, without asking the customer. Only charge "
            "what they have agreed to. It can be refunded, but not called back."
        ),
        "button": _("Charge now"),
        "back": _address_of(customer),
        "back_name": customer.name,
    }
    status = 422 if form.is_bound else 200
    return page(request, "form.html", "customers", context, status=status)


def named(method: PaymentMethod) -> str:
    """A saved method as its owner knows it."""
    details = method.details
    name = details.get("bank_name") or str(details.get("brand", "")).capitalize()
    return f"{name} ···· {details.get('last4', '')}".strip()


def _say_charged(request: MerchantRequest, payment: Payment) -> None:
    """Say what became of a charge, and what a refusal means for another try."""
    about: dict[str, Any] = {
        "amount": money.format_money(payment.amount, payment.currency),
        "why": payment.failure_message,
        "advice": ADVICE.get(payment.failure_advice, ""),
    }
    if payment.status == "succeeded":
        messages.success(request, _("%(amount)s is paid.") % about)
    elif payment.status == "failed":
        messages.error(request, _("%(amount)s was declined. %(why)s %(advice)s") % about)
    elif payment.status == "processing":
        messages.info(
            request, _("The bank has been asked for %(amount)s; that takes some days.") % about
        )
    else:
        messages.warning(
            request,
            _(
                "The provider has not said what became of %(amount)s. It is asked again by "
                "itself; do not charge it a second time."
            )
            % about,
        )


def _after(customer: Customer, payment: Payment | None) -> str:
    """The payment that was begun; the customer, where credit has paid for all of it."""
    if payment is None:
        return _address_of(customer)
    return reverse("dashboard:payment", args=[payment.public_id])


def _address_of(customer: Customer) -> str:
    return reverse("dashboard:customer", args=[customer.public_id])
