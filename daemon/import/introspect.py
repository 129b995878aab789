"""Introspects a Django site: writes what a verifier without Python needs as one JSON document to file descriptor 3.

Run with the site's DJANGO_SETTINGS_MODULE and sys.path; Django 3.2 and later, Python 3.6 and later. Opens no connection to
the database. The document contains the database's password: the descriptor is a pipe to the calling process.
"""
import getpass
import json
import os
import pathlib
import re
import sys
import traceback

OUTPUT = os.fdopen(3, "w", encoding="utf-8")


def report_exception(kind, error, trace):
    """Like Python's own report of an exception, but without lines of source, one of which may contain a password."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, SyntaxError):
            message = error.msg
            sys.stderr.write('  File "%s", line %s\n' % (error.filename, error.lineno))
        else:
            message = str(error)
            for frame, line in traceback.walk_tb(error.__traceback__):
                code = frame.f_code
                sys.stderr.write('  File "%s", line %s, in %s\n' % (code.co_filename, line, code.co_name))
        # User and password of a URL: everything before its last "@".
        message = re.sub(r"://\S+@", "://...@", message)
        sys.stderr.write("%s: %s\n" % (type(error).__name__, message))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if error is not None:
            sys.stderr.write("caused by:\n")


sys.excepthook = report_exception

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.auth.backends import ModelBackend  # noqa: E402
from django.contrib.auth.hashers import BasePasswordHasher  # noqa: E402
from django.db import connections, router  # noqa: E402
from django.utils.module_loading import import_string  # noqa: E402


def path_of(cls):
    return "%s.%s" % (cls.__module__, cls.__qualname__)


def definer(cls, name):
    """The class that defines an attribute, or None."""
    for candidate in cls.__mro__:
        if name in candidate.__dict__:
            return candidate
    return None


def custom(cls, names):
    """Those of the names that a class outside of Django defines."""
    found = []
    for name in names:
        where = definer(cls, name)
        if where is not None and where is not object and not (where.__module__ + ".").startswith("django."):
            found.append(name)
    return found


def field_of(meta, name):
    try:
        field = meta.get_field(name)
    except Exception:
        return None
    if getattr(field, "column", None) is None:
        return None
    return {
        "table": field.model._meta.db_table,
        "column": field.column,
        "type": field.get_internal_type(),
        "relation": bool(field.is_relation),
    }


def many_to_many(model, name, wanted):
    """A many-to-many table, and whether it relates this model to `wanted` by their primary keys."""
    try:
        field = model._meta.get_field(name)
        target = field.remote_field.model
        return {
            "table": field.m2m_db_table(),
            "from": field.m2m_column_name(),
            "to": field.m2m_reverse_name(),
            "target": path_of(target),
            "stock": issubclass(target, wanted)
            and field.m2m_target_field_name() == field.model._meta.pk.name
            and field.m2m_reverse_target_field_name() == target._meta.pk.name,
        }
    except Exception:
        return None


def parents_of(meta):
    """Tables of multi-table inheritance: each has one row per user, linked by a column of the user's table."""
    found = []
    for parent in meta.get_parent_list():
        chain = meta.get_base_chain(parent)
        child = meta
        link = None
        for step in chain:
            column = child.get_ancestor_link(step)
            if column is None:
                link = None
                break
            # Further up, the value is the same only if the link is the primary key.
            if child is meta:
                link = column.column
            elif not column.primary_key:
                link = None
                break
            child = step._meta
        found.append({"table": parent._meta.db_table, "id": parent._meta.pk.column, "link": link})
    return found


def attribute(model, name):
    """What a model has in place of a column of that name."""
    value = model.__dict__.get(name, getattr(model, name, None))
    if value is None:
        return None
    return "true" if value is True else "false" if value is False else "code"


def managers_of(model):
    found = []
    for name in ("_default_manager", "objects"):
        manager = getattr(model, name, None)
        if manager is None or any(known["manager"] is type(manager) for known in found):
            continue
        queries = getattr(manager, "_queryset_class", None)
        lookups = ("get", "filter", "all")
        changed = custom(type(manager), ("get_queryset", "get_by_natural_key", "using", "db_manager") + lookups)
        if queries is None:
            changed.append("_queryset_class")
        else:
            inner = ("__init__", "_filter_or_exclude", "_filter_or_exclude_inplace", "_chain", "_clone", "_fetch_all")
            changed += custom(queries, lookups + inner)
        found.append({"manager": type(manager), "path": path_of(type(manager)), "changed": sorted(set(changed))})
    return [{"path": each["path"], "changed": each["changed"]} for each in found]


def hashers_of():
    found = []
    for path in settings.PASSWORD_HASHERS:
        cls = import_string(path)
        hasher = cls()
        missing = None
        if getattr(hasher, "library", None):
            try:
                hasher._load_library()
            except Exception as error:
                missing = str(error)
        base = definer(cls, "algorithm")
        known = next((c for c in cls.__mro__ if c.__module__ == "django.contrib.auth.hashers"), BasePasswordHasher)
        found.append(
            {
                "path": path,
                "algorithm": str(hasher.algorithm),
                # Whether it computes what Django's own hasher of that name computes.
                "stock": base is not None
                and getattr(known, "algorithm", None) == hasher.algorithm
                and not custom(cls, ("encode", "verify", "_load_library", "digest", "library")),
                "missing": missing,
            }
        )
    return found


def backends_of():
    rights = (
        "has_perm",
        "get_all_permissions",
        "get_user_permissions",
        "get_group_permissions",
        "_get_permissions",
        "_get_user_permissions",
        "_get_group_permissions",
    )
    found = []
    for path in settings.AUTHENTICATION_BACKENDS:
        cls = import_string(path)
        found.append(
            {
                "path": path,
                "model": issubclass(cls, ModelBackend),
                "stock": cls.__module__ == "django.contrib.auth.backends",
                "rights": custom(cls, rights),
                "login": custom(cls, ("authenticate", "user_can_authenticate", "get_user")),
            }
        )
    return found


def plain(value):
    """A connection parameter as JSON can represent it; None for anything else."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, (str, pathlib.PurePath)):
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    # Lazy strings of settings libraries.
    return str(value) if type(value).__name__ in ("SimpleLazyObject", "__proxy__") else None


def parameters_of(connection):
    """The parameters that Django passes to the database's library, by that library's names."""
    try:
        parameters = connection.get_connection_params()
    except Exception:
        given = connection.settings_dict
        names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
        parameters = {name: given[key] for name, key in names.items() if given.get(key)}
        parameters.update(given.get("OPTIONS") or {})
    parameters = {name: plain(value) for name, value in parameters.items()}
    return {name: value for name, value in parameters.items() if value is not None}


def alias_of(model):
    return router.db_for_read(model)


def database_of(model, others):
    alias = alias_of(model)
    connection = connections[alias]
    options = connection.settings_dict.get("OPTIONS") or {}
    prefixes = ("PG", "MYSQL_")
    try:
        user = getpass.getuser()
    except Exception:
        user = ""
    return {
        "alias": alias,
        "write_alias": router.db_for_write(model),
        "routers": [each if isinstance(each, str) else path_of(type(each)) for each in settings.DATABASE_ROUTERS],
        "elsewhere": sorted({path_of(other) for other in others if alias_of(other) != alias}),
        "vendor": connection.vendor,
        "engine": connection.settings_dict.get("ENGINE", ""),
        "parameters": parameters_of(connection),
        "role": plain(options.get("assume_role")) or None,
        "directory": os.getcwd(),
        "user": user,
        "home": os.path.expanduser("~"),
        "environment": {name: value for name, value in os.environ.items() if name.startswith(prefixes)},
    }


def bcrypt_major():
    try:
        import bcrypt

        return int(bcrypt.__version__.split(".")[0])
    except Exception:
        return None


def introspection():
    user = get_user_model()
    meta = user._meta
    rights = {}
    others = []
    try:
        from django.contrib.auth.models import Group, Permission
        from django.contrib.contenttypes.models import ContentType
    except Exception:
        pass
    else:
        others = [Group, Permission, ContentType]
        rights = {
            "user_groups": many_to_many(user, "groups", Group),
            "user_permissions": many_to_many(user, "user_permissions", Permission),
            "group": {"table": Group._meta.db_table, "id": Group._meta.pk.column},
            "group_permissions": many_to_many(Group, "permissions", Permission),
            "permission": {"table": Permission._meta.db_table, "id": Permission._meta.pk.column},
            "content_type": {"table": ContentType._meta.db_table, "id": ContentType._meta.pk.column},
        }
        rights["group"]["name"] = Group._meta.get_field("name").column
        rights["permission"]["codename"] = Permission._meta.get_field("codename").column
        rights["permission"]["content_type"] = Permission._meta.get_field("content_type").column
        rights["content_type"]["app_label"] = ContentType._meta.get_field("app_label").column
    columns = ("password", "is_active", "is_staff", "is_superuser", "email", "first_name", "last_name")
    return {
        "django": ".".join(str(part) for part in django.VERSION[:3]),
        "model": settings.AUTH_USER_MODEL,
        "table": meta.db_table,
        "id": field_of(meta, meta.pk.name),
        "username_field": user.USERNAME_FIELD,
        "username": field_of(meta, user.USERNAME_FIELD),
        "columns": {name: field_of(meta, name) for name in columns},
        "attributes": {name: attribute(user, name) for name in ("is_active", "is_staff", "is_superuser")},
        "parents": parents_of(meta),
        "rights": rights,
        "overridden": custom(user, ("check_password", "has_perm", "from_db")),
        "managers": managers_of(user),
        "natural_key": hasattr(user._default_manager, "get_by_natural_key"),
        "hashers": hashers_of(),
        "bcrypt": bcrypt_major(),
        "backends": backends_of(),
        "database": database_of(user, others if rights else []),
    }


json.dump(introspection(), OUTPUT)
OUTPUT.close()
