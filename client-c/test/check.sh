#!/bin/sh
# Runs the C tests and prints one TAP stream.   check.sh TEST-DIRECTORY BUILD-DIRECTORY
set -u
tests=$1
build=$2
points=0
failures=0

# run NAME COMMAND...: renumbers the points that a test prints. A failed exit or a missing plan is one more failed point.
run() {
    name=$1
    shift
    echo "# $name"
    output=$tests/$name.tap
    "$@" >"$output" 2>"$output.err"
    status=$?
    while IFS= read -r line; do
        case $line in
        'ok '* | 'not ok '*)
            points=$((points + 1))
            case $line in not*) failures=$((failures + 1)) ;; esac
            printf '%s\n' "${line%%ok *}ok $points - $name: ${line#* - }"
            ;;
        '# '*) printf '%s\n' "$line" ;;
        esac
    done <"$output"
    if [ $status -ne 0 ] || ! grep -q '^1\.\.' "$output"; then
        points=$((points + 1))
        failures=$((failures + 1))
        echo "not ok $points - $name: exit $status"
        sed 's/^/# /' "$output.err"
    fi
}

# fuzz WHAT PROGRAM ARGUMENTS...: one point
fuzz() {
    what=$1
    log=$2.log
    shift
    "$@" -timeout=5 -print_final_stats=1 2>"$log"
    status=$?
    runs=$(sed -n 's/.*number_of_executed_units: //p' "$log")
    if [ $status -eq 0 ] && [ "${runs:-0}" -gt 1000 ]; then
        echo "ok 1 - $runs generated $what without a failure"
    else
        echo "not ok 1 - fuzzing: exit $status, ${runs:-0} runs, see $log"
    fi
    echo 1..1
    return $status
}

export ASAN_OPTIONS=abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
run lib-alone sh test/lib_alone.sh "$tests"
run vectors "$tests/test_vectors"
run connection "$tests/test_connection"
run threads "$tests/test_threads"
run pool "$tests/test_pool"
run leases-tsan "$tests/test_leases_tsan"
run leases-asan "$tests/test_leases_asan"
run epoch "$tests/test_epoch"
run lease-parts "$tests/test_lease_parts"
run cli node test/test_cli.mjs "$tests/djauth" "$build/libdjauth.so"
run reply-fuzz fuzz replies "$tests/reply_fuzz" -max_len=65536 -max_total_time=10 "$tests/corpus"
run text-fuzz fuzz texts "$tests/text_fuzz" -max_len=200 -max_total_time=5
run groups-fuzz fuzz lists "$tests/groups_fuzz" -max_len=4096 -dict=fuzz/groups.dict -max_total_time=10 "$tests/groups-corpus" "$tests/corpus"
echo "1..$points"
[ $failures -eq 0 ]
