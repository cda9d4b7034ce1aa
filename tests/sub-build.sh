#!/bin/sh
# sub-build.sh sanitizers MAKE             builds sub-sanitizers/src with ASan and UBSan, runs make check
# sub-build.sh threads MAKE TEST...         the same with TSan, for the tests named
# sub-build.sh coverage MAKE               the same with gcov, and what of module/ ran
# sub-build.sh fuzz MAKE SECONDS TARGET... builds sub-fuzz/src on libFuzzer, gives each target SECONDS
# Called by `make check-sanitizers' and `make fuzz' in the build folder, which made the copy of the
# sources. Findings of the fuzzers stay in fuzz-findings/. It must never hide a failure.
set -eu
kind=$1 make=$2
shift 2
top=$PWD
mkdir "sub-$kind/build"
cd "sub-$kind/build"

case $kind in
sanitizers)
    # nginx's configure takes longest and its answer is the same.
    [ ! -d "$top/nginx-conf" ] || cp -Rp "$top/nginx-conf" .
    ../src/configure --quiet --enable-sanitizers
    exec env ASAN_OPTIONS="detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1" \
        UBSAN_OPTIONS=print_stacktrace=1 SG_TEST_TIMEOUT="${SG_TEST_TIMEOUT:-900}" "$make" check
    ;;
threads)
    [ ! -d "$top/nginx-conf" ] || cp -Rp "$top/nginx-conf" .
    # AC's test programs must link with it, and libtool passes the flag on.
    ../src/configure --quiet CFLAGS="-O1 -g -fsanitize=thread -fno-omit-frame-pointer" \
        LDFLAGS=-fsanitize=thread
    exec env TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:suppressions=$top/sub-threads/src/tests/tsan.supp" \
        SG_TEST_TIMEOUT="${SG_TEST_TIMEOUT:-900}" "$make" check TESTS="$*"
    ;;
coverage)
    [ ! -d "$top/nginx-conf" ] || cp -Rp "$top/nginx-conf" .
    ../src/configure --quiet --enable-coverage CFLAGS="-O0 -g"
    "$make" check TESTS=
    # Who runs as nobody (nginx's workers, an agent with `user') may write no file of root's, and
    # what cannot be written at its end is lost. gcov takes an empty file for a new one.
    find . -name '*.gcno' | sed 's/gcno$/gcda/' | xargs touch
    find . -name '*.gcda' -exec chmod a+rw {} +
    code=0
    SG_TEST_TIMEOUT="${SG_TEST_TIMEOUT:-900}" "$make" -k check || code=1
    SG_SRCDIR=$top/sub-coverage/src ../src/tests/coverage.py . || code=1
    exit $code
    ;;
fuzz)
    seconds=$1
    shift
    ../src/configure --quiet --enable-fuzzers --enable-sanitizers --disable-nginx CC=clang
    "$make" "$@"
    failed=
    for target; do
        name=${target##*/fuzz_}
        findings=$top/fuzz-findings/$name
        mkdir -p "$findings" "corpus/$name"
        echo "fuzz: $name for $seconds s"
        words=../src/tests/fuzz/dict/$name.dict
        [ -f "$words" ] && words=-dict=$words || words=
        # New inputs go to the first folder; the shipped corpus is only read.
        # shellcheck disable=SC2086
        ./"$target" $words -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
            -artifact_prefix="$findings/" "corpus/$name" "../src/tests/fuzz/corpus/$name" \
            >"$name.log" 2>&1 || failed="$failed $name"
        grep -E 'number_of_executed_units|ERROR|SUMMARY|runtime error' "$name.log" || :
    done
    if [ -n "$failed" ]; then
        echo "fuzz: findings in:$failed (see fuzz-findings/ and $PWD/NAME.log)" >&2
        exit 1
    fi
    ;;
esac
