import checkout.models
import django.db.models.deletion
import invoicing.models.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('checkout', '0002_portal'),
        ('invoicing', '0004_custom_fields'),
        ('payments', '0001_first'),
    ]

    operations = [
        migrations.CreateModel(
            name='CheckoutItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=checkout.models._item_id, max_length=40, unique=True)),
                ('position', models.PositiveSmallIntegerField()),
                ('name', models.CharField(max_length=200)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('unit_price', invoicing.models.fields.MinorUnitsField()),
                ('tax_rate', invoicing.models.fields.ExactDecimalField(max_length=40, null=True)),
                ('max_per_order', models.PositiveIntegerField()),
                ('stock', models.PositiveIntegerField(null=True)),
                ('removed', models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name='CheckoutSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('return_origins', models.JSONField(default=list)),
                ('updated_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='OrderedItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name='checkoutpage',
            name='amount_least',
            field=invoicing.models.fields.MinorUnitsField(null=True),
        ),
        migrations.AddField(
            model_name='checkoutpage',
            name='amount_most',
            field=invoicing.models.fields.MinorUnitsField(null=True),
        ),
        migrations.AddField(
            model_name='checkoutpage',
            name='cancel_url',
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name='checkoutpage',
            name='custom_fields',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='checkoutpage',
            name='embed_origins',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='checkoutpage',
            name='expires_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='checkoutpage',
            name='max_uses',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='checkoutpage',
            name='rails',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='checkoutpage',
            name='success_url',
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name='checkoutpage',
            name='suggested_amounts',
            field=models.JSONField(default=list),
        ),
        migrations.AddConstraint(
            model_name='checkoutpage',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount_least', None), ('amount_most', None)), models.Q(('amount', None), ('amount_least__gt', 0)), _connector='OR'), name='checkout_page_asks_in_one_way'),
        ),
        migrations.AddField(
            model_name='checkoutitem',
            name='page',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='checkout.checkoutpage'),
        ),
        migrations.AddField(
            model_name='checkoutsettings',
            name='merchant',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='checkout_settings', to='invoicing.merchant'),
        ),
        migrations.AddField(
            model_name='ordereditem',
            name='invoice',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ordered_items', to='invoicing.invoice'),
        ),
        migrations.AddField(
            model_name='ordereditem',
            name='item',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='checkout.checkoutitem'),
        ),
        migrations.AddConstraint(
            model_name='checkoutitem',
            constraint=models.CheckConstraint(condition=models.Q(('unit_price__gte', 0)), name='checkout_item_price'),
        ),
        migrations.AddConstraint(
            model_name='checkoutitem',
            constraint=models.CheckConstraint(condition=models.Q(('max_per_order__gte', 1)), name='checkout_item_order'),
        ),
        migrations.AddConstraint(
            model_name='ordereditem',
            constraint=models.UniqueConstraint(fields=('invoice', 'item'), name='ordered_once_per_invoice'),
        ),
        migrations.AddConstraint(
            model_name='ordereditem',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='ordered_at_least_one'),
        ),
    ]
