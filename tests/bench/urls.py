"""Billhook's addresses, and the bare views they are measured against."""

from django.urls import include, path

from tests.bench.bare import views

urlpatterns = [
    path("bare/invoices", views.CreateInvoice.as_view()),
    path("bare/invoices/<int:pk>", views.GetInvoice.as_view()),
    path("bare/webhooks", views.take_event),
    path("", include("config.urls")),
]
