"""A FastCGI application for httpd's mod_authnz_fcgi that asks Django's own check, and nothing else.

fcgi_authorizer.py PROCESSES ITERATIONS DATABASE: prints its port on 127.0.0.1 as JSON and serves until standard input
ends. DATABASE is a setting of Django's DATABASES, as JSON. As authenticator it answers what WSGIAuthUserScript would;
as authorizer whether the user is in the group Developers. One process answers one request at a time, as a site with one
worker for each core would. Debian has no FastCGI library for Python 3 (flup is gone), and a responder for one kind of
request is short: the protocol is in the FastCGI Specification, sections 3 to 5.
"""

import ctypes
import json
import os
import signal
import socket
import struct
import sys

import django
from django.conf import settings

processes, iterations = int(sys.argv[1]), int(sys.argv[2])
# A connection is kept, as on a site that cares.
database = {**json.loads(sys.argv[3]), "CONN_MAX_AGE": None}
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": database},
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import hashers  # noqa: E402  Django must be set up first
from django.contrib.auth.handlers.modwsgi import check_password, groups_for_user  # noqa: E402

# As the hashes in the database are: a hash of other iterations would be written anew on each login.
hashers.PBKDF2PasswordHasher.iterations = iterations

GROUP = b"Developers"
PR_SET_PDEATHSIG = 1
END_REQUEST, PARAMS, STDOUT = 3, 4, 6
HEAD = struct.Struct("!BBHHBx")


def read(connection, size):
    octets = b""
    while len(octets) < size:
        more = connection.recv(size - len(octets))
        if not more:
            raise EOFError
        octets += more
    return octets


def length(octets, at):
    """A length of one octet, or of four if its highest bit is set."""
    if octets[at] < 128:
        return octets[at], at + 1
    return struct.unpack_from("!I", octets, at)[0] & 0x7FFFFFFF, at + 4


def pairs(octets):
    found, at = {}, 0
    while at < len(octets):
        name, at = length(octets, at)
        value, at = length(octets, at)
        found[octets[at : at + name].decode()] = octets[at + name : at + name + value].decode()
        at += name + value
    return found


def receive(connection):
    """The number and the parameters of one request: all records up to an empty one of type PARAMS."""
    parameters = b""
    while True:
        _, kind, number, size, padding = HEAD.unpack(read(connection, HEAD.size))
        content = read(connection, size)
        read(connection, padding)
        if kind == PARAMS and size == 0:
            return number, pairs(parameters)
        if kind == PARAMS:
            parameters += content


def granted(environ):
    username = environ.get("REMOTE_USER", "")
    if environ.get("FCGI_APACHE_ROLE") == "AUTHORIZER":
        return GROUP in groups_for_user(environ, username)
    return check_password(environ, username, environ.get("REMOTE_PASSWD", ""))


def answer(connection):
    number, environ = receive(connection)
    status = b"Status: 200 OK\r\n\r\n" if granted(environ) else b"Status: 401 Unauthorized\r\n\r\n"
    records = ((STDOUT, status), (STDOUT, b""), (END_REQUEST, bytes(8)))
    connection.sendall(b"".join(HEAD.pack(1, kind, number, len(body), 0) + body for kind, body in records))


def serve(listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                answer(connection)
            except (EOFError, ConnectionError):
                pass  # the client has gone


listener = socket.create_server(("127.0.0.1", 0), backlog=256)
children = []
for _ in range(processes):
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        serve(listener)
    children.append(child)
print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
try:
    sys.stdin.read()
finally:
    for child in children:
        os.kill(child, signal.SIGKILL)
