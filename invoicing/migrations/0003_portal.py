import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('checkout', '0001_first'),
        ('invoicing', '0002_first'),
        ('payments', '0001_first'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(models.F('merchant'), django.db.models.functions.text.Lower('email'), name='customer_by_address'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(models.F('merchant'), django.db.models.functions.text.Lower('recipient_email'), condition=models.Q(('customer', None)), name='invoice_by_bare_address'),
        ),
    ]
