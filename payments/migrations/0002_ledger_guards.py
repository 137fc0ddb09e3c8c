"""Put the ledger's guards into the database."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from payments import ledger_triggers


def install(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    ledger_triggers.install(schema_editor.connection)


def remove(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    ledger_triggers.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
