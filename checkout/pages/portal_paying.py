"""Paying several invoices in one go: a summary first, then a report of what came of each."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from checkout import bundles
from checkout.actions.bundles import Chosen, begin_bundle
from checkout.pages.hosted import CARD_BRANDS
from checkout.pages.invoice import see_other
from checkout.pages.portal import PortalRequest, for_payer, page
from invoicing.models import Customer, Invoice
from payments.charging import outside
from payments.models import PaymentMethod

_ID: Final = re.compile(r"[a-z0-9_]{1,40}", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9]{16,64}", re.ASCII)


@dataclass
class Group:
    """What is to be paid for one customer on file, and what they could be charged to."""

    customer: Customer | None
    # What the form calls the choice of a method; the chosen one, "" for each on its own page.
    name: str
    methods: list[PaymentMethod]
    method: str = ""
    invoices: list[Invoice] = field(default_factory=list)

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """Each method with its name, and whether it is chosen."""
        return [(one.public_id, named(one), one.public_id == self.method) for one in self.methods]

    def method_for(self, invoice: Invoice) -> PaymentMethod | None:
        """The chosen method, where it can be charged for this invoice at all."""
        found = next((one for one in self.methods if one.public_id == self.method), None)
        return found if found and _fits(invoice, found) else None


@dataclass(frozen=True, slots=True)
class Summary:
    """What the payer is about to agree to."""

    groups: list[Group]

    @property
    def chosen(self) -> list[Chosen]:
        return [
            Chosen(invoice, invoice.amount_due, group.method_for(invoice))
            for group in self.groups
            for invoice in group.invoices
        ]

    @property
    def charged(self) -> list[Chosen]:
        return [one for one in self.chosen if one.method]

    @property
    def totals(self) -> list[tuple[str, int]]:
        """What all of it comes to, by currency, in minor units."""
        return _totals(self.chosen)

    @property
    def seen(self) -> str:
        """The amounts that the payer is shown to agree to; any others are asked about again."""
        return ",".join(f"{one.invoice.public_id}:{one.amount}" for one in self.chosen)


@require_safe
@for_payer
def summary(request: PortalRequest) -> HttpResponse:
    """What was chosen, what it comes to, and what it is charged to. Nothing happens yet."""
    found = _summary(request, request.GET)
    if not found.chosen:
        return see_other(reverse("portal", args=[request.merchant.public_id]))
    return page(request, "summary.html", {"summary": found}, section="invoices")


@require_POST
@for_payer
def pay(request: PortalRequest) -> HttpResponse:
    """Charge what was agreed to, once however often this is sent, and lead through the rest."""
    token = request.POST.get("token", "")
    well_formed = _TOKEN.fullmatch(token) is not None
    known = request.payer.bundles.filter(token=token).first() if well_formed else None
    if known is None:
        found = _summary(request, request.POST)
        if not found.chosen:
            return see_other(reverse("portal", args=[request.merchant.public_id]))
        if found.seen != request.POST.get("seen") or not well_formed:
            error = _("Something has changed since you looked. Please look again.")
            context = {"summary": found, "error": error}
            return page(request, "summary.html", context, section="invoices", status=409)
        known = begin_bundle(request.merchant, request.payer.email, token, found.chosen)
    bundles.pay(known)
    return see_other(reverse("portal_bundle", args=[request.merchant.public_id, known.public_id]))


@require_safe
@for_payer
def report(request: PortalRequest, bundle_id: str) -> HttpResponse:
    """What came of each invoice, and the next one to pay on its page."""
    standing = _standing(request, bundle_id)
    rows = [(part, _why(part)) for part in standing.charged]
    context: dict[str, Any] = {"standing": standing, "rows": rows}
    return page(request, "report.html", context, section="invoices")


@require_POST
@for_payer
def go_on(request: PortalRequest, bundle_id: str) -> HttpResponse:
    """Take up what was agreed to and is not charged yet."""
    bundles.pay(_standing(request, bundle_id).bundle)
    return see_other(reverse("portal_bundle", args=[request.merchant.public_id, bundle_id]))


def named(method: PaymentMethod) -> str:
    """A saved card or bank account as its owner knows it."""
    details = method.details
    brand = str(details.get("brand", ""))
    name = details.get("bank_name") or CARD_BRANDS.get(brand) or brand.title()
    name = name or (_("Bank account") if method.rail == "ach" else _("Card"))
    last4 = details.get("last4")
    if not last4:
        return str(name)
    return _("%(brand)s ending in %(last4)s") % {"brand": name, "last4": last4}


def _summary(request: PortalRequest, asked: Any) -> Summary:
    """The invoices that are asked for and can be paid now, by customer."""
    payer = request.payer
    wanted = [one for one in asked.getlist("invoice") if _ID.fullmatch(one)][: bundles.MOST]
    rows = payer.payable.filter(public_id__in=wanted).order_by("due_at", "pk")
    active = list(payer.methods.filter(status=PaymentMethod.Status.ACTIVE))
    by_pk = {row.pk: row for row in payer.customers}
    groups: dict[int | None, Group] = {}
    for invoice in rows:
        invoice.merchant = request.merchant
        key = invoice.customer_id
        if key not in groups:
            customer = by_pk.get(key) if key else None
            methods = [one for one in active if one.customer_id == key]
            name = f"method-{customer.public_id}" if customer else ""
            groups[key] = Group(customer, name, methods)
            default = next((one.public_id for one in methods if one.is_default), "")
            groups[key].method = asked.get(name, default) if name else ""
        groups[key].invoices.append(invoice)
    return Summary(list(groups.values()))


def _fits(invoice: Invoice, method: PaymentMethod) -> bool:
    """Whether the amount is charged to such a method at all, as far as it is known beforehand."""
    if method.rail == "ach" and invoice.currency != "USD":
        return False
    return not outside(invoice.amount_due, invoice.currency, method)


def _totals(chosen: list[Chosen]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for one in chosen:
        sums[one.invoice.currency] = sums.get(one.invoice.currency, 0) + one.amount
    return sorted(sums.items())


def _why(part: bundles.Part) -> str:
    """Why a charge was declined, in words, where that is known."""
    payment = part.row.payment
    said = payment.failure_message if payment and part.standing == "declined" else ""
    return _(said) if said else ""


def _standing(request: PortalRequest, bundle_id: str) -> bundles.Standing:
    found = bundles.standing_of(request.merchant, request.payer.email, bundle_id)
    if found is None:
        raise Http404
    return found
