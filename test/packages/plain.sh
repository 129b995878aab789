#!/bin/sh
# Follows docs/without-systemd.md in a root in which systemd does not run, with runit. Run by packages.sh; prints TAP; exits 1 if a
# test fails.
#   now/           the packages
#   recipe/        N.sh, the commands of each section
suite=$1
failed=0

# What the test before printed is in /tmp/before.
ok() {
    name=$1
    shift
    mv /tmp/output /tmp/before 2>/dev/null || :
    if "$@" >/tmp/output 2>&1; then
        echo "ok - $suite: $name"
    else
        echo "not ok - $suite: $name"
        { cat /tmp/output; tail -n 5 /var/log/djauthd/current; } 2>&1 | sed 's/^/#   /' | tail -n 40
        failed=$((failed + 1))
    fi
}
is() { [ "$1" = "$2" ] || { echo "found:    $1"; echo "expected: $2"; return 1; }; }
status() { curl -s -o /dev/null -w '%{http_code}' "$@" http://127.0.0.1/private/; }
answers() { is "$(status) $(status -u alice:wrong) $(status -u 'alice:correct horse')" '401 401 200'; }
# until COMMAND...: within ten seconds
until_() { for try in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; "$@"; }
daemon() { cat /etc/service/djauthd/supervise/pid; }

ok 'systemd does not run' sh -c '! test -d /run/systemd/system && ! pgrep systemd'
ok 'the packages' apt-get -qq -y install ./now/*.deb

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
printf '[sites.mysite]\ndatabase = "sqlite:///srv/mysite/db.sqlite3"\n' >/etc/djauthd/sites.d/mysite.toml
echo private >/var/www/html/private/index.html
cat >/etc/apache2/conf-available/private.conf <<'CONF'
<Location /private>
    AuthType Basic
    AuthName private
    AuthBasicProvider django
    Require valid-user
</Location>
CONF

ok 'user and configuration' sh -eux recipe/1.sh
ok 'the supervisor'"'"'s files' sh -eux recipe/2.sh
runsvdir -P /etc/service & # what runit's own init does
ok 'runit starts it' until_ sv check djauthd
ok 'every day: start, reload, restart, log' sh -eux recipe/3.sh
ok 'the last line of the log is one of JSON' sh -c 'tail -n 1 /tmp/before | grep -q "{.*}"'
ok 'Apache' sh -c 'a2enmod -q authnz_django && a2enconf -q private && apache2ctl start'
until_ sh -c 'curl -s http://127.0.0.1/ -o /dev/null'
ok '401 without a password and with a wrong one, 200 with the right one' answers

ok 'user and groups of the daemon' sh -c 'is() { [ "$1" = "$2" ]; }
    stat -c "%U %G" "/proc/$1" && grep ^Groups: "/proc/$1/status" &&
    is "$(awk "/^Uid:/ { print \$2 }" "/proc/$1/status")" "$(id -u djauthd)" && grep -q "^Groups:.*\b$(getent group www-data | cut -d: -f3)\b" "/proc/$1/status"' sh "$(daemon)"
ok 'sockets' is "$(stat -c '%n %U %G %a' /run/djauthd /run/djauthd/auth.sock /run/djauthd/control.sock)" "$(printf '%s\n' \
    '/run/djauthd djauthd djauthd 755' '/run/djauthd/auth.sock djauthd www-data 660' '/run/djauthd/control.sock djauthd djauthd 600')"
ok 'limits' sh -c 'grep -q "^Max open files  *20000 " "/proc/$1/limits" && grep -Eq "^Max core file size  *[01] " "/proc/$1/limits"' sh "$(daemon)"
ok 'the log is the daemon'"'"'s, and its group may read it' is "$(stat -c '%U %G %a' /var/log/djauthd)" 'djauthd adm 750'
ok 'the log has the verdicts, and no password' sh -c 'grep -q "\"reason\":\"wrong-password\"" /var/log/djauthd/current && ! grep -rq "correct horse" /var/log/djauthd'

ok 'reload: another site' sh -c 'sed "s/mysite\]/other]/" /etc/djauthd/sites.d/mysite.toml >/etc/djauthd/sites.d/other.toml &&
    chgrp djauthd /etc/djauthd/sites.d/other.toml && djauthd reload && djauthd stats | grep -q "^other"'
ok 'reload: a mistake is told, and the old configuration stays' sh -c 'echo "database = 7" >>/etc/djauthd/sites.d/other.toml
    ! djauthd reload && rm /etc/djauthd/sites.d/other.toml'
ok 'it says which' grep -q other.toml /tmp/before
ok 'sv reload' sh -c 'sv reload djauthd && sleep 1 && ! djauthd stats | grep -q "^other"'
ok 'the answers' answers

before=$(daemon)
kill -9 "$before"
ok 'kill -9: it is there again' until_ sh -c 'djauth ping --quiet && [ "$(cat /etc/service/djauthd/supervise/pid)" != "$1" ]' sh "$before"
ok 'kill -9: the answers' answers

# A boot: /run is empty.
ok 'stop' sv -w 30 stop djauthd
ok 'without the daemon: a fault, not a denial' is "$(status -u 'alice:correct horse')" 503
rm -rf /run/djauthd
ok 'start after a boot' sv -w 30 start djauthd
ok 'the directory is there again' is "$(stat -c '%U %a' /run/djauthd)" 'djauthd 755'
ok 'after a boot: the answers' answers
sv -w 30 stop djauthd >/dev/null

echo "# $suite: $failed failed"
[ "$failed" -eq 0 ]
