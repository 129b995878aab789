#!/usr/bin/python3
"""Asks a real Django which accounts it finds for usernames in fields of other types than text. Fills an empty database.

Reads usernames from standard input as a JSON list. Prints a JSON object: for each field, a list with the primary key of
the account found, null if there is none, or the exception's name.
"""
import json
import os
import sys
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

USERNAMES = {
    'small': [0, 7, -7, 32767], 'integer': [0, 7, -7, 10, 2147483647], 'big': [0, 7, 2**53, 2**53 + 1, 2**63 - 1],
    'uuid': [uuid.UUID('123e4567e89b12d3a456426614174000'), uuid.UUID(int=7)],
    'twins': ['alice', 'bob', 'bob', 'carol'],
}


def main():
    os.environ['DATABASE'] = sys.argv[1]
    os.environ['DJANGO_SETTINGS_MODULE'] = 'project.settings'
    import django
    django.setup()
    from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
    from django.db import connection, models, transaction

    fields = {
        'small': models.SmallIntegerField(), 'integer': models.IntegerField(), 'big': models.BigIntegerField(),
        'uuid': models.UUIDField(), 'twins': models.CharField(max_length=30),
    }
    names = json.load(sys.stdin)
    found = {}
    for kind, field in fields.items():
        model = type(f'{kind.title()}User', (AbstractBaseUser,), {
            '__module__': 'usernames', 'name': field, 'USERNAME_FIELD': 'name', 'objects': BaseUserManager(),
            'id': models.AutoField(primary_key=True),
            'Meta': type('Meta', (), {'app_label': 'usernames', 'db_table': f'{kind}_users'}),
        })
        with connection.schema_editor() as editor:
            editor.create_model(model)
        for name in USERNAMES[kind]:
            model.objects.create(name=name, password='pbkdf2_sha256$1$s$' + HASH)
        found[kind] = []
        for name in names:
            try:
                with transaction.atomic():
                    found[kind].append(model._default_manager.get_by_natural_key(name).pk)
            except model.DoesNotExist:
                found[kind].append(None)
            except Exception as error:  # noqa: BLE001: whatever Django raises is its answer
                found[kind].append(type(error).__name__)
    print(json.dumps(found))


def encoded():
    import base64
    import hashlib
    return base64.b64encode(hashlib.pbkdf2_hmac('sha256', b'secret', b's', 1)).decode()


HASH = encoded()

if __name__ == '__main__':
    main()
