"""Addresses of the pages that payers and passers-by see."""

from django.urls import URLPattern, URLResolver, path

from checkout.bots import discovery, one_url
from checkout.pages import (
    checkout,
    claims,
    front,
    inquiries,
    invoice,
    mailbox,
    portal,
    portal_details,
    portal_invoices,
    portal_methods,
    portal_paying,
    portal_recurring,
    portal_statement,
    usdc,
)

PORTAL = "portal/<slug:merchant_id>"
ONE = f"{PORTAL}/recurring/<slug:recurring_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", front.home, name="home"),
    path("theme", front.theme, name="theme"),
    path("llms.txt", discovery.llms, name="llms"),
    path(".well-known/api-catalog", discovery.api_catalog, name="api_catalog"),
    path("i/<slug:slug>", one_url.show, name="hosted_invoice"),
    path("i/<slug:slug>/status", invoice.status, name="hosted_invoice_status"),
    path("i/<slug:slug>/pay", invoice.pay, name="hosted_invoice_pay"),
    path("i/<slug:slug>/usdc", usdc.show, name="hosted_invoice_usdc"),
    path("i/<slug:slug>/usdc/status", usdc.status, name="hosted_invoice_usdc_status"),
    path("i/<slug:slug>/claim", claims.ask, name="hosted_invoice_claim"),
    path("i/<slug:slug>/ask", inquiries.ask, name="hosted_invoice_ask"),
    path("i/<slug:slug>/promise", inquiries.promise, name="hosted_invoice_promise"),
    path("pay/<slug:page_id>", checkout.show, name="checkout_page"),
    path("pay/<slug:page_id>/brand.css", checkout.stylesheet, name="checkout_page_brand"),
    path("reminders/stop/<str:token>", inquiries.stop, name="stop_reminders"),
    path("i/<slug:slug>/return", invoice.returned, name="hosted_invoice_return"),
    path(
        "i/<slug:slug>/credit_notes/<int:value>/pdf",
        invoice.credit_note_pdf,
        name="hosted_credit_note_pdf",
    ),
    path("i/<slug:slug>/pdf", invoice.pdf, name="hosted_invoice_pdf"),
    path("i/<slug:slug>/brand.css", invoice.stylesheet, name="hosted_invoice_brand"),
    path(f"{PORTAL}/", portal_invoices.home, name="portal"),
    path(f"{PORTAL}/ask/", portal.ask, name="portal_ask"),
    path(f"{PORTAL}/sent/", portal.sent, name="portal_sent"),
    path(f"{PORTAL}/open/<slug:token>/", portal.enter, name="portal_enter"),
    path(f"{PORTAL}/leave/", portal.leave, name="portal_leave"),
    path(f"{PORTAL}/brand.css", portal.stylesheet, name="portal_brand"),
    path(f"{PORTAL}/summary/", portal_paying.summary, name="portal_summary"),
    path(f"{PORTAL}/pay/", portal_paying.pay, name="portal_pay"),
    path(f"{PORTAL}/together/<slug:bundle_id>/", portal_paying.report, name="portal_bundle"),
    path(
        f"{PORTAL}/together/<slug:bundle_id>/go-on/",
        portal_paying.go_on,
        name="portal_bundle_go_on",
    ),
    path(f"{PORTAL}/methods/", portal_methods.index, name="portal_methods"),
    path(f"{PORTAL}/methods/add/", portal_methods.add, name="portal_methods_add"),
    path(f"{PORTAL}/methods/return/", portal_methods.returned, name="portal_methods_return"),
    path(f"{PORTAL}/methods/default/", portal_methods.choose, name="portal_methods_choose"),
    path(
        f"{PORTAL}/methods/<slug:method_id>/remove/",
        portal_methods.remove,
        name="portal_methods_remove",
    ),
    path(f"{PORTAL}/recurring/", portal_recurring.index, name="portal_recurring"),
    path(ONE, portal_recurring.show, name="portal_recurring_one"),
    path(f"{ONE}<slug:verb>/", portal_recurring.change, name="portal_recurring_change"),
    path(f"{PORTAL}/statement/", portal_statement.show, name="portal_statement"),
    path(f"{PORTAL}/statement/pdf/", portal_statement.pdf, name="portal_statement_pdf"),
    path(f"{PORTAL}/statement/mail/", portal_statement.mail, name="portal_statement_mail"),
    path(f"{PORTAL}/details/", portal_details.edit, name="portal_details"),
    path("mailbox/", mailbox.index, name="mailbox"),
    path("mailbox/<str:public_id>", mailbox.show, name="mailbox_mail"),
    path("mailbox/<str:public_id>/html", mailbox.html, name="mailbox_html"),
    path("mailbox/<str:public_id>/raw", mailbox.raw, name="mailbox_raw"),
    path(
        "mailbox/<str:public_id>/attachments/<int:place>",
        mailbox.attachment,
        name="mailbox_attachment",
    ),
]
