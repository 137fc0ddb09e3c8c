import django.db.models.deletion
import django_fsm
import invoicing.models.access
import invoicing.models.leash
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    # Databases of before the first release have made these steps; see docs/decisions/0027.
    replaces = [
        ('invoicing', '0002_initial'),
        ('invoicing', '0003_credit_notes'),
        ('invoicing', '0004_clock_moves'),
        ('invoicing', '0005_reminders'),
        ('invoicing', '0006_what_recurs_names_itself'),
        ('invoicing', '0007_usdc'),
        ('invoicing', '0008_leashes'),
        ('invoicing', '0009_webhook_dialects'),
        ('invoicing', '0010_checkout_pages'),
        ('invoicing', '0011_fixed_taxes_and_bots_wallets'),
    ]

    dependencies = [
        ('checkout', '0001_first'),
        ('invoicing', '0001_first'),
        ('payments', '0001_first'),
    ]

    operations = [
        migrations.CreateModel(
            name='Bot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=invoicing.models.access._bot_id, max_length=40, unique=True)),
                ('name', models.CharField(max_length=100)),
                ('created_at', models.DateTimeField()),
                ('wallet', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bots', to='payments.wallet')),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bots', to='invoicing.merchant')),
            ],
            options={
                'indexes': [models.Index(fields=['merchant', '-id'], name='bot_newest_first')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=invoicing.models.access._key_id, max_length=40, unique=True)),
                ('name', models.CharField(blank=True, max_length=100)),
                ('prefix', models.CharField(max_length=24, unique=True)),
                ('secret_hash', models.CharField(max_length=64)),
                ('permissions', models.JSONField(default=list)),
                ('created_at', models.DateTimeField()),
                ('last_used_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('bot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='invoicing.bot')),
            ],
            options={
                'indexes': [models.Index(fields=['bot', '-id'], name='key_newest_first')],
            },
        ),
        migrations.CreateModel(
            name='Intent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=20)),
                ('fingerprint', models.CharField(max_length=64)),
                ('payee', models.CharField(max_length=40)),
                ('currency', models.CharField(max_length=8)),
                ('amount', models.BigIntegerField()),
                ('idempotency_key', models.CharField(blank=True, max_length=255)),
                ('status', models.CharField(choices=[('begun', 'Begun'), ('done', 'Done'), ('dropped', 'Dropped'), ('declined', 'Declined')], default='begun', max_length=8)),
                ('created_at', models.DateTimeField()),
                ('answer_status', models.PositiveSmallIntegerField(null=True)),
                ('answer_body', models.TextField(blank=True)),
                ('bot', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='intents', to='invoicing.bot')),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='invoicing.merchant')),
            ],
            options={
                'indexes': [models.Index(fields=['bot', 'fingerprint', '-id'], name='intent_same_again'), models.Index(fields=['bot', 'kind', 'currency', 'created_at'], name='intent_by_day'), models.Index(fields=['created_at'], name='intent_oldest_first')],
            },
        ),
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=invoicing.models.leash._approval_id, max_length=40, unique=True)),
                ('status', django_fsm.FSMField(choices=[('pending_approval', 'Waiting'), ('approved', 'Approved'), ('done', 'Done'), ('declined', 'Declined'), ('expired', 'Expired')], default='pending_approval', max_length=16, protected=True)),
                ('tool', models.CharField(max_length=60)),
                ('purpose', models.CharField(blank=True, max_length=500)),
                ('path', models.CharField(max_length=300)),
                ('body', models.TextField()),
                ('note', models.CharField(blank=True, max_length=500)),
                ('leased_until', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(null=True)),
                ('done_at', models.DateTimeField(null=True)),
                ('api_key', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.apikey')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('bot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='invoicing.bot')),
                ('intent', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='approval', to='invoicing.intent')),
                ('merchant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='invoicing.merchant')),
            ],
            options={
                'indexes': [models.Index(fields=['merchant', '-id'], name='approval_newest_first'), models.Index(fields=['merchant', 'status', '-id'], name='approval_by_status'), models.Index(fields=['bot', '-id'], name='approval_by_bot'), models.Index(condition=models.Q(('status', 'pending_approval')), fields=['expires_at'], name='approval_expiring'), models.Index(condition=models.Q(('status', 'pending_approval')), fields=['merchant', 'expires_at'], name='approval_expiring_here'), models.Index(condition=models.Q(('status', 'approved')), fields=['id'], name='approval_to_carry_out')],
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', ['pending_approval', 'approved', 'done', 'declined', 'expired'])), name='approval_status_is_known')],
            },
        ),
        migrations.CreateModel(
            name='Leash',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tools', models.JSONField(default=list)),
                ('customers', models.JSONField(default=list)),
                ('limits', models.JSONField(default=list)),
                ('updated_at', models.DateTimeField()),
                ('bot', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='leash', to='invoicing.bot')),
            ],
        ),
        migrations.AddField(
            model_name='Invoice',
            name='checkout_page',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='checkout.checkoutpage'),
        ),
        migrations.AddField(
            model_name='Invoice',
            name='wallet',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='payments.wallet'),
        ),
        migrations.AddIndex(
            model_name='Invoice',
            index=models.Index(condition=models.Q(('checkout_page__isnull', False)), fields=['merchant', 'checkout_page', '-id'], name='invoice_by_checkout_page'),
        ),
    ]
