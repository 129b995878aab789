#!/usr/bin/python3
"""Asks a real Django who may in. See README.md."""
import argparse
import collections
import json
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

TABLES = [
    'django_content_type', 'auth_permission', 'auth_group', 'auth_group_permissions', 'auth_user',
    'auth_user_groups', 'auth_user_user_permissions',
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('what', choices=['verdicts', 'people', 'groups', 'migrate', 'schema'])
    parser.add_argument('--database', required=True, metavar='URL', help='an empty database')
    parser.add_argument('--model', default='auth.User', choices=['auth.User', 'club.Member', 'gate.Visitor', 'inn.Guest', 'lodge.Lodger'])
    parser.add_argument('--out', metavar='FILE', help='where the verdicts go, one JSON object a line; else to stdout')
    options = parser.parse_args()
    os.environ['DATABASE'] = options.database
    os.environ['USER_MODEL'] = options.model
    os.environ['DJANGO_SETTINGS_MODULE'] = 'project.settings'

    import django
    django.setup()
    from django.core.management import call_command
    began = time.monotonic()
    call_command('migrate', run_syncdb=True, verbosity=0)
    if options.what == 'schema':
        print('\n'.join(schema()))
    if options.what in ('schema', 'migrate'):
        return
    import people
    everybody = people.create()
    made = time.monotonic()
    if options.what == 'people':
        return
    if options.what == 'groups':
        print(json.dumps(groups()))
        return
    import judge
    counts = collections.Counter()
    out = open(options.out, 'w', encoding='utf-8') if options.out else sys.stdout
    for record in judge.verdicts(everybody):
        counts[record['verdict']] += 1
        # ASCII alone, so that no reader's idea of a line's end or of Unicode comes between.
        print(json.dumps(record), file=out)
    out.flush()
    from django.db import connection
    summary = {
        'django': django.get_version(), 'database': connection.vendor, 'model': options.model,
        'people': len(everybody),
        'questions': sum(counts.values()), **counts,
        'seconds': {'people': round(made - began, 1), 'verdicts': round(time.monotonic() - made, 1)},
    }
    print(json.dumps(summary), file=sys.stderr)


def groups():
    """Who is in which group and active, with one group of thousands and one of nobody."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group
    from people import Person
    model = get_user_model()
    if not hasattr(model, 'groups'):
        return None
    many = [Person(f'member{number:05}@example.com', '', '!', active=number % 7 > 0) for number in range(6000)]
    model.objects.bulk_create(model.of(person) if hasattr(model, 'of') else model(
        username=person.username, password=person.encoded, is_active=person.active) for person in many)
    everybody, _ = Group.objects.get_or_create(name='Everybody')
    Group.objects.get_or_create(name='Nobody')
    through = model.groups.through
    user, group = [field.name for field in through._meta.get_fields() if field.is_relation]
    if field_is_group(through, user):
        user, group = group, user
    through.objects.bulk_create(through(**{user: member, group: everybody}) for member in model.objects.all())
    through.objects.filter(**{group: everybody, f'{user}__{model.USERNAME_FIELD}__contains': '13'}).delete()
    return {
        each.name: list(model.objects.filter(groups=each, is_active=True).values_list(model.USERNAME_FIELD, flat=True))
        for each in Group.objects.all()
    }


def field_is_group(through, name):
    from django.contrib.auth.models import Group
    return through._meta.get_field(name).related_model is Group


def schema():
    """The statements that make Django's auth tables, as its schema editor writes them."""
    from django.contrib.auth.models import Group, Permission, User
    from django.contrib.contenttypes.models import ContentType
    from django.db import connection
    if connection.vendor == 'sqlite':
        # What the migrations leave behind, in SQLite's own record of it.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type = 'index', name"
            )
            rows = cursor.fetchall()
        return [f'{sql};' for table in TABLES for name, sql in rows if name == table]
    with connection.schema_editor(collect_sql=True) as editor:
        for model in (ContentType, Permission, Group, User):
            editor.create_model(model)
    return editor.collected_sql


if __name__ == '__main__':
    main()
