"""Introspects a Django site: writes what a verifier without Python needs as one JSON document to file descriptor 3.

Run with the site's DJANGO_SETTINGS_MODULE and sys.path; Django 3.2 and later, Python 3.6 and later. Opens no connection to
the database. The document contains the database's password: the descriptor is a pipe to the calling process.
"""
import getpass
import inspect
import json
import os
import pathlib
import re
import sys
import traceback

OUTPUT = os.fdopen(3, "w", encoding="utf-8")


def message_of(error):
    # User and password of a URL: everything before its last "@".
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return "%s: %s" % (type(error).__name__, re.sub(r"://\S+@", "://...@", str(text)))


def report_exception(kind, error, trace):
    """Like Python's own report of an exception, but without lines of source, one of which may contain a password."""
    missing = getattr(error, "name", None) if isinstance(error, ImportError) else None
    failure = {"failure": message_of(error).split("\n")[0], "missing": missing}
    try:
        json.dump(failure, OUTPUT)
        OUTPUT.close()
    except Exception:
        pass
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, SyntaxError):
            sys.stderr.write('  File "%s", line %s\n' % (error.filename, error.lineno))
        else:
            for frame, line in traceback.walk_tb(error.__traceback__):
                code = frame.f_code
                sys.stderr.write('  File "%s", line %s, in %s\n' % (code.co_filename, line, code.co_name))
        sys.stderr.write("%s\n" % message_of(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if error is not None:
            sys.stderr.write("caused by:\n")


sys.excepthook = report_exception

import django  # noqa: E402

django.setup()

from django.apps import apps  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth import base_user, get_user_model  # noqa: E402
from django.contrib.auth import models as auth_models  # noqa: E402
from django.contrib.auth.backends import ModelBackend  # noqa: E402
from django.contrib.auth.hashers import BasePasswordHasher  # noqa: E402
from django.core.exceptions import ImproperlyConfigured  # noqa: E402
from django.db import connections, router  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402
from django.db.models import lookups, signals  # noqa: E402
from django.db.models.expressions import Col  # noqa: E402
from django.db.models.sql import compiler  # noqa: E402
from django.utils.module_loading import import_string  # noqa: E402


def path_of(cls):
    return "%s.%s" % (cls.__module__, cls.__qualname__)


def definer(cls, name):
    """The class that defines an attribute, or None."""
    for candidate in cls.__mro__:
        if name in candidate.__dict__:
            return candidate
    return None


def is_django(module):
    return ("%s." % module).startswith("django.")


def is_custom(cls, name):
    """Whether code outside of Django defines an attribute, by a class of its own or by a function put into Django's."""
    where = definer(cls, name)
    if where is None or where is object:
        return False
    if not is_django(where.__module__):
        return True
    value = where.__dict__[name]
    value = getattr(value, "fget", None) or getattr(value, "__func__", value)
    # Unlike __module__, which wrappers copy, a function's globals tell where it was written.
    module = getattr(value, "__globals__", {}).get("__name__")
    return module is not None and not is_django(module)


def custom(cls, names):
    """Those of the names that code outside of Django defines."""
    return [name for name in names if is_custom(cls, name)]


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
        "path": path_of(type(field)),
        "custom": custom_code_of(meta.model, field),
    }


# What converts a value from the database, and one that is compared with the database's.
FIELD_METHODS = (
    "from_db_value",
    "get_db_converters",
    "select_format",
    "get_col",
    "cached_col",
    "descriptor_class",
    "to_python",
    "get_prep_value",
    "get_db_prep_value",
    "get_lookup",
    "get_placeholder",
)


def custom_code_of(model, field):
    """Custom code that changes the values of a field: methods of its class, lookups, and what shadows its attribute."""
    if field.is_relation:
        return []
    found = custom(type(field), FIELD_METHODS)
    exact = field.get_lookup("exact")
    if exact is None or not is_django(exact.__module__):
        found.append("lookup exact")
    shadow = inspect.getattr_static(model, field.attname, None)
    # A constant gives way to the instance's own value.
    if hasattr(type(shadow), "__get__") and not is_django(type(shadow).__module__):
        found.append("%s %s" % (type(shadow).__name__, field.attname))
    return found


# The methods that run when an account is loaded, before anybody sees its values.
LOADING = ("__new__", "__init__", "from_db", "__getattribute__", "__getattr__", "__setattr__")


def loading_of(model):
    """Custom code that runs when an account is loaded."""
    found = ["%s.%s" % (path_of(definer(model, name)), name) for name in custom(model, LOADING)]
    for name in ("pre_init", "post_init"):
        live = getattr(signals, name)._live_receivers(model)
        # Since Django 5.0 these are two lists: synchronous and asynchronous receivers.
        for receiver in live if isinstance(live, list) else [each for part in live for each in part]:
            if not is_django(receiver.__module__):
                found.append("%s.%s (%s)" % (receiver.__module__, getattr(receiver, "__qualname__", "receiver"), name))
    return found


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
            "stock": target._meta.concrete_model is wanted
            and field.m2m_target_field_name() == field.model._meta.pk.name
            and field.m2m_reverse_target_field_name() == target._meta.pk.name,
            "manager": changes_of(target._default_manager),
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


def changes_of(manager):
    """The methods of a manager and of its querysets that custom code defines and that choose or change rows."""
    queries = getattr(manager, "_queryset_class", None)
    methods = ("get", "filter", "all")
    changed = custom(type(manager), ("get_queryset", "using", "db_manager") + methods)
    if queries is None:
        changed.append("_queryset_class")
    else:
        inner = ("__init__", "_filter_or_exclude", "_filter_or_exclude_inplace", "_chain", "_clone", "_fetch_all")
        changed += custom(queries, methods + inner)
    return sorted(set(changed))


def managers_of(model):
    found = []
    for name in ("_default_manager", "objects"):
        manager = getattr(model, name, None)
        if manager is None or any(known["manager"] is type(manager) for known in found):
            continue
        found.append({"manager": type(manager), "path": path_of(type(manager)), "changed": changes_of(manager)})
    return [{"path": each["path"], "changed": each["changed"]} for each in found]


# Usernames that code may treat differently, and that few codes treat alike.
PROBES = (
    "djauthd probe",
    "DjAuthd.Probe@Example.COM",
    "PROBE_%\\",
    " 0123 ",
    "\u0130\u00df\u03a3\u212a\ufb01",
    "17",
    "",
)


class Captured(BaseException):
    """Raised in place of a query; no `except Exception` of the site catches it."""


def query_for(model, username):
    """The query that the default manager sends for a username. None is sent."""
    caught = []

    def capture(self, *args, **kwargs):
        caught.append(self)
        raise Captured()

    def refuse(self):
        raise Captured()

    originals = compiler.SQLCompiler.execute_sql, BaseDatabaseWrapper.ensure_connection
    compiler.SQLCompiler.execute_sql, BaseDatabaseWrapper.ensure_connection = capture, refuse
    try:
        model._default_manager.get_by_natural_key(username)
    except (Captured, Exception):
        pass
    finally:
        compiler.SQLCompiler.execute_sql, BaseDatabaseWrapper.ensure_connection = originals
    return caught[0] if caught else None


def match_of(model, username):
    """How get_by_natural_key compares one username: "exact", "iexact", "lower", or None for any other comparison."""
    found = query_for(model, username)
    if found is None:
        return None
    query, field = found.query, model._meta.get_field(model.USERNAME_FIELD)
    where = query.where
    if query.model is not model or where.negated or where.connector != "AND" or len(where.children) != 1:
        return None
    # get() asks for one row more than it could use; first() and slices ask for fewer.
    if query.low_mark or (query.high_mark is not None and query.high_mark < 2):
        return None
    if query.distinct or query.combinator or query.extra or query.annotations or query.group_by:
        return None
    tables = {each._meta.db_table for each in [model] + list(model._meta.get_parent_list())}
    if {join.table_name for join in query.alias_map.values() if query.alias_refcount[join.table_alias]} - tables:
        return None
    (lookup,) = where.children
    column = getattr(lookup, "lhs", None)
    if type(column) is not Col or column.target is not field:
        return None
    if type(lookup) is lookups.IExact:
        return "iexact" if lookup.rhs == username and not is_custom(type(field), "get_db_prep_value") else None
    # A backend may register a lookup of its own for a kind of field.
    if not isinstance(lookup, lookups.Exact) or not is_django(type(lookup).__module__):
        return None
    sent = lookup.rhs
    if is_custom(type(field), "get_db_prep_value"):
        sent = field.get_db_prep_value(sent, found.connection, prepared=True)
    if not isinstance(sent, str):
        # A field of numbers or the like: Django's own conversion, which the database repeats.
        return "exact" if not custom(type(field), FIELD_METHODS) else None
    return "exact" if sent == username else "lower" if sent == username.lower() else None


def natural_key_of(model):
    """How the default manager finds an account by its username, learned by asking it for several usernames."""
    method = getattr(model._default_manager, "get_by_natural_key", None)
    if method is None:
        return {"path": None, "custom": False, "match": None}
    manager = type(model._default_manager)
    where = definer(manager, "get_by_natural_key")
    is_ours = is_custom(manager, "get_by_natural_key")
    return {
        "path": "%s.get_by_natural_key" % path_of(manager if where is None else where),
        "custom": is_ours,
        "match": common([match_of(model, probe) for probe in PROBES]),
    }


def common(matches):
    """What all usernames have in common: one that has no upper case is the same in lower case."""
    if None in matches:
        return None
    kinds = set(matches)
    if kinds == {"exact", "lower"}:
        return "lower"
    return kinds.pop() if len(kinds) == 1 else None


# Iterations, must_update and harden_runtime do not change which password a stored hash is of.
HASHER_METHODS = ("encode", "decode", "_decode", "verify", "_load_library", "digest", "library")


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
                and not custom(cls, HASHER_METHODS),
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


# A router may choose a replica by chance: this many calls see nearly all of its choices.
ROUTER_CALLS = 32


def aliases_of(model):
    """The databases that a model is read from."""
    return sorted({router.db_for_read(model) for _ in range(ROUTER_CALLS)})


def database_of(model, others):
    # Where accounts are written they are never out of date.
    write_alias = router.db_for_write(model)
    alias = os.environ.get("DJAUTHD_DATABASE") or write_alias
    if alias not in connections:
        known = ", ".join(sorted(settings.DATABASES))
        raise ImproperlyConfigured('no database "%s" in DATABASES, which has %s' % (alias, known))
    connection = connections[alias]
    options = connection.settings_dict.get("OPTIONS") or {}
    prefixes = ("PG", "MYSQL_")
    read = aliases_of(model)
    try:
        user = getpass.getuser()
    except Exception:
        user = ""
    return {
        "alias": alias,
        "write_alias": write_alias,
        "read_aliases": read,
        "routers": [each if isinstance(each, str) else path_of(type(each)) for each in settings.DATABASE_ROUTERS],
        "elsewhere": sorted(
            {path_of(other) for other in others if aliases_of(other) != read or router.db_for_write(other) != write_alias}
        ),
        "vendor": connection.vendor,
        "engine": connection.settings_dict.get("ENGINE", ""),
        "parameters": parameters_of(connection),
        "role": plain(options.get("assume_role")) or None,
        "directory": os.getcwd(),
        "user": user,
        "home": os.path.expanduser("~"),
        "environment": {name: value for name, value in os.environ.items() if name.startswith(prefixes)},
    }


def overridden_of(user):
    """The methods of the user model that a verdict depends on and that custom code defines."""
    found = custom(user, ("check_password", "has_perm"))
    functions = {"check_password": (base_user, "check_password"), "has_perm": (auth_models, "_user_has_perm")}
    for method, (module, name) in functions.items():
        function = getattr(module, name, None)
        if method not in found and not is_django(getattr(function, "__globals__", {}).get("__name__", "django")):
            found.append(method)
    return found


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
    names = []
    try:
        from django.contrib.auth.models import Group, Permission
        from django.contrib.contenttypes.models import ContentType
    except Exception:
        pass
    else:
        names = [(Group, "name"), (Permission, "codename"), (ContentType, "app_label")]
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
        "overridden": overridden_of(user),
        "loading": loading_of(user),
        "named": {
            "%s.%s" % (model.__name__, name): code
            for model, name in names
            for code in [custom_code_of(model, model._meta.get_field(name)) + loading_of(model)]
            if code
        },
        "managers": managers_of(user),
        "natural_key": natural_key_of(user),
        "hashers": hashers_of(),
        "bcrypt": bcrypt_major(),
        "backends": backends_of(),
        # Packages, whatever label a site gives them.
        "apps": sorted({config.name for config in apps.get_app_configs()}),
        "database": database_of(user, others if rights else []),
    }


json.dump(introspection(), OUTPUT)
OUTPUT.close()
