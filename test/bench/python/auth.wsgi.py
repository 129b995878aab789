"""What mod_wsgi asks: Django's own check_password on the site's database.

BENCH_DATABASE and BENCH_HOST are put in by the bench, for mod_wsgi passes no environment to this script.
"""

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "BENCH_DATABASE",
            "HOST": "BENCH_HOST",
            "USER": "postgres",
            # A connection is kept, as on a site that cares.
            "CONN_MAX_AGE": None,
        }
    },
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import hashers  # noqa: E402  Django must be set up first

# As the hashes in the database are: a hash of other iterations would be written anew on each login.
hashers.PBKDF2PasswordHasher.iterations = 600_000

from django.contrib.auth.handlers.modwsgi import check_password  # noqa: E402, F401
