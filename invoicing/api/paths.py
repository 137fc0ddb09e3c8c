"""What may stand in an address: ids, and references to invoices."""

from django.urls import register_converter
from django.urls.converters import StringConverter


class PublicId(StringConverter):
    """A public id: one segment of visible ASCII, so that no database ever sees anything else."""

    regex = "[!-.0-~]{1,64}"


class InvoiceReference(StringConverter):
    """A public id, a uuid or a number. Numbers may have slashes, are upper case, end in a digit."""

    regex = "(?:[!-.0-~]{1,64}|[A-Z0-9._/-]{1,63}[0-9])"


class Slug(StringConverter):
    """A payer's slug."""

    regex = "[0-9a-zA-Z_-]{1,64}"


class Anything(StringConverter):
    """All that is left of an address, line breaks too."""

    regex = "(?s:.+)"


register_converter(Anything, "anything")
register_converter(PublicId, "id")
register_converter(InvoiceReference, "invoice")
register_converter(Slug, "payer_slug")
