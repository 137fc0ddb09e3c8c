"""Addresses of the pages that payers and passers-by see."""

from django.urls import URLPattern, URLResolver, path

from checkout.bots import discovery, one_url
from checkout.pages import checkout, claims, front, inquiries, invoice, mailbox, usdc

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
    path("pay/<slug:page_id>/embed", checkout.embed, name="checkout_page_embed"),
    path("pay/<slug:page_id>/button.css", checkout.button, name="checkout_page_button"),
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
