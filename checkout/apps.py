"""The checkout room, as Django knows it."""

from django.apps import AppConfig


class CheckoutConfig(AppConfig):
    name = "checkout"
