import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import Group, PermissionsMixin
from django.db import models


class Member(AbstractBaseUser, PermissionsMixin):
    """Nothing is called or keyed as in auth.User: names that must be quoted, a UUID, an address for a name."""

    key = models.UUIDField(primary_key=True, db_column='Key')
    address = models.EmailField(max_length=254, unique=True, db_column='e-mail')
    password = models.CharField(max_length=128, db_column='pass.word')
    first_name = models.CharField(max_length=150, db_column='First Name')
    is_active = models.BooleanField(default=True, db_column='order')
    is_staff = models.BooleanField(default=False, db_column='STAFF')
    is_superuser = models.BooleanField(default=False, db_column='select')
    groups = models.ManyToManyField(Group, through='Membership')

    USERNAME_FIELD = 'address'
    EMAIL_FIELD = 'address'
    objects = BaseUserManager()

    class Meta:
        db_table = 'Group'

    @classmethod
    def of(cls, person):
        return cls(
            key=uuid.uuid5(uuid.NAMESPACE_URL, person.username), address=person.username, password=person.encoded,
            first_name=person.first_name, is_active=person.active, is_staff=person.staff,
            is_superuser=person.superuser,
        )


class Membership(models.Model):
    who = models.ForeignKey(Member, on_delete=models.CASCADE, db_column='from')
    where = models.ForeignKey(Group, on_delete=models.CASCADE, db_column='To')

    class Meta:
        db_table = 'club.Membership'
