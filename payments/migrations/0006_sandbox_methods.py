"""Cards that are left with the sandbox and charged later."""

import django.db.models.deletion
import payments.models.sandbox
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def say_what_silence_means(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What a silent visit will say was read from its card until now."""
    silent = apps.get_model("payments", "SandboxSession").objects.filter(status="silent")
    silent.filter(card_last4="5126").update(has_paid=True)


def nothing(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The column goes with what it says."""


class Migration(migrations.Migration):
    dependencies = [
        ("invoicing", "0003_credit_notes"),
        ("payments", "0005_postings_by_account"),
    ]

    operations = [
        migrations.AddField(
            model_name="sandboxsession",
            name="has_paid",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="sandboxsession",
            name="return_url",
            field=models.CharField(blank=True, max_length=2000),
        ),
        migrations.AlterField(
            model_name="sandboxsession",
            name="status",
            field=models.CharField(
                choices=[
                    ("open", "Waiting for a card"),
                    ("authenticating", "Waiting for the cardholder's approval"),
                    ("silent", "Submitted, no answer yet"),
                    ("succeeded", "Succeeded"),
                    ("declined", "Declined"),
                    ("canceled", "Canceled"),
                ],
                default="open",
                max_length=15,
            ),
        ),
        migrations.CreateModel(
            name="SandboxMethod",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.CharField(
                        default=payments.models.sandbox._method_id, max_length=40, unique=True
                    ),
                ),
                ("customer_reference", models.CharField(max_length=200)),
                ("card_brand", models.CharField(max_length=20)),
                ("card_last4", models.CharField(max_length=4)),
                ("exp_month", models.PositiveSmallIntegerField()),
                ("exp_year", models.PositiveSmallIntegerField()),
                ("next", models.JSONField(default=list)),
                ("created_at", models.DateTimeField()),
                ("detached_at", models.DateTimeField(null=True)),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="invoicing.merchant",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="sandboxsession",
            name="method",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="charges",
                to="payments.sandboxmethod",
            ),
        ),
        migrations.CreateModel(
            name="SandboxSetup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.CharField(
                        default=payments.models.sandbox._setup_id, max_length=40, unique=True
                    ),
                ),
                ("key", models.CharField(max_length=40, unique=True)),
                ("customer_reference", models.CharField(max_length=200)),
                ("return_url", models.CharField(max_length=2000)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Waiting for a card"),
                            ("succeeded", "Succeeded"),
                            ("canceled", "Canceled"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("decline_code", models.CharField(blank=True, max_length=60)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="invoicing.merchant",
                    ),
                ),
                (
                    "method",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="setups",
                        to="payments.sandboxmethod",
                    ),
                ),
            ],
        ),
        migrations.RunPython(say_what_silence_means, nothing),
    ]
