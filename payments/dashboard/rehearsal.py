"""What a saved test card does on its next charges, decided by hand on the test side."""

from typing import Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from invoicing.dashboard.access import MerchantRequest, merchant_page, page
from invoicing.dashboard.customers import customer_of
from invoicing.dashboard.once import once
from payments.actions import rehearsing
from payments.dashboard.methods import named
from payments.methods import sandbox_card
from payments.sandbox.cards import BY_LAST4, PAID, Step
from payments.sandbox.inputs import MAX_STEPS

# What a button stands for.
STEPS: Final = {
    "succeed": (PAID, gettext_lazy("Succeeds")),
    "card_declined": (Step("decline", "card_declined"), gettext_lazy("Is declined")),
    "insufficient_funds": (
        Step("decline", "insufficient_funds"),
        gettext_lazy("Is declined: insufficient funds"),
    ),
    "expired_card": (Step("decline", "expired_card"), gettext_lazy("Is declined: expired")),
    "lost_card": (Step("decline", "lost_card"), gettext_lazy("Is declined: lost")),
    "authenticate": (Step("authenticate"), gettext_lazy("Asks for approval")),
    "silence_paid": (
        Step("silence", then="succeed"),
        gettext_lazy("Gets no answer, and was paid"),
    ),
    "silence_nothing": (
        Step("silence", then="nothing"),
        gettext_lazy("Gets no answer, and nothing was taken"),
    ),
}
CLEAR: Final = "clear"


@require_http_methods(["GET", "POST"])
@merchant_page("sandbox:write", back="dashboard:customer")
def plan(request: MerchantRequest, public_id: str) -> HttpResponse:
    """Show what is still to come, add to it, or clear it."""
    customer = customer_of(request.merchant, public_id)
    wanted = request.POST.get("method") or request.GET.get("method", "")
    methods = customer.payment_methods.exclude(status="detached")
    method = methods.filter(public_id=wanted, rail="sandbox").first()
    if method is None:
        messages.error(request, _("This customer has no such test card."))
        return redirect("dashboard:customer", public_id)
    card = sandbox_card(request.merchant, wanted)
    if request.method == "POST":
        chosen = request.POST.get("next", "")
        if chosen not in STEPS and chosen != CLEAR:
            messages.error(request, _("Choose what its next charge comes to."))
        elif chosen != CLEAR and len(card.next) >= MAX_STEPS:
            messages.error(request, _("No more can be decided ahead."))
        else:
            added = [] if chosen == CLEAR else [*card.next, STEPS[chosen][0].said()]
            where = f"{reverse('dashboard:customer_plan', args=[public_id])}?method={wanted}"
            done = once(
                request,
                lambda: rehearsing.plan_charges(request.merchant, wanted, added),
                lambda _card: where,
            )
            return redirect(done.where)
    context = {
        "customer": customer,
        "method": method,
        "named": named(method),
        "coming": [_in_words(Step(**step)) for step in card.next],
        "afterwards": _in_words(BY_LAST4[card.card_last4].charged),
        "choices": [(key, label) for key, (_step, label) in STEPS.items()],
    }
    return page(request, "customers/plan.html", "customers", context)


def _in_words(step: Step) -> str:
    known = [label for known, label in STEPS.values() if known == step]
    return str(known[0]) if known else _("Is declined: %(code)s") % {"code": step.code}
