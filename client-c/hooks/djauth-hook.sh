# djauth-hook.sh: what the hooks have in common. Read by them, not run.
#
# A rules file says which Django permission is needed for what, one rule a line:
#
#     # action   permission         where (the rest of the line: it may have blanks in it)
#     commit     svn.change_trunk   /
#     commit     svn.release        /tags
#
# The rule for the longest directory above a path decides; where no rule fits, the answer is no. Two lines are no rules:
#
#     site    mysite.settings       the Django site, where djauthd serves several
#     socket  /run/djauthd/auth.sock
#
# Subversion and Apache start hooks with an empty environment: djauth is looked for where it was installed with them, in
# PREFIX/bin for PREFIX/share/djauthd/hooks. The locale decides how svnlook spells a path.
PATH=$(dirname "$(readlink -f "$0")")/../../../../bin:${PATH:-/usr/local/bin:/usr/bin:/bin}
LC_ALL=C.UTF-8
export PATH LC_ALL
tab=$(printf '\t')

# A name that a stranger has chosen, for a message.
plain() {
    printf '%s' "$1" | tr -d '\000-\037\177'
}

# refuse SENTENCE: what the person at the keyboard reads.
refuse() {
    printf '%s\n' "$1" >&2
    exit 1
}

# unsure WHY: nobody could tell whether the person may. That is no refusal of theirs, but nothing is let in either; the
# details are for the log, not for them.
unsure() {
    logger -t djauth-hook -p auth.err -- "${0##*/}: $1" 2>/dev/null
    refuse "It could not be checked whether you may do this, so nothing has been changed. This is not your mistake: \
please try again in a few minutes, and tell your administrator if it stays like this."
}

# setting NAME: the value of a line that is no rule; nothing where there is none.
setting() {
    LC_ALL=C awk -v name="$1" '$1 == name { sub(/^[ \t]*[^ \t]+[ \t]*/, ""); sub(/[ \t\r]+$/, ""); print; exit }' "$rules"
}

# use_rules FILE: from here on these are the rules. Fails, with the reason in $trouble, where they cannot be read or make
# no sense.
use_rules() {
    rules=$1
    if ! [ -f "$rules" ] || ! [ -r "$rules" ]; then
        trouble="$rules cannot be read"
        return 1
    fi
    trouble=$(needed "" </dev/null) || {
        trouble="$rules: $trouble"
        return 1
    }
    site=$(setting site)
    socket=$(setting socket)
    if [ -n "$socket" ]; then
        DJAUTH_SOCKET=$socket
        export DJAUTH_SOCKET
    fi
}

# needed ACTION: reads lines of a mark and a path, and prints each permission that they need, with the first path that
# needs it behind a tab. The mark "T" is for a path that takes all below it along, as removing a directory does: the
# rules for places below it count too. "-" is for all other paths. Fails, with a sentence, where a rule makes no sense
# or a path has none.
needed() {
    DJAUTH_RULES=$rules LC_ALL=C awk -v action="$1" '
        function wrong(sentence) { if (!failed) print sentence; failed = 1; exit 1 }
        function below(path, place) { return index(path, place "/") == 1 }
        function need(place, path) {
            if (permission[place] in told) return
            told[permission[place]] = 1
            output = output permission[place] "\t" (path == "" ? "/" : path) "\n"
        }
        function rule(line, number,    word, held, place) {
            $0 = line
            if ($0 ~ /^[ \t\r]*(#|$)/ || $1 == "site" || $1 == "socket") return
            word = $1; held = $2; place = $0
            sub(/^[ \t]*[^ \t]+[ \t]+[^ \t]+[ \t]*/, "", place)
            sub(/[ \t\r]+$/, "", place)
            if (word !~ /^(commit|lock|steal|revprop|push|force|write)$/) wrong("line " number ": no such action: " word)
            if (held !~ /^[A-Za-z_][A-Za-z0-9_]*\.[^ \t]+$/) wrong("line " number ": no permission like app.codename: " held)
            if (place == "") wrong("line " number ": the rule does not say where it is for")
            if (word ~ /^(commit|lock|steal|write)$/ && place !~ /^\//) wrong("line " number ": a path begins with /: " place)
            if (word ~ /^(push|force)$/ && place !~ /^refs\//) wrong("line " number ": a ref begins with refs/: " place)
            if (word != "revprop") sub(/\/+$/, "", place)
            if ((word, place) in seen) wrong("line " number ": a second rule of \"" word "\" for " place "/")
            seen[word, place] = 1
            if (word == action) permission[place] = held
        }
        BEGIN {
            file = ENVIRON["DJAUTH_RULES"]
            while ((got = (getline line < file)) > 0) rule(line, ++count)
            if (got < 0) wrong("it cannot be read")
        }
        {
            mark = substr($0, 1, 1); path = substr($0, 3); best = ""; found = 0
            if (action != "revprop") sub(/\/+$/, "", path)
            for (place in permission) {
                if (path == place) {
                    best = place; found = 2
                } else if (action == "revprop" ? place == "*" : below(path, place)) {
                    if (found == 0 || (found == 1 && length(place) > length(best))) best = place
                    if (found == 0) found = 1
                } else if (mark == "T" && below(place, path)) {
                    need(place, path)
                }
            }
            if (!found) wrong("no rule of \"" action "\" is for " (path == "" ? "/" : path))
            need(best, path)
        }
        END { if (failed) exit 1; printf "%s", output }
    '
}

# permissions ACTION: all that rules of this action name, each once.
permissions() {
    LC_ALL=C awk -v action="$1" '$1 == action && !($2 in told) { told[$2] = 1; print $2 }' "$rules"
}

# ask USER PERMISSION...: has USER one of these? 0 yes, 1 no; all else, with the reason in $trouble, is neither.
ask() {
    user=$1
    shift
    if [ $# -eq 0 ]; then
        trouble="$rules names no permission for this"
        return 4
    fi
    for permission; do
        set -- "$@" --permission "$permission"
        shift
    done
    trouble=$(djauth authorize --quiet --service "$service" --timeout "${timeout:-5000}" ${site:+--site "$site"} \
        "$@" -- "$user" 2>&1 </dev/null)
}

# require USER PERMISSION SENTENCE: the sentence is what somebody without it is told.
require() {
    ask "$1" "$2"
    case $? in
    0) ;;
    1) refuse "$3" ;;
    *) unsure "$trouble" ;;
    esac
}

# require_all ACTION USER VERB LINES: LINES as for needed(). Not to be used in a pipe: what refuses must end the hook.
require_all() {
    wanted=$(printf '%s\n' "$4" | needed "$1") || {
        case $wanted in
        "no rule"*) refuse "You may not $3 this: $(plain "$wanted")." ;;
        *) unsure "$rules: $wanted" ;;
        esac
    }
    [ -n "$wanted" ] || unsure "$rules: nothing was asked of \"$1\""
    asked=no
    while IFS=$tab read -r permission path; do
        asked=yes
        require "$2" "$permission" "$(plain "$2") may not $3 $(plain "$path"): that needs the permission $permission."
    done <<LINES
$wanted
LINES
    # Some shells keep here-documents in files: where there is no room for one, they go on as if it had been read.
    [ $asked = yes ] || unsure "the shell could not read the permissions that \"$1\" needs"
}
