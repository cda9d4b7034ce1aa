#!/bin/sh
# tap-wrap.sh COMMAND...: runs one test within SG_TEST_TIMEOUT seconds (300) and prints one clean
# TAP stream: several plans become one, a test without TAP becomes one line made of its exit code
# (0 passed, 77 skipped), and an exit code that contradicts the lines is a failure of its own.
# It must never turn a failure into a success.
set -u
out=$(mktemp "${TMPDIR:-/tmp}/stsgate-test.XXXXXX") || exit 99
trap 'rm -f "$out"' EXIT
limit=${SG_TEST_TIMEOUT:-300}

timeout -k 10 "$limit" "$@" >"$out" 2>&1 </dev/null
code=$?

# Nothing that a program says may hold a whole token or a private key.
leaked=$(grep -cE 'eyJ[A-Za-z0-9_-]{20,}[.][A-Za-z0-9_-]{20,}[.][A-Za-z0-9_-]{20,}|BEGIN ([A-Z]+ )?PRIVATE KEY' "$out")

for name; do :; done
case $code in
124 | 137) note="ran longer than $limit s, or was killed" ;;
*) note="exited with $code" ;;
esac

awk -v code="$code" -v leaked="$leaked" -v note="$note" -v name="${name##*/}" '
/^1\.\.[0-9]+/ {
    split($1, range, "[.][.]")
    planned += range[2]
    plans++
    if (range[2] == 0 && $0 ~ /[Ss][Kk][Ii][Pp]/) all_skipped = $0
    next
}
/^(not )?ok([ \t]|$)/ {
    bad = ($1 == "not")
    if ($0 ~ /^not ok [0-9]+ # SKIP/) bad = 0      # cmocka says so of a skipped case
    sub(/^(not )?ok[ \t]*[0-9]*[ \t]*(- )?/, "")
    n++
    if (bad && $0 !~ /# *TODO/) failed++
    printf "%sok %d %s%s\n", bad ? "not " : "", n, /^#/ ? "" : "- ", $0
    next
}
/^Bail out!/ { bailed = 1; print; next }
{ print "# " $0 }
END {
    if (bailed) exit 0
    if (n == 0 && code == 77) { print "1..0 # SKIP " name; exit 0 }
    if (n == 0 && all_skipped != "" && code == 0) { print "1..0 # SKIP " name; exit 0 }
    if (plans == 0 && n == 0 && leaked == 0) {
        printf "%sok 1 - %s%s\n1..1\n", code == 0 ? "" : "not ", name, code == 0 ? "" : ": " note
        exit 0
    }
    if (leaked > 0) printf "not ok %d - %s shows a token or a private key\n", ++n, name
    else if (plans > 0 && planned != n) printf "not ok %d - %s planned %d cases and ran %d\n", ++n, name, planned, n
    else if (code != 0 && failed == 0) printf "not ok %d - %s %s\n", ++n, name, note
    printf "1..%d\n", n
}' "$out"
