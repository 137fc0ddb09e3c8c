"""Index postings by account with their amounts, so that balances are added up from the index."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from payments import ledger_triggers


def install(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    ledger_triggers.install(schema_editor.connection)


def remove(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    ledger_triggers.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("payments", "0004_seals")]

    operations = [
        # SQLite makes the table anew and would lose its guards.
        migrations.RunPython(remove, install),
        migrations.AlterField(
            "ledgerposting",
            "source",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="postings_out",
                to="payments.ledgeraccount",
            ),
        ),
        migrations.AddIndex(
            "ledgerposting",
            models.Index(fields=["source", "destination", "amount"], name="postings_moved"),
        ),
        migrations.RunPython(install, remove),
    ]
