"""A program for mod_authnz_external: reads a name and a password, or a name and groups, each on a line.

external.py DATABASE password|group: exits 0 if the password is right and the account active, or if the user is in one
of the groups. It reads Django's tables, as the site's own program would.
"""

import base64
import hashlib
import hmac
import sqlite3
import sys

database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=5)
name, given = sys.stdin.readline().rstrip("\n"), sys.stdin.readline().rstrip("\n")

if sys.argv[2] == "group":
    names = database.execute(
        "SELECT auth_group.name FROM auth_group JOIN auth_user_groups ON group_id = auth_group.id"
        " JOIN auth_user ON user_id = auth_user.id WHERE username = ?",
        (name,),
    )
    sys.exit(0 if {group for (group,) in names} & set(given.split()) else 1)

row = database.execute("SELECT password FROM auth_user WHERE username = ? AND is_active", (name,)).fetchone()
if row is None:
    sys.exit(1)
_, iterations, salt, key = row[0].split("$")
made = hashlib.pbkdf2_hmac("sha256", given.encode(), salt.encode(), int(iterations))
sys.exit(0 if hmac.compare_digest(base64.b64encode(made).decode(), key) else 1)
