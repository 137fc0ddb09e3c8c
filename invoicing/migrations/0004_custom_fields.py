from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('invoicing', '0003_portal'),
    ]

    operations = [
        migrations.AddField(
            model_name='invoice',
            name='custom_fields',
            field=models.JSONField(default=list),
        ),
    ]
