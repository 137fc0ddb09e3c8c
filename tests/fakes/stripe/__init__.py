"""A stand-in for Stripe: a server of its own, with a durable store, for the real `stripe` library.

    python -m tests.fakes.stripe --port 12111 --data stripe.sqlite

`handle.StripeFake` runs it for a test, `inprocess.InProcessStripe` is the same without sockets,
and `control` says what a test may make it do. It keeps to what Stripe documents; where the
documents are silent, the code says what it assumes.
"""
