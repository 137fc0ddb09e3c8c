import checkout.models
import django.db.models.deletion
import invoicing.models.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    # Databases of before the first release have made these steps; see docs/decisions/0027.
    replaces = [
        ('checkout', '0001_checkout_pages'),
    ]

    dependencies = [
        ('invoicing', '0001_first'),
        ('payments', '0001_first'),
    ]

    operations = [
        migrations.CreateModel(
            name='CheckoutPage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=checkout.models._checkout_page_id, max_length=40, unique=True)),
                ('title', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True, max_length=2000)),
                ('currency', models.CharField(max_length=10)),
                ('amount', invoicing.models.fields.MinorUnitsField(null=True)),
                ('item_description', models.CharField(blank=True, max_length=500)),
                ('active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('archived_at', models.DateTimeField(null=True)),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='checkout_pages', to='invoicing.merchant')),
                ('wallet', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='checkout_pages', to='payments.wallet')),
            ],
            options={
                'indexes': [models.Index(fields=['merchant', '-id'], name='checkout_page_newest_first')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount', None), ('amount__gt', 0), _connector='OR'), name='checkout_page_asks_for_something')],
            },
        ),
    ]
