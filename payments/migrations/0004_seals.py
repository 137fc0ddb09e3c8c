import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from payments import ledger_triggers, seal


def install(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    ledger_triggers.install(schema_editor.connection)


def remove(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    ledger_triggers.remove(schema_editor.connection)


def seal_what_is_posted(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Each merchant's entries become a chain, in the order of their ids."""
    entries = apps.get_model("payments", "LedgerEntry").objects
    heads = apps.get_model("payments", "LedgerHead").objects
    key = seal.keys()[0]
    for merchant in entries.filter(posted=True).values_list("merchant", flat=True).distinct():
        length, digest = 0, seal.FIRST
        posted = entries.filter(merchant=merchant, posted=True).order_by("id")
        for entry in posted.iterator(chunk_size=1000):
            length += 1
            postings = entry.postings.order_by("id").values_list(
                "source_id", "destination_id", "amount", "asset"
            )
            said = seal.text(
                merchant,
                length,
                entry.reference,
                entry.kind,
                entry.payment_id,
                seal.instant(entry.created_at),
                (seal.posting(*row) for row in postings),
            )
            digest = seal.digest(key, digest, said)
            entries.filter(pk=entry.pk).update(position=length, digest=digest)
        heads.create(merchant_id=merchant, length=length, digest=digest)
    if schema_editor.connection.vendor == "postgresql":
        # A table with checks still to be made can't be altered.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def nothing(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The columns go, and with them what they held."""


class Migration(migrations.Migration):
    dependencies = [
        ("invoicing", "0003_credit_notes"),
        ("payments", "0003_refunds_disputes_methods"),
    ]

    operations = [
        migrations.RunPython(remove, install),
        migrations.CreateModel(
            name="LedgerHead",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("length", models.PositiveBigIntegerField(default=0)),
                ("digest", models.CharField(blank=True, max_length=64)),
                (
                    "merchant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger_head",
                        to="invoicing.merchant",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="digest",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="position",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(
                fields=("merchant", "position"), name="entry_position_once"
            ),
        ),
        migrations.RunPython(seal_what_is_posted, nothing),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("posted", False),
                    models.Q(("position__gte", 1), models.Q(("digest", ""), _negated=True)),
                    _connector="OR",
                ),
                name="posted_entries_are_sealed",
            ),
        ),
        migrations.RunPython(install, remove),
    ]
