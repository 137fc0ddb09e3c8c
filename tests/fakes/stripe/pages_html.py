"""The markup and the look of the hosted pages."""

from html import escape
from urllib.parse import urlencode

from babel.numbers import format_currency

from tests.fakes.stripe.store import Object

STYLE = """
:root { color-scheme: light dark; --ink: #1a1f36; --soft: #5a6478; --line: #d5dbe1;
  --paper: #fff; --side: #f6f8fa; --accent: #4b45c6; --on-accent: #fff; --bad: #b3093c;
  --bad-paper: #fff0f4; --note: #fff8e1; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceff4; --soft: #a9b3c3; --line: #3a4252; --paper: #161a22; --side: #1e242f;
    --accent: #a9a5ff; --on-accent: #12121f; --bad: #ff9db5; --bad-paper: #3a1522;
    --note: #332c12; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); }
main { display: grid; min-height: 100vh; }
@media (min-width: 52rem) { main.two { grid-template-columns: 1fr 1fr;
  background: linear-gradient(90deg, var(--side) 50%, transparent 50%); } }
section { padding: 2rem 1.5rem; width: 100%; max-width: 32rem; margin: 0 auto; }
.side { background: var(--side); }
@media (min-width: 52rem) { section { padding: 4rem 3rem; } }
h1 { font-size: 1rem; font-weight: 500; color: var(--soft); margin: 1rem 0 0; }
.total { font-size: 2.25rem; font-weight: 650; margin: 0 0 1.5rem; letter-spacing: -.02em;
  font-variant-numeric: tabular-nums; }
h2 { font-size: 1.15rem; margin: 0 0 1rem; }
a { color: var(--accent); }
.back { color: var(--soft); display: inline-block; margin-right: .5rem; }
dl.lines { margin: 0; display: grid; grid-template-columns: 1fr auto; gap: .75rem 0; }
dl.lines dt, dl.lines dd { margin: 0; padding-top: .75rem; border-top: 1px solid var(--line); }
dl.lines dd { font-variant-numeric: tabular-nums; }
dl.lines small { display: block; color: var(--soft); }
.badge { display: inline-block; font-size: .75rem; font-weight: 600; padding: .1rem .5rem;
  border-radius: .3rem; background: var(--note); }
.tabs { display: flex; gap: .5rem; margin: 1.25rem 0; padding: 0; list-style: none; }
.tabs a { display: block; padding: .6rem 1rem; border: 1px solid var(--line);
  border-radius: .5rem; text-decoration: none; color: var(--soft); }
.tabs a[aria-current] { border-color: var(--accent); color: var(--accent); font-weight: 600;
  box-shadow: inset 0 0 0 1px var(--accent); }
label { display: block; font-size: .875rem; font-weight: 550; margin: 1rem 0 .25rem; }
input { width: 100%; font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--line); border-radius: .5rem; padding: .65rem .75rem; }
input[readonly] { background: var(--side); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.hint, .small { font-size: .8125rem; color: var(--soft); margin: .35rem 0 0; }
code { font-size: .95em; white-space: nowrap; }
button { font: inherit; font-weight: 600; width: 100%; margin-top: 1.5rem; padding: .8rem;
  border: 1px solid var(--accent); border-radius: .5rem; background: var(--accent);
  color: var(--on-accent); cursor: pointer; }
button.second { background: transparent; color: var(--accent); margin-top: .75rem; }
.error { background: var(--bad-paper); color: var(--bad); border-radius: .5rem;
  padding: .75rem 1rem; margin: 0 0 1rem; }
"""


def money(amount: int, currency: str) -> str:
    whole = currency in ("jpy", "krw", "clp", "vnd", "isk")
    value = amount if whole else amount / 100
    return format_currency(value, currency.upper(), locale="en_US")


def _document(title: str, body: str, kind: str = "") -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(title)}</title><link rel="stylesheet" href="/c/style.css"></head>
<body><main class="{kind}">{body}</main></body></html>
"""


def checkout(session: Object, shown: dict[str, str], error: str | None, business: str) -> str:
    """The page of an open session."""
    saving = session["mode"] == "setup"
    amount = None if saving else money(session["amount_total"], session["currency"])
    title = "Save a payment method" if saving else f"Pay {amount}"
    side = _side(session, amount, escape(business))
    form = _form(session, shown, error, amount, escape(business))
    return _document(title, side + form, "two")


def _side(session: Object, amount: str | None, business: str) -> str:
    back = ""
    if session["cancel_url"]:
        back = f'<a class="back" href="{escape(session["cancel_url"])}">&larr; Back</a> '
    badge = '<span class="badge">Test mode</span>'
    if amount is None:
        text = "<p>The payment method is saved for later payments. Nothing is charged now.</p>"
        head = f"<h1>{business}</h1><p class='total'>Save a payment method</p>"
        return f'<section class="side">{back}{badge}{head}{text}</section>'
    lines = "".join(_line(each) for each in session["_lines"])
    return f"""<section class="side">{back}{badge}
<h1>Pay {business}</h1><p class="total">{amount}</p>
<dl class="lines">{lines}<dt><strong>Total due</strong></dt><dd><strong>{amount}</strong></dd></dl>
</section>"""


def _line(line: Object) -> str:
    each = ""
    if line["quantity"] > 1:
        unit = money(line["price"]["unit_amount"], line["currency"])
        each = f"<small>Qty {line['quantity']}, {unit} each</small>"
    if line.get("_text"):
        each += f"<small>{escape(line['_text'])}</small>"
    total = money(line["amount_total"], line["currency"])
    return f"<dt>{escape(line['description'])}{each}</dt><dd>{total}</dd>"


def _form(
    session: Object, shown: dict[str, str], error: str | None, amount: str | None, business: str
) -> str:
    method = shown["method"]
    problem = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    readonly = " readonly" if shown.get("email_known") else ""
    fields = _card_fields(shown) if method == "card" else _bank_fields(amount is None, business)
    noun = "card" if method == "card" else "bank account"
    label = f"Pay {amount}" if amount else f"Save {noun}"
    return f"""<section><h2>{"Payment details" if amount else "Payment method"}</h2>
{problem}{_tabs(session, method)}
<form method="post" action="/c/pay/{session["id"]}" autocomplete="on">
<input type="hidden" name="method" value="{method}">
<label for="email">Email</label>
<input id="email" name="email" type="email" autocomplete="email" required
 value="{escape(shown["email"])}"{readonly}>
{fields}
<label for="name">{"Cardholder" if method == "card" else "Account holder"} name</label>
<input id="name" name="name" autocomplete="name" required value="{escape(shown["name"])}">
<button>{label}</button></form></section>"""


def _tabs(session: Object, chosen: str) -> str:
    kinds = session["payment_method_types"]
    if len(kinds) < 2:
        return ""
    names = {"card": "Card", "us_bank_account": "US bank account"}
    items = []
    for kind in kinds:
        current = ' aria-current="page"' if kind == chosen else ""
        href = "?" + urlencode({"method": kind})
        items.append(f'<li><a href="{href}"{current}>{names[kind]}</a></li>')
    return f'<nav aria-label="How to pay"><ul class="tabs">{"".join(items)}</ul></nav>'


def _card_fields(shown: dict[str, str]) -> str:
    return f"""<label for="number">Card number</label>
<input id="number" name="number" inputmode="numeric" autocomplete="cc-number" required
 placeholder="1234 1234 1234 1234" aria-describedby="number-hint">
<p class="hint" id="number-hint">Test cards only: <code>4242 4242 4242 4242</code> is paid,
<code>4000 0000 0000 0002</code> is declined, <code>4000 0000 0000 3220</code> asks the bank.</p>
<div class="pair"><div><label for="expiry">Expiry</label>
<input id="expiry" name="expiry" inputmode="numeric" autocomplete="cc-exp" required
 placeholder="MM / YY" value="{escape(shown["expiry"])}"></div>
<div><label for="cvc">Security code</label>
<input id="cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" required
 placeholder="CVC"></div></div>"""


def _bank_fields(saving: bool, business: str) -> str:
    later = " for later payments" if saving else ""
    return f"""<div class="pair"><div><label for="routing">Routing number</label>
<input id="routing" name="routing" inputmode="numeric" required placeholder="110000000"></div>
<div><label for="account">Account number</label>
<input id="account" name="account" inputmode="numeric" required placeholder="000123456789"></div>
</div><p class="hint">Test accounts only: routing <code>110000000</code>, account
<code>000123456789</code> is paid, <code>000222222227</code> is not.</p>
<p class="small">By going on, you allow {business} to debit this account{later}. A debit takes
up to four business days.</p>"""


def bank(intent: Object, business: str) -> str:
    """The bank asks the payer."""
    what = "save this card for later payments"
    if intent["object"] == "payment_intent":
        what = f"pay {money(intent['amount'], intent['currency'])} to {escape(business)}"
    return _document(
        "Your bank asks",
        f"""<section><span class="badge">Test bank</span><h2>Is it you?</h2>
<p>Someone wants to {what}. A real bank would send you a code here.</p>
<form method="post"><button name="answer" value="approve">Approve</button>
<button class="second" name="answer" value="refuse">Refuse</button></form></section>""",
    )


def message(title: str, text: str, url: str | None = None) -> str:
    link = f'<p><a href="{escape(url)}">Continue</a></p>' if url else ""
    body = f"<section><h2>{escape(title)}</h2><p>{escape(text)}</p>{link}</section>"
    return _document(title, body)


def receipt(charge: Object, business: str) -> str:
    amount = money(charge["amount"], charge["currency"])
    text = f"{amount} paid to {business}. Reference {charge['id']}."
    return message("Receipt", text)
