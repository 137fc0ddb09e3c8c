"""The account's money: balance transactions with Stripe's fees, the balance, and payouts."""

from datetime import UTC, datetime, timedelta

from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe.store import Object
from tests.fakes.stripe.world import DAY, World

DISPUTE_FEE = 1500


def card_fee(amount: int) -> int:
    """2.9 % and 30 cents, half a cent rounded up."""
    return (amount * 29 + 500) // 1000 + 30


def bank_fee(amount: int) -> int:
    """0.8 %, five dollars at most."""
    return min((amount * 8 + 500) // 1000, 500)


def business_days_later(now: int, days: int) -> int:
    """The same time of day, so many weekdays on."""
    at = datetime.fromtimestamp(now, UTC)
    while days:
        at += timedelta(days=1)
        if at.weekday() < 5:
            days -= 1
    return int(at.timestamp())


def book(
    world: World,
    kind: str,
    amount: int,
    currency: str,
    source: str,
    *,
    fee: int = 0,
    fee_description: str = "Stripe processing fees",
    category: str | None = None,
    description: str | None = None,
    available_on: int | None = None,
) -> Object:
    """Write one balance transaction; `amount` and `fee` are in minor units."""
    at = world.now if available_on is None else available_on
    details = []
    if fee:
        details.append(
            {
                "amount": fee,
                "application": None,
                "currency": currency,
                "description": fee_description,
                "type": "stripe_fee",
            }
        )
    found = world.made(
        "balance_transaction",
        "txn_",
        amount=amount,
        available_on=at,
        balance_type="payments",
        currency=currency,
        description=description,
        exchange_rate=None,
        fee=fee,
        fee_details=details,
        net=amount - fee,
        reporting_category=category or kind,
        source=source,
        status="available" if at <= world.now else "pending",
        type=kind,
        _payout=None,
    )
    del found["livemode"]
    if found["status"] == "pending":
        world.store.plan(at, "available", found["id"])
    return world.save(found)


def make_available(world: World, found_id: str) -> None:
    """Funds that were pending can be paid out from now on."""
    found = world.get("balance_transaction", found_id)
    if found["status"] == "pending":
        found["status"] = "available"
        world.save(found)


def balance(world: World) -> Object:
    """What is there and what is on its way, by currency."""
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for each in world.store.select("balance_transaction"):
        held = sums[each["status"]]
        held[each["currency"]] = held.get(each["currency"], 0) + each["net"]
    currencies = sorted({"usd", *sums["available"], *sums["pending"]})

    def listed(name: str) -> list[Object]:
        return [
            {
                "amount": sums[name].get(currency, 0),
                "currency": currency,
                "source_types": {"card": sums[name].get(currency, 0)},
            }
            for currency in currencies
        ]

    return {
        "object": "balance",
        "available": listed("available"),
        "connect_reserved": [{"amount": 0, "currency": c} for c in currencies],
        "livemode": False,
        "pending": listed("pending"),
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    }


# Payouts


def pay_out(world: World, currency: str = "usd") -> Object:
    """Send everything that is available in a currency to the bank; paid when it arrives."""
    taken = [
        each
        for each in world.store.select("balance_transaction", "payout IS NULL")
        if each["status"] == "available" and each["currency"] == currency
    ]
    amount = sum(each["net"] for each in taken)
    if amount <= 0:
        raise ApiError(
            f"There is nothing available in {currency} to pay out.", code="balance_insufficient"
        )
    found = world.made(
        "payout",
        "po_",
        amount=amount,
        application_fee=None,
        application_fee_amount=None,
        arrival_date=world.now + 2 * DAY,
        automatic=True,
        balance_transaction=None,
        currency=currency,
        description="STRIPE PAYOUT",
        destination="ba_1FakeBank0000000000000000",
        failure_balance_transaction=None,
        failure_code=None,
        failure_message=None,
        metadata={},
        method="standard",
        original_payout=None,
        payout_method=None,
        reconciliation_status="in_progress",
        reversed_by=None,
        source_type="card",
        statement_descriptor=None,
        status="in_transit",
        trace_id=None,
        type="bank_account",
    )
    own = book(world, "payout", -amount, currency, found["id"], description="STRIPE PAYOUT")
    found["balance_transaction"] = own["id"]
    for each in (*taken, own):
        each["_payout"] = found["id"]
        world.save(each)
    world.save(found)
    world.store.plan(found["arrival_date"], "payout_arrives", found["id"])
    world.emit("payout.created", found)
    return found


def arrive(world: World, payout_id: str) -> Object:
    """The bank has the money."""
    found = _in_transit(world, payout_id)
    found["status"] = "paid"
    world.save(found)
    world.emit("payout.paid", found)
    found["reconciliation_status"] = "completed"
    world.save(found)
    world.emit("payout.reconciliation_completed", found)
    return found


def fail(world: World, payout_id: str, code: str = "account_closed") -> Object:
    """The bank sends the money back, now or after it had arrived; the next payout takes it."""
    found = world.get("payout", payout_id)
    if found["status"] not in ("in_transit", "pending", "paid"):
        raise ApiError(f"A payout that is {found['status']} cannot fail.")
    world.store.drop_plans("payout_arrives", payout_id)
    returned = book(
        world,
        "payout_failure",
        found["amount"],
        found["currency"],
        payout_id,
        description="STRIPE PAYOUT FAILURE",
    )
    found.update(
        status="failed",
        failure_code=code,
        failure_message=f"The payout failed: {code.replace('_', ' ')}.",
        failure_balance_transaction=returned["id"],
    )
    world.save(found)
    world.emit("payout.failed", found)
    return found


def _in_transit(world: World, payout_id: str) -> Object:
    found = world.get("payout", payout_id)
    if found["status"] not in ("in_transit", "pending"):
        raise ApiError(f"A payout that is {found['status']} cannot arrive.")
    world.store.drop_plans("payout_arrives", payout_id)
    return found
