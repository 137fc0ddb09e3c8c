"""The payments room, as Django knows it."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"
