"""The operator's window: everything can be looked at, nothing about money can be typed over."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from invoicing import models

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin


class ReadOnly(_Admin):
    """Rows that only actions may change."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(models.User)
class Users(ReadOnly):
    list_display = ("email", "name", "is_active", "is_staff", "date_joined")
    search_fields = ("email", "name", "public_id")
    exclude = ("password",)


@admin.register(models.Account)
class Accounts(ReadOnly):
    list_display = ("name", "public_id", "created_at")
    search_fields = ("name", "public_id")


@admin.register(models.Merchant)
class Merchants(ReadOnly):
    list_display = ("name", "public_id", "livemode", "currency", "created_at")
    list_filter = ("livemode",)
    search_fields = ("name", "public_id")


@admin.register(models.Invoice)
class Invoices(ReadOnly):
    list_display = ("__str__", "merchant", "status", "total", "currency", "created_at")
    list_filter = ("status",)
    list_select_related = ("merchant",)
    search_fields = ("=public_id", "=number", "=uuid")
    # The slug lets its holder act as the payer.
    exclude = ("slug",)


@admin.register(models.ApiKey)
class ApiKeys(ReadOnly):
    list_display = ("prefix", "bot", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("bot",)
    search_fields = ("=public_id", "prefix")
    exclude = ("secret_hash",)


@admin.register(models.Event)
class Events(ReadOnly):
    list_display = ("type", "object_id", "merchant", "created_at")
    list_select_related = ("merchant",)
    search_fields = ("=public_id", "=object_id")


@admin.register(models.Message)
class Messages(ReadOnly):
    list_display = ("kind", "to", "status", "reason", "attempts_made", "created_at")
    list_filter = ("status", "kind")
    search_fields = ("=public_id", "=to")
    # Sign-in and invitation mails carry links that let their holder in.
    exclude: ClassVar[tuple[str, ...]] = ("text", "html", "raw")


@admin.register(models.WebhookEndpoint)
class WebhookEndpoints(ReadOnly):
    list_display = ("url", "merchant", "enabled", "failing_since")
    list_filter = ("enabled",)
    list_select_related = ("merchant",)
    exclude = ("secret", "previous_secret")
