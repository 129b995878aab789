# djauth-hook.sh: what the hooks share. They source it; it does nothing by itself.
#
# A rules file says which Django permission an action requires, one rule per line:
#
#     # action   permission         path (the rest of the line; it may contain blanks)
#     commit     svn.change_trunk   /
#     commit     svn.release        /tags
#
# For each path the rule of the longest directory above it applies; without a rule, access is denied. Two lines are
# settings, not rules:
#
#     site    mysite.settings       the Django site, if djauthd has several
#     socket  /run/djauthd/auth.sock
#
# Subversion and Apache start hooks with an empty environment, so djauth is looked up where it is installed with them: in
# PREFIX/bin for PREFIX/share/djauthd/hooks. The locale determines how svnlook prints a path.
PATH=$(dirname "$(readlink -f "$0")")/../../../../bin:${PATH:-/usr/local/bin:/usr/bin:/bin}
LC_ALL=C.UTF-8
export PATH LC_ALL
tab=$(printf '\t')

# plain TEXT: a name that a user has chosen, without control characters, for a message.
plain() {
    printf '%s' "$1" | tr -d '\000-\037\177'
}

# deny SENTENCE: ends the hook. The user reads the sentence.
deny() {
    printf '%s\n' "$1" >&2
    exit 1
}

# fault REASON: ends the hook, as the permission could not be checked. That is not a denial, but nothing is allowed either.
# The reason is for the log, not for the user.
fault() {
    logger -t djauth-hook -p auth.err -- "${0##*/}: $1" 2>/dev/null
    deny "Your permission could not be checked, so nothing was changed. This is not your fault: please try again in a few \
minutes, and tell your administrator if the problem persists."
}

# setting NAME: prints the value of a setting; nothing if it is not set.
setting() {
    LC_ALL=C awk -v name="$1" '$1 == name { sub(/^[ \t]*[^ \t]+[ \t]*/, ""); sub(/[ \t\r]+$/, ""); print; exit }' "$rules"
}

# use_rules FILE: loads the rules. Fails with the reason in $reason if the file is unreadable or invalid.
use_rules() {
    rules=$1
    if ! [ -f "$rules" ] || ! [ -r "$rules" ]; then
        reason="cannot read $rules"
        return 1
    fi
    reason=$(required "" </dev/null) || {
        reason="$rules: $reason"
        return 1
    }
    site=$(setting site)
    socket=$(setting socket)
    if [ -n "$socket" ]; then
        DJAUTH_SOCKET=$socket
        export DJAUTH_SOCKET
    fi
}

# required ACTION: reads lines of a mark, a blank and a path. Prints each permission that they require, with a tab and the
# first path that requires it. Mark "T" is for a path that takes everything below it along, as removing a directory does:
# the rules for paths below it apply as well. Mark "-" is for all other paths. Prints a sentence and fails if a rule is
# invalid or no rule covers a path; in the latter case the sentence begins with "no rule".
required() {
    DJAUTH_RULES=$rules LC_ALL=C awk -v action="$1" '
        function fail(sentence) { if (!failed) print sentence; failed = 1; exit 1 }
        function is_below(path, place) { return index(path, place "/") == 1 }
        function require(place, path) {
            if (permission[place] in printed) return
            printed[permission[place]] = 1
            output = output permission[place] "\t" (path == "" ? "/" : path) "\n"
        }
        function read_rule(line, number,    word, held, place) {
            $0 = line
            if ($0 ~ /^[ \t\r]*(#|$)/ || $1 == "site" || $1 == "socket") return
            word = $1; held = $2; place = $0
            sub(/^[ \t]*[^ \t]+[ \t]+[^ \t]+[ \t]*/, "", place)
            sub(/[ \t\r]+$/, "", place)
            if (word !~ /^(commit|lock|steal|revprop|push|force|write)$/)
                fail("line " number ": unknown action \"" word "\"; accepted: commit, lock, steal, revprop, push, force, write")
            if (held !~ /^[A-Za-z_][A-Za-z0-9_]*\.[^ \t]+$/)
                fail("line " number ": invalid permission \"" held "\"; accepted: app_label.codename")
            if (place == "") fail("line " number ": missing path")
            if (word ~ /^(commit|lock|steal|write)$/ && place !~ /^\//)
                fail("line " number ": invalid path \"" place "\"; it must begin with /")
            if (word ~ /^(push|force)$/ && place !~ /^refs\//)
                fail("line " number ": invalid ref \"" place "\"; it must begin with refs/")
            if (word != "revprop") sub(/\/+$/, "", place)
            if ((word, place) in seen) fail("line " number ": duplicate rule for \"" word "\" on " place "/")
            seen[word, place] = 1
            if (word == action) permission[place] = held
        }
        BEGIN {
            file = ENVIRON["DJAUTH_RULES"]
            while ((got = (getline line < file)) > 0) read_rule(line, ++count)
            if (got < 0) fail("cannot read the file")
        }
        {
            mark = substr($0, 1, 1); path = substr($0, 3); best = ""; found = 0
            if (action != "revprop") sub(/\/+$/, "", path)
            for (place in permission) {
                if (path == place) {
                    best = place; found = 2
                } else if (action == "revprop" ? place == "*" : is_below(path, place)) {
                    if (found == 0 || (found == 1 && length(place) > length(best))) best = place
                    if (found == 0) found = 1
                } else if (mark == "T" && is_below(place, path)) {
                    require(place, path)
                }
            }
            if (!found) fail("no rule for \"" action "\" on " (path == "" ? "/" : path))
            require(best, path)
        }
        END { if (failed) exit 1; printf "%s", output }
    '
}

# permissions ACTION: prints each permission that the rules for this action name, once.
permissions() {
    LC_ALL=C awk -v action="$1" '$1 == action && !($2 in printed) { printed[$2] = 1; print $2 }' "$rules"
}

# ask USER PERMISSION...: whether the user has one of the permissions. Returns 0 for yes, 1 for no; any other status, with
# the reason in $reason, is neither.
ask() {
    user=$1
    shift
    if [ $# -eq 0 ]; then
        reason="$rules has no rule for this action"
        return 4
    fi
    for permission; do
        set -- "$@" --permission "$permission"
        shift
    done
    reason=$(djauth authorize --quiet --service "$service" --timeout "${timeout:-5000}" ${site:+--site "$site"} \
        "$@" -- "$user" 2>&1 </dev/null)
}

# require USER PERMISSION SENTENCE: ends the hook with the sentence if the user does not have the permission.
require() {
    ask "$1" "$2"
    case $? in
    0) ;;
    1) deny "$3" ;;
    *) fault "$reason" ;;
    esac
}

# require_all ACTION USER VERB LINES: the lines are as for required(). Do not use it in a pipe: it must be able to end the
# hook.
require_all() {
    list=$(printf '%s\n' "$4" | required "$1") || {
        case $list in
        "no rule"*) deny "You may not $3 this: $(plain "$list")." ;;
        *) fault "$rules: $list" ;;
        esac
    }
    [ -n "$list" ] || fault "$rules: no permission was found for \"$1\""
    asked=no
    while IFS=$tab read -r permission path; do
        asked=yes
        require "$2" "$permission" "$(plain "$2") may not $3 $(plain "$path"): this requires the permission $permission."
    done <<LINES
$list
LINES
    # Some shells keep here-documents in files. If the disk is full, they continue as if they had read it.
    [ $asked = yes ] || fault "the shell could not read the list of permissions for \"$1\""
}
