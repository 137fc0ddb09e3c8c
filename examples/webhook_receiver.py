"""A webhook receiver in a few lines: verify with the official client, print, answer 204.

Usage: python examples/webhook_receiver.py whsec_… [port]
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(sys.argv[1])
port = int(sys.argv[2]) if len(sys.argv) > 2 else 9000


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = webhook.verify(body, dict(self.headers))
        except WebhookVerificationError as problem:
            print(f"refused: {problem}", flush=True)
            self.send_response(401)
        else:
            print(f"{event['type']} {event['data'].get('number') or event['id']}", flush=True)
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing about requests; the events are what matters."""


HTTPServer(("127.0.0.1", port), Receiver).serve_forever()
