"""Addresses of the invoicing room's API."""

from django.urls import URLPattern, URLResolver, path

from invoicing.api import (
    access,
    customers,
    events,
    inquiries,
    invoices,
    leashes,
    paths,
    reminders,
    webhook_endpoints,
)

__all__ = ["paths", "urlpatterns"]

ENDPOINT = "webhook_endpoints/<id:endpoint_id>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("invoices", invoices.Invoices.as_view()),
    path("invoices/preview", invoices.Preview.as_view()),
    path("invoices/<invoice:reference>", invoices.InvoiceDetail.as_view()),
    path("invoices/<invoice:reference>/finalize", invoices.Finalize.as_view()),
    path("invoices/<invoice:reference>/send", invoices.Send.as_view()),
    path("invoices/<invoice:reference>/void", invoices.Void.as_view()),
    path("invoices/<invoice:reference>/mark_uncollectible", invoices.MarkUncollectible.as_view()),
    path("invoices/<invoice:reference>/duplicate", invoices.Duplicate.as_view()),
    path("invoices/<invoice:reference>/pdf", invoices.InvoicePdf.as_view()),
    path("invoices/<invoice:reference>/events", invoices.InvoiceEvents.as_view()),
    path("invoices/<invoice:reference>/inquiries", inquiries.InvoiceInquiries.as_view()),
    path("invoices/<invoice:reference>/reminders/pause", reminders.Pause.as_view()),
    path("invoices/<invoice:reference>/reminders/resume", reminders.Resume.as_view()),
    path("invoices/<invoice:reference>/reminders/send", reminders.Send.as_view()),
    path("reminders", reminders.Reminders.as_view()),
    path("inquiries", inquiries.Inquiries.as_view()),
    path("inquiries/<id:inquiry_id>", inquiries.InquiryDetail.as_view()),
    path("inquiries/<id:inquiry_id>/answer", inquiries.Answer.as_view()),
    path("inquiries/<id:inquiry_id>/close", inquiries.Close.as_view()),
    path("customers", customers.Customers.as_view()),
    path("customers/<id:customer_id>", customers.CustomerDetail.as_view()),
    path("customers/<id:customer_id>/restore", customers.Restore.as_view()),
    path("me", access.MeView.as_view()),
    path("bots", access.Bots.as_view()),
    path("bots/<id:bot_id>", access.BotDetail.as_view()),
    path("bots/<id:bot_id>/api_keys", access.BotKeys.as_view()),
    path("bots/<id:bot_id>/leash", leashes.BotLeash.as_view()),
    path("approvals", leashes.Approvals.as_view()),
    path("approvals/<id:approval_id>", leashes.ApprovalDetail.as_view()),
    path("api_keys/<id:key_id>/revoke", access.RevokeKey.as_view()),
    path("events", events.Events.as_view()),
    path("events/<id:event_id>", events.EventDetail.as_view()),
    path("webhook_endpoints", webhook_endpoints.WebhookEndpoints.as_view()),
    path(ENDPOINT, webhook_endpoints.WebhookEndpointDetail.as_view()),
    path(f"{ENDPOINT}/rotate_secret", webhook_endpoints.RotateSecret.as_view()),
    path(f"{ENDPOINT}/deliveries", webhook_endpoints.Deliveries.as_view()),
    path(f"{ENDPOINT}/deliveries/<id:delivery_id>", webhook_endpoints.DeliveryDetail.as_view()),
    path(
        f"{ENDPOINT}/deliveries/<id:delivery_id>/redeliver",
        webhook_endpoints.Redeliver.as_view(),
    ),
]
