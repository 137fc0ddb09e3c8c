"""A webhook receiver in a few lines: verify with the official client, print, answer 204.

Usage: python examples/webhook_receiver.py whsec_… [port]

A delivery that comes a second time has the same webhook-id, and is taken without being printed.
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError


def serve(secret: str, port: int) -> None:
    """Listen until killed."""
    webhook = Webhook(secret)
    # In your own receiver a table with a unique column, in the transaction that does the work.
    seen: set[str] = set()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                event = webhook.verify(body, dict(self.headers))
            except WebhookVerificationError as problem:
                print(f"refused: {problem}", flush=True)
                self.send_response(401)
            else:
                if event["id"] not in seen:
                    seen.add(event["id"])
                    told = event["data"]
                    print(f"{event['type']} {told.get('number') or event['id']}", flush=True)
                self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing about requests; the events are what matters."""

    HTTPServer(("127.0.0.1", port), Receiver).serve_forever()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    serve(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 9000)
