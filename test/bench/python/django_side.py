"""Django's own check_password, timed on demand.

django_side.py PASSWORD ENCODED: for every line on standard input, a number of seconds, checks the password again and
again until they are over (at least once) and prints how many times and how long it took.
"""

import json
import sys
import time

import django
from django.conf import settings

settings.configure()
django.setup()

from django.contrib.auth.hashers import check_password  # noqa: E402  Django must be set up first

password, encoded = sys.argv[1:]

for line in sys.stdin:
    limit = float(line)
    count = 0
    start = time.perf_counter()
    while True:
        if not check_password(password, encoded):
            sys.exit("Django says that the password is wrong")
        count += 1
        taken = time.perf_counter() - start
        if taken >= limit:
            break
    print(json.dumps({"count": count, "seconds": taken}), flush=True)
