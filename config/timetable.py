"""When each task runs: the schedule is code.

A tick that finds the one before it still queued is worthless, so each message expires with its
interval.
"""

from typing import Any

EVERY_2_SECONDS = [
    "invoicing.tasks.fan_out_events",
    "invoicing.tasks.deliver_webhooks",
    "invoicing.tasks.send_mails",
    "invoicing.tasks.advance_clocks",
    "checkout.tasks.send_portal_links",
    "payments.tasks.apply_notices",
    "payments.tasks.watch_chains",
    "config.tasks.show_life",
]
EVERY_10_SECONDS = [
    "invoicing.tasks.carry_out_approvals",
    "payments.tasks.look_at_payments",
    "payments.tasks.look_at_refunds",
    "payments.tasks.look_at_setups",
    "payments.tasks.look_at_disputes",
    "payments.tasks.look_at_authorizations",
    "payments.tasks.move_rehearsed_transfers",
    "payments.tasks.release_funds",
    "payments.tasks.charge_recurring",
    "payments.tasks.cancel_payments_of_closed_invoices",
    "invoicing.tasks.watch_due_dates",
    "invoicing.tasks.send_reminders",
]
EVERY_5_MINUTES = [
    "payments.tasks.fetch_rates",
    "payments.tasks.hear_missed_notices",
]
EVERY_HOUR = [
    "invoicing.tasks.forget_expired",
    "checkout.tasks.forget_portal_links",
]


def _every(seconds: int, tasks: list[str]) -> dict[str, dict[str, Any]]:
    return {
        task: {"task": task, "schedule": float(seconds), "options": {"expires": seconds}}
        for task in tasks
    }


TIMETABLE = {
    **_every(2, EVERY_2_SECONDS),
    **_every(10, EVERY_10_SECONDS),
    **_every(300, EVERY_5_MINUTES),
    **_every(3600, EVERY_HOUR),
}
