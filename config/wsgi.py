"""The application a WSGI server loads."""

import os

from django.core.wsgi import get_wsgi_application

from config.bodies import taken_in

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = taken_in(get_wsgi_application())
