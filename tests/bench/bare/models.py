"""Two tables of the size that an invoice and its lines have."""

from typing import ClassVar

from django.db import models


class Token(models.Model):
    """A key, compared in plain text."""

    key = models.CharField(max_length=80, unique=True)

    class Meta:
        app_label = "bare"

    is_authenticated = True


class Invoice(models.Model):
    """An invoice without any of the rules."""

    number = models.CharField(max_length=32)
    customer_name = models.CharField(max_length=200)
    currency = models.CharField(max_length=10)
    total = models.BigIntegerField()
    status = models.CharField(max_length=13, default="draft")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "bare"


class Line(models.Model):
    """A line of it."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    description = models.CharField(max_length=500)
    quantity = models.CharField(max_length=40)
    unit_price = models.CharField(max_length=40)
    amount = models.BigIntegerField()

    class Meta:
        app_label = "bare"
        ordering: ClassVar[list[str]] = ["id"]


class Event(models.Model):
    """A body as it came."""

    body = models.TextField()

    class Meta:
        app_label = "bare"
