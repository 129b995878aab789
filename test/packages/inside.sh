#!/bin/sh
# Tries the packages as an administrator would, in a booted root. Run by packages.sh; prints TAP; exits 1 if a test fails.
#   now/ and before/     the packages, and those of the version before
#   nodes/               other versions of Node.js
suite=$1
failed=0
apt='apt-get -qq -y -o Dpkg::Options::=--force-confold'

ok() {
    name=$1
    shift
    if "$@" >/tmp/output 2>&1; then
        echo "ok - $suite: $name"
    else
        echo "not ok - $suite: $name"
        sed 's/^/#   /' /tmp/output | tail -n 40
        failed=$((failed + 1))
    fi
}
is() { [ "$1" = "$2" ] || { echo "found:    $1"; echo "expected: $2"; return 1; }; }
status_of() { curl -s -o /dev/null -w '%{http_code}' "$@" http://127.0.0.1/private/; }
answers() {
    is "$(status_of)" 401 && is "$(status_of -u 'alice:wrong')" 401 && is "$(status_of -u 'alice:correct horse')" 200
}
ours() { find / -xdev \( -path /proc -o -path /sys -o -path /root -o -path /tmp -o -path /var/cache/apt -o -path /var/lib/apt \) -prune -o \
    \( -name '*djauth*' -o -name '*authnz?django*' \) -print | sort; }
state() { for unit in djauthd.service djauthd.socket djauthd-control.socket djauth-svn-groups.timer; do
    echo "$unit $(systemctl is-enabled $unit 2>/dev/null) $(systemctl is-active $unit)"; done; }
main_pid() { systemctl show -p MainPID --value djauthd; }
all_active() { state | grep -v svn-groups | grep -vc ' enabled active$' | grep -qx 0 || { state; journalctl -u djauthd --no-pager | tail; return 1; }; }

ours >before.list

# A first installation.
ok 'apt installs the version before' $apt install /root/before/*.deb
ok 'nothing is enabled, nothing runs' is "$(state | awk '{print $2 " " $3}' | sort -u)" 'disabled inactive'
ok 'the module is not enabled' sh -c '! a2query -m authnz_django'
ok 'dpkg --verify finds nothing changed' is "$(dpkg -V djauthd djauth libdjauth0 libdjauth-dev libapache2-mod-authnz-django)" ''
ok 'the configuration is root'"'"'s, and the daemon may read it' is "$(stat -c '%U %G %a' /etc/djauthd/djauthd.toml)" 'root djauthd 640'
ok 'djauthd starts with a Node.js that is new enough' sh -c 'djauthd --version; djauthd --help | grep -q doctor'
ok 'manual pages' sh -c 'ls /usr/share/man/man1/djauth.1.gz /usr/share/man/man5/djauthd.toml.5.gz /usr/share/man/man8/djauthd.8.gz || dpkg -L djauthd djauth | grep /man/'
ok 'man -k djauth finds them, by dpkg'"'"'s trigger' sh -c 'for page in "djauth (1)" "djauthd (8)" "djauthd.toml (5)"; do man -k djauth | grep -F "$page" || exit 1; done'

# A site, and a page.
mkdir -p /srv/mysite /var/www/html/private
python3 - <<'PYTHON'
import base64, hashlib, sqlite3
site = sqlite3.connect("/srv/mysite/db.sqlite3")
site.executescript(open("/root/auth.sql").read())
key = base64.b64encode(hashlib.pbkdf2_hmac("sha256", b"correct horse", b"salt", 20000)).decode()
site.execute("INSERT INTO auth_user (username, password, is_active, is_staff, is_superuser, first_name, last_name, email, date_joined) "
             "VALUES ('alice', ?, 1, 1, 0, '', '', '', '2020-01-01')", [f"pbkdf2_sha256$20000$salt${key}"])
site.commit()
PYTHON
chgrp djauthd /srv/mysite/db.sqlite3 && chmod 640 /srv/mysite/db.sqlite3
cat >/etc/djauthd/sites.d/mysite.toml <<'TOML'
[sites.mysite]
database = "sqlite:///srv/mysite/db.sqlite3"
TOML
echo '# mine' >>/etc/djauthd/djauthd.toml
echo private >/var/www/html/private/index.html
cat >/etc/apache2/conf-available/private.conf <<'CONF'
<Location /private>
    AuthType Basic
    AuthName private
    AuthBasicProvider django
    Require valid-user
</Location>
CONF
ok 'systemd-tmpfiles gives the site'"'"'s file to the daemon' sh -c 'systemd-tmpfiles --create djauthd.conf; stat -c "%U %G %a" /etc/djauthd/sites.d/mysite.toml | grep -qx "root djauthd 640"'
ok 'doctor' djauthd doctor
for node in /root/nodes/*; do
    ok "doctor with $($node --version): SQLite is read" env NODE="$node" djauthd doctor
done
ok 'systemctl enable --now' systemctl enable --now djauthd-control.socket djauthd.socket djauthd.service
ok 'the units run' all_active
ok 'the sandbox of the unit and its Node.js' sh -c 'readlink /proc/'"$(main_pid)"'/exe; systemctl show -p NRestarts --value djauthd | grep -qx 0'
echo "# the daemon runs with $(readlink "/proc/$(main_pid)/exe")"
ok 'a2enmod authnz_django' sh -c 'a2enmod authnz_django && a2enconf private && systemctl restart apache2'
ok '401 without a password and with a wrong one, 200 with the right one' answers
ok 'djauth' sh -c 'printf "correct horse" | djauth check alice && djauthd stats'
epoch() { od -An -t u8 /run/djauthd/auth.sock.epoch; }
ok 'the epoch file belongs to whom the socket belongs to' is "$(stat -c '%U %G %a %s' /run/djauthd/auth.sock.epoch)" 'djauthd www-data 440 8'
first=$(epoch)
ok 'the daemon can write it' [ "$first" -gt 0 ]
ok 'a flush raises it' sh -c "djauthd flush && [ \$(od -An -t u8 /run/djauthd/auth.sock.epoch) -gt $first ]"
ok 'the daemon can write nothing else there' sh -c 'runuser -u djauthd -- sh -c "! touch /run/djauthd/other"'
ok 'and has nothing to say about it' sh -c '! journalctl -u djauthd --no-pager | grep epoch'

# An upgrade while users come.
cp /usr/bin/djauth /root/djauth
python3 load.py >load.json & load=$!
sleep 2
pid=$(main_pid) apache=$(systemctl show -p MainPID --value apache2)
ok 'apt upgrades' $apt install /root/now/*.deb
sleep 3
ok 'all of it is the new version' sh -c "dpkg-query -W djauthd djauth 'libdjauth*' 'libapache2-mod-authnz*' | grep -v -c '0\.1\.0' | grep -qx 0"
ok 'the daemon was restarted' sh -c "[ $(main_pid) != $pid ] && [ $(main_pid) -gt 0 ]"
ok 'Apache was not' is "$(systemctl show -p MainPID --value apache2)" "$apache"
ok 'a reload of Apache takes the new module' systemctl reload apache2
sleep 2
kill -TERM $load; wait $load
echo "# answers during the upgrade and the reload: $(cat load.json)"
ok 'no request was lost' sh -c 'python3 -c "import json; seen = json.load(open(\"load.json\")); assert set(seen) == {\"page 200\", \"djauth 0\"} and min(seen.values()) > 20, seen"'
ok 'an edited configuration is kept' sh -c 'grep -qx "# mine" /etc/djauthd/djauthd.toml && grep -qx "# before" /etc/djauthd/djauthd.toml'
ok 'one that was not edited is the new one' sh -c '! grep -q before /etc/apache2/mods-available/authnz_django.conf'
ok 'what is gone since is removed' test ! -e /usr/lib/djauthd/gone.js
ok 'the mode of the configuration' is "$(stat -c '%U %G %a' /etc/djauthd/djauthd.toml)" 'root djauthd 640'
ok 'dpkg --verify finds only the edited configuration' is "$(dpkg -V djauthd djauth libdjauth0 libdjauth-dev libapache2-mod-authnz-django | awk '{print $NF}')" /etc/djauthd/djauthd.toml
ok '401 and 200' answers
ok 'the units run' all_active

# Back.
ok 'apt downgrades' $apt install --allow-downgrades /root/before/*.deb
sleep 2
ok 'the version before answers' answers
ok 'what the version before had is there again' test -e /usr/lib/djauthd/gone.js
ok 'apt upgrades again' $apt install /root/now/*.deb
ok 'reinstall' $apt install --reinstall /root/now/*.deb
sleep 2
ok '401 and 200 again' answers

# Away.
names=$(for deb in /root/now/*.deb; do dpkg-deb -f "$deb" Package; done)
a2disconf -q private
ok 'apt removes' $apt remove $names
ok 'nothing runs' is "$(state | awk '{print $NF}' | sort -u)" inactive
ok 'Apache answers without the module' is "$(status_of)" 200
ok 'the configuration is kept' sh -c 'grep -qx "# mine" /etc/djauthd/djauthd.toml && test -e /etc/djauthd/sites.d/mysite.toml'
ok 'no process of the daemon is left' sh -c '! pgrep -u djauthd'
rm /etc/djauthd/sites.d/mysite.toml # the administrator's own
ok 'apt purges' $apt purge $(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' '*djauth*' '*authnz-django*' | awk '$1 == "rc" { print $2 }')
ours >after.list
ok 'nothing is left' is "$(diff before.list after.list | grep '^>')" ''
ok 'no unit is left' sh -c '! systemctl list-unit-files | grep djauth'

echo "# $suite: $failed failed"
[ "$failed" -eq 0 ]
