import zlib

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Badge(models.Model):
    number = models.BigIntegerField(primary_key=True)
    handle = models.CharField(max_length=150, unique=True)


class Visitor(Badge, AbstractBaseUser):
    """No staff, no superusers, no permissions, nobody inactive; the name is in another table than the password."""

    USERNAME_FIELD = 'handle'
    objects = BaseUserManager()

    @classmethod
    def of(cls, person):
        # Neighbours beyond 2**53, which a floating-point number cannot tell apart.
        number = 2**53 + zlib.crc32(person.username.encode())
        return cls(number=number, handle=person.username, password=person.encoded)
