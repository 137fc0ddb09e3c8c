"""The invoicing room, as Django knows it."""

from django.apps import AppConfig


class InvoicingConfig(AppConfig):
    name = "invoicing"
