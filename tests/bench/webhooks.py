"""What taking in an event of Stripe's costs: our door against a view that only stores the body.

    python -m tests.bench.webhooks

Both answer in this process, in turns, on the same database; both pass all of the middleware. Ours
checks signature, age, account and mode as well, and refuses what it has.
"""

import json
import os
import statistics
import tempfile
import time
from itertools import count

TURNS = 300
SECRET = "whsec_bench"
_numbers = count(1)


def main() -> None:
    """Make a database, post to both doors in turns and print the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.settings")
        os.environ["DATA_DIR"] = folder
        os.environ["PUBLIC_URL"] = "http://127.0.0.1:8765"
        os.environ["STRIPE_SECRET_KEY"] = "sk_test_bench"
        os.environ["STRIPE_WEBHOOK_SECRET"] = SECRET
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", run_syncdb=True, verbosity=0)
        ours, bare = _measure()
    print(f"\nMedians of {TURNS} turns, milliseconds\n")
    print(f"{'what':<18}{'ours':>8}{'bare':>8}{'ratio':>8}")
    print(f"{'stripe event':<18}{ours:>8.2f}{bare:>8.2f}{ours / bare:>8.2f}")


def _measure() -> tuple[float, float]:
    import stripe
    from django.test import Client

    client = Client(headers={"host": "127.0.0.1:8765"})
    taken: dict[str, list[float]] = {"/webhooks/stripe": [], "/bare/webhooks": []}
    for turn in range(TURNS + 20):
        for path, times in taken.items():
            body = _event()
            header = stripe.WebhookSignature.generate_signature_header(body, SECRET)
            begun = time.perf_counter()
            answer = client.post(
                path,
                data=body,
                content_type="application/json",
                headers={"Stripe-Signature": header},
            )
            ended = time.perf_counter() - begun
            # A benchmark of refusals is fast and worthless.
            assert answer.status_code == 200, answer.content
            if turn >= 20:
                times.append(ended * 1000)
    ours, bare = taken.values()
    return statistics.median(ours), statistics.median(bare)


def _event() -> str:
    """About as long as Stripe's own, and never the same twice."""
    said = {
        "id": f"evt_{next(_numbers)}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "filler": "x" * 3000}},
    }
    return json.dumps(said)


if __name__ == "__main__":
    main()
