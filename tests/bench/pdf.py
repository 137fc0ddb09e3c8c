"""What a PDF costs: a page through the warm child against WeasyPrint called by itself.

    python -m tests.bench.pdf

Both render the same HTML in turns. Processor time is all that a page causes, in either process,
clearing up afterwards included; waiting is what the caller sees.
"""

import os
import statistics
import time
from datetime import date
from decimal import Decimal

import django
import weasyprint

TURNS = 40
LENGTHS = (1, 8, 60)


def main() -> None:
    """Render each length of invoice in turns and print the table."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    print(f"\nMedians of {TURNS} turns, milliseconds\n")
    print(f"{'lines':>5}{'cpu ours':>11}{'bare':>8}{'ratio':>8}", end="")
    print(f"{'wait ours':>12}{'bare':>8}{'ratio':>8}")
    for length in LENGTHS:
        ours_cpu, bare_cpu, ours_wait, bare_wait = _measure(_page(length))
        print(
            f"{length:>5}{ours_cpu:>11.1f}{bare_cpu:>8.1f}{ours_cpu / bare_cpu:>8.2f}"
            f"{ours_wait:>12.1f}{bare_wait:>8.1f}{ours_wait / bare_wait:>8.2f}"
        )


def _measure(html: str) -> tuple[float, float, float, float]:
    """Median milliseconds: processor time of ours and bare, then waiting for ours and bare."""
    from invoicing import pdf

    for _ in range(3):
        pdf.render(html)
        weasyprint.HTML(string=html).write_pdf()
    child = pdf._renderer._child
    assert child
    # The processor clock of another process (clock_getcpuclockid(3)).
    clock = (~child.process.pid << 3) | 2
    cpu: tuple[list[float], list[float]] = ([], [])
    wait: tuple[list[float], list[float]] = ([], [])
    for _ in range(TURNS):
        begun, mine, its = time.perf_counter(), time.process_time(), time.clock_gettime(clock)
        pdf.render(html)
        wait[0].append(time.perf_counter() - begun)
        mine = time.process_time() - mine

        begun, bare = time.perf_counter(), time.process_time()
        weasyprint.HTML(string=html).write_pdf()
        wait[1].append(time.perf_counter() - begun)
        cpu[1].append(time.process_time() - bare)
        # By now the child has cleared up after its page, too.
        cpu[0].append(mine + time.clock_gettime(clock) - its)
    return tuple(statistics.median(times) * 1000 for times in (*cpu, *wait))  # type: ignore[return-value]


def _page(length: int) -> str:
    """An invoice of this many lines."""
    from invoicing.documents import Address, InvoiceDocument, Line, Party, TaxLine, render_html

    lines = tuple(
        Line(
            description=f"Letterpress invitations, two colours, run {run + 1}",
            quantity=Decimal("12.5"),
            unit_price=Decimal("4.80"),
            tax_rates=(Decimal(19),),
            amount=6000,
        )
        for run in range(length)
    )
    subtotal = 6000 * length
    tax = TaxLine("VAT", Decimal(19), subtotal, subtotal * 19 // 100)
    return render_html(
        InvoiceDocument(
            number="INV-0042",
            issued_on=date(2026, 5, 31),
            due_on=date(2026, 6, 30),
            currency="EUR",
            seller=Party("Ada’s Letterpress", "", Address("Oranienstraße 24", city="Berlin")),
            buyer=Party("Cleo Marsh", "", Address("14 Lamb’s Conduit Street", city="London")),
            lines=lines,
            subtotal=subtotal,
            taxes=(tax,),
            total=subtotal + tax.amount,
            amount_due=subtotal + tax.amount,
            payment_url="https://pay.example.com/i/Jq2fN0vS8cTz5rWbXy7LkA",
            brand_color="#2f5d50",
        )
    )


if __name__ == "__main__":
    main()
