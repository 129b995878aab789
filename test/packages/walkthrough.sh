#!/bin/sh
# Follows docs/walkthrough.md in a booted root: runs the commands of its sections as they stand, and asks with the clients that
# people use. Run by packages.sh; prints TAP; exits 1 if a test fails.
#   now/             the packages
#   walkthrough/     N.sh, the commands of each section
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
        sed 's/^/#   /' /tmp/output | tail -n 40
        failed=$((failed + 1))
    fi
}
is() { [ "$1" = "$2" ] || { echo "found:    $1"; echo "expected: $2"; return 1; }; }
at_most() { [ "$1" -le "$2" ] || { echo "found $1, expected at most $2"; return 1; }; }
django() { runuser -u mysite -- sh -c 'cd /srv/mysite && python3 manage.py shell' <"$1"; }

# Each program of a pipeline or list counts; the lines of a here-document do not.
commands() { awk '/<<.EOF.$/ { here = 1 } !here || /<</ { count += 1 + gsub(/ && /, "") - /\|$/ + gsub(/\|/, "") } /^EOF$/ { here = 0 } END { print count }' "$1"; }

# status USER:PASSWORD PATH [OPTION...]: the status of a request, without credentials if USER is empty.
status() {
    who=$1 path=$2
    shift 2
    curl -s -o /dev/null -w '%{http_code}' ${who:+-u "$who"} "$@" "http://localhost$path"
}
svn_as() { who=$1; shift; svn --non-interactive --no-auth-cache --username "$who" --password "$password" "$@"; }

password='correct-horse'

# What the document says is there before.
ok 'a Django site and its people' sh -ec '
    useradd --system --create-home --home-dir /srv/mysite mysite
    chmod 755 /srv/mysite
    cd /srv/mysite
    runuser -u mysite -- django-admin startproject mysite .
    runuser -u mysite -- python3 manage.py migrate'
cat >people.py <<PYTHON
from django.contrib.auth.models import Group, User
for name in ["alice", "bob", "carol"]:
    User.objects.create_user(name, password="$password")
User.objects.create_user("dora", password="$password", is_active=False)
User.objects.get(username="carol").groups.add(Group.objects.create(name="Editors"))
PYTHON
ok 'its users' django people.py
mkdir -p /srv/reports /srv/svn
echo report >/srv/reports/index.html
ok 'a repository' sh -ec 'svnadmin create /srv/svn/project && chown -R www-data: /srv/svn/project'

cd now
ok 'files: at most 12 commands' at_most "$(commands /root/walkthrough/1.sh)" 12
echo "# $(commands /root/walkthrough/1.sh), $(commands /root/walkthrough/2.sh) and $(commands /root/walkthrough/3.sh) commands"
ok 'files: the commands' sh -eux /root/walkthrough/1.sh
cd /root
ok 'files: a challenge without a password' is "$(status '' /reports/)" 401
ok 'files: 200 with the password that Django set' is "$(status "alice:$password" /reports/)" 200
ok 'files: what is shown' is "$(curl -s -u "alice:$password" http://localhost/reports/)" report
ok 'files: a wrong password' is "$(status alice:wrong /reports/)" 401
ok 'files: a deactivated account' is "$(status "dora:$password" /reports/)" 401
ok 'files: the log says why' sh -c 'journalctl -u djauthd --no-pager -o cat | grep -q "\"reason\":\"inactive\""'

ok 'Subversion: at most 5 commands' at_most "$(commands /root/walkthrough/2.sh)" 5
ok 'Subversion: the commands' sh -eux /root/walkthrough/2.sh
cat >committers.py <<'PYTHON'
from django.contrib.auth.models import Group, Permission, User
committers = Group.objects.create(name="Committers")
committers.permissions.add(Permission.objects.get(content_type__app_label="svn", codename="commit"))
User.objects.get(username="bob").groups.add(committers)
PYTHON
ok 'Subversion: bob gets the permission in Django' django committers.py
sleep 2
url=http://localhost/svn/project
ok 'Subversion: alice may read' svn_as alice ls $url
ok 'Subversion: alice may not commit' sh -c '! "$@"' sh svn --non-interactive --no-auth-cache --username alice --password "$password" mkdir -m trunk $url/trunk
ok 'Subversion: and is told so' grep -q -i forbidden /tmp/before
ok 'Subversion: bob may' svn_as bob mkdir -m trunk $url/trunk
ok 'Subversion: a checkout and a commit' sh -ec '
    svn="svn --non-interactive --no-auth-cache --username bob"
    $svn --password "$1" checkout "$2/trunk" work && cd work && echo line >file && svn add file && $svn --password "$1" commit -m message' sh "$password" $url
ok 'Subversion: the author is bob' is "$(svnlook author /srv/svn/project)" bob
ok 'Subversion: nobody without a password' is "$(status '' /svn/project/)" 401
echo 'from django.contrib.auth.models import User; User.objects.get(username="bob").groups.clear()' >leave.py
ok 'Subversion: bob leaves the group' django leave.py
sleep 2
ok 'Subversion: and may no longer commit' sh -c '! "$@"' sh svn --non-interactive --no-auth-cache --username bob --password "$password" mkdir -m tags $url/tags

ok 'WebDAV: at most 5 commands' at_most "$(commands /root/walkthrough/3.sh)" 5
ok 'WebDAV: the commands' sh -eux /root/walkthrough/3.sh
echo text >text
ok 'WebDAV: carol is in the group, with curl' is "$(status "carol:$password" /share/curl.txt -T text)" 201
printf 'machine localhost\nlogin carol\npassword %s\n' "$password" >.netrc
chmod 600 .netrc
ok 'WebDAV: and with cadaver' sh -c 'printf "put text cadaver.txt\nls\nquit\n" | cadaver http://localhost/share/ && grep -qx text /srv/share/cadaver.txt'
ok 'WebDAV: alice is not' is "$(status "alice:$password" /share/ -X PROPFIND) $(status "alice:$password" /share/a.txt -T text)" '401 401'
ok 'WebDAV: nothing of hers is there' is "$(ls /srv/share)" "$(printf 'cadaver.txt\ncurl.txt')"

ok 'the figures' sh -eux /root/walkthrough/4.sh
ok 'a fault is not a denial' sh -c 'systemctl stop djauthd.socket djauthd-control.socket djauthd.service && [ "$(curl -s -o /dev/null -w "%{http_code}" -u "alice:x" http://localhost/reports/)" = 503 ]'

echo "# $suite: $failed failed"
[ "$failed" -eq 0 ]
