"""One of everything that a merchant can have, to be tried by everybody else."""

from decimal import Decimal

from invoicing import tasks
from invoicing.actions.customers import delete_customer
from invoicing.actions.inquiries import ask_question
from invoicing.actions.invoices import void_invoice
from invoicing.inputs import read
from invoicing.models import ApiKey, Delivery, Event, Merchant
from invoicing.reminder_inputs import QuestionInput
from payments import flows, recurring_flow
from payments.actions.claims import claim
from payments.actions.disputes import attach_file, save_evidence
from payments.actions.receiving import request_usdc
from payments.actions.recurring import pause_recurring
from payments.credit_flow import credit
from payments.inputs import CreditNoteInput, EvidenceInput, RefundInput
from payments.models import MethodSetup, Wallet
from payments.recurring_inputs import PauseInput, RecurringInput
from payments.usdc_inputs import ClaimInput
from tests.factories import (
    given_a_checkout_page,
    given_a_customer,
    given_a_draft,
    given_a_key,
    given_a_saved_card,
    given_an_approval,
    given_an_endpoint,
    given_an_open_invoice,
    pay,
    send_usdc,
)
from tests.fixtures_stripe import Stripe

ADDRESS = "0x8ba1f109551bD432803012645Ac136ddd64DBA72"
# The first that the sandbox gives out, to whoever asks first.
FIRST_ADDRESS = "0x8C8d35429F74ec245F8Ef2f4Fd1e551cFF97d650"


def world(merchant: Merchant, stripe: Stripe) -> dict[str, str]:
    """One of everything that belongs to a merchant, by what it is."""
    endpoint = given_an_endpoint(merchant, "https://example.com/")
    billed, archived = given_a_customer(merchant), given_a_customer(merchant)
    given_a_draft(merchant, customer_id=archived.public_id)
    delete_customer(merchant, archived.public_id)
    paid = given_an_open_invoice(merchant)
    payment = pay(paid)
    opened = given_an_open_invoice(merchant, customer_id=billed.public_id)
    plain = given_an_open_invoice(merchant)
    note = credit(merchant, opened.public_id, CreditNoteInput(amount=Decimal(1)))
    draft = given_a_draft(merchant)
    key = ApiKey.objects.get(prefix=given_a_key(merchant, ["events:read"])[:16])
    money = money_of(merchant, stripe)
    selling, closing = given_a_checkout_page(merchant), given_a_checkout_page(merchant)
    sold = given_an_open_invoice(merchant, checkout_page_id=selling.public_id)
    pay(sold)
    in_usdc = given_an_open_invoice(merchant, currency="USDC")
    tasks.fan_out_events()
    approval = given_an_approval(merchant)
    return {
        **money,
        "checkout_page": selling.public_id,
        "closing_page": closing.public_id,
        "sold": sold.public_id,
        **usdc_of(merchant),
        "in_usdc": in_usdc.public_id,
        "in_usdc by uuid": str(in_usdc.uuid),
        "in_usdc_slug": in_usdc.slug,
        "sendable": given_a_draft(merchant).public_id,
        "draft": draft.public_id,
        "draft by uuid": str(draft.uuid),
        "open": opened.public_id,
        "open by uuid": str(opened.uuid),
        "open by number": str(opened.number),
        "plain": plain.public_id,
        "plain by uuid": str(plain.uuid),
        "plain by number": str(plain.number),
        "paid": paid.public_id,
        "paid by uuid": str(paid.uuid),
        "paid by number": str(paid.number),
        "slug": opened.slug,
        "question": ask_question(opened.pk, QuestionInput(text="Why?")).public_id,
        "customer": billed.public_id,
        "archived": archived.public_id,
        "bot": key.bot.public_id,
        "approval": approval.public_id,
        "asker": approval.bot.public_id,
        "key": key.public_id,
        "event": Event.objects.filter(merchant=merchant).latest("pk").public_id,
        "endpoint": endpoint.public_id,
        "delivery": Delivery.objects.filter(endpoint=endpoint).latest("pk").public_id,
        "payment": payment.public_id,
        "credit_note": note.public_id,
        "wallet": Wallet.objects.get(merchant=merchant).public_id,
    }


def money_of(merchant: Merchant, stripe: Stripe) -> dict[str, str]:
    """One of everything that a merchant has through Stripe, by what it is."""
    saver = given_a_customer(merchant)
    method = stripe.given_a_method(saver)
    overpaid = stripe.given_a_payment(merchant, late=True)
    disputed = stripe.given_a_payment(merchant)
    dispute = stripe.given_a_dispute(disputed)
    save_evidence(merchant, dispute.public_id, read(EvidenceInput, {"uncategorized_text": "x"}))
    attach_file(merchant, dispute.public_id, "receipt", "r.pdf", b"%PDF-1.7")
    refund = flows.refund(
        merchant, stripe.given_a_payment(merchant).invoice.public_id, RefundInput()
    )[0]
    billed = given_an_open_invoice(merchant, customer_id=saver.public_id)
    monthly = {
        "customer_id": saver.public_id,
        "amount": "9.00",
        "description": "Coffee",
        "interval": "monthly",
    }
    recurring = recurring_flow.start(merchant, read(RecurringInput, monthly))
    paused = recurring_flow.start(merchant, read(RecurringInput, {**monthly, "trial_days": 7}))
    pause_recurring(merchant, paused.public_id, PauseInput())
    return {
        "saver": saver.public_id,
        "savers": billed.public_id,
        "savers by uuid": str(billed.uuid),
        "savers by number": str(billed.number),
        "method": method.public_id,
        "setup": MethodSetup.objects.get(customer=saver, rail="card").public_id,
        "recurring": recurring.public_id,
        "paused": paused.public_id,
        "test_card": given_a_saved_card(saver).public_id,
        "overpaid": overpaid.public_id,
        "dispute": dispute.public_id,
        "refund": refund.public_id,
        "deposit": stripe.given_a_deposit(merchant).public_id,
        "payout": stripe.given_a_payout(merchant).public_id,
    }


def usdc_of(merchant: Merchant) -> dict[str, str]:
    """One of everything that a merchant has in USDC, by what it is."""
    late, over, more, back = (given_an_open_invoice(merchant) for _ in range(4))
    asked = request_usdc(late.pk)
    void_invoice(merchant, late.public_id)
    unmatched = send_usdc(asked.address, "100", final=True)
    other = send_usdc(asked.address, "1", token=ADDRESS)
    for overpaid in (over, more):
        send_usdc(request_usdc(overpaid.pk).address, "150", final=True)
    wanted = read(ClaimInput, {"wish": "refund", "address": ADDRESS})
    send_usdc(request_usdc(back.pk).address, "100", final=True)
    refund = flows.refund(merchant, back.public_id, RefundInput(address=ADDRESS))[0]
    return {
        "late": late.public_id,
        "usdc_deposit": unmatched.public_id,
        "wrong_token": other.public_id,
        "claim": claim(over.pk, wanted).public_id,
        "overpaid_slug": more.slug,
        "usdc_refund": refund.public_id,
    }
