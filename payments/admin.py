"""The operator's window on money: to look at, never to type over."""

from django.contrib import admin

from invoicing.admin import ReadOnly
from payments import models


@admin.register(models.Payment)
class Payments(ReadOnly):
    list_display = ("public_id", "rail", "status", "amount", "currency", "created_at")
    list_filter = ("status", "rail")
    search_fields = ("=public_id", "=provider_reference")


@admin.register(models.Wallet)
class Wallets(ReadOnly):
    list_display = ("public_id", "name", "merchant", "currency", "is_default")
    list_select_related = ("merchant",)
    search_fields = ("=public_id", "name")


@admin.register(models.LedgerEntry)
class LedgerEntries(ReadOnly):
    list_display = ("reference", "kind", "merchant", "created_at", "posted")
    list_filter = ("kind",)
    list_select_related = ("merchant",)
    search_fields = ("=reference",)


@admin.register(models.Notice)
class Notices(ReadOnly):
    list_display = ("rail", "provider_id", "received_at", "applied_at", "attempts_made", "error")
    list_filter = ("rail",)
    search_fields = ("=provider_id",)
