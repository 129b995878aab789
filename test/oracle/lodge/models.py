from django.contrib.auth.models import AbstractUser
from django.db import models


class LowerCase(models.CharField):
    def to_python(self, value):
        return value.lower() if isinstance(value, str) else value


class Lodger(AbstractUser):
    """A field that lower-cases usernames, both those that are stored and those that are typed."""

    username = LowerCase(max_length=150, unique=True)
