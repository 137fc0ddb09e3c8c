import checkout.models
import django.db.models.deletion
import invoicing.models.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('checkout', '0001_first'),
        ('invoicing', '0003_portal'),
        ('payments', '0001_first'),
    ]

    operations = [
        migrations.CreateModel(
            name='Bundle',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=checkout.models._bundle_id, max_length=40, unique=True)),
                ('email', models.EmailField(max_length=254)),
                ('token', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField()),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.merchant')),
            ],
        ),
        migrations.CreateModel(
            name='BundlePart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', invoicing.models.fields.MinorUnitsField()),
                ('refusal', models.CharField(blank=True, max_length=60)),
                ('bundle', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='checkout.bundle')),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.invoice')),
                ('method', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.paymentmethod')),
                ('payment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.payment')),
            ],
        ),
        migrations.CreateModel(
            name='PortalLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254)),
                ('language', models.CharField(blank=True, max_length=10)),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(null=True)),
                ('used_at', models.DateTimeField(null=True)),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.merchant')),
            ],
        ),
        migrations.CreateModel(
            name='PortalSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('customers', models.JSONField(default=list)),
                ('began_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('link', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='session', to='checkout.portallink')),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.merchant')),
            ],
        ),
        migrations.CreateModel(
            name='PortalSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pause_recurring', models.BooleanField(default=False)),
                ('cancel_recurring', models.BooleanField(default=False)),
                ('updated_at', models.DateTimeField()),
                ('merchant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='portal_settings', to='invoicing.merchant')),
            ],
        ),
        migrations.AddConstraint(
            model_name='bundle',
            constraint=models.UniqueConstraint(fields=('merchant', 'email', 'token'), name='one_bundle_per_form'),
        ),
        migrations.AddConstraint(
            model_name='bundlepart',
            constraint=models.UniqueConstraint(fields=('bundle', 'invoice'), name='each_invoice_once'),
        ),
        migrations.AddIndex(
            model_name='portallink',
            index=models.Index(condition=models.Q(('digest', '')), fields=['id'], name='portal_link_wanted'),
        ),
        migrations.AddIndex(
            model_name='portallink',
            index=models.Index(fields=['merchant', 'email'], name='portal_link_by_address'),
        ),
        migrations.AddIndex(
            model_name='portallink',
            index=models.Index(fields=['created_at'], name='portal_link_by_age'),
        ),
        migrations.AddConstraint(
            model_name='portallink',
            constraint=models.UniqueConstraint(condition=models.Q(('digest', ''), _negated=True), fields=('digest',), name='one_portal_link_per_digest'),
        ),
        migrations.AddIndex(
            model_name='portalsession',
            index=models.Index(fields=['expires_at'], name='portal_session_by_end'),
        ),
    ]
