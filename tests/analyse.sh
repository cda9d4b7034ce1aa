#!/bin/sh
# analyse.sh [gcc] [clang-tidy] [cppcheck]: the analysers over module/, all that are there when none is
# named. Run by `make analyse' in the build folder. Silent findings do not exist: each line is an
# error, and what is known to be wrong about an analyser stands below with its reason.
#   SG_SRCDIR, SG_BUILDDIR   source and build folder (config.h, nginx-conf)
#   SG_CFLAGS                flags of pkg-config; SG_NGINX_FLAGS: include folders of nginx, or none
#   JOBS                     at once; 2
set -u
top=${SG_SRCDIR:-$PWD} build=${SG_BUILDDIR:-$PWD} jobs=${JOBS:-2}
found=$(mktemp "${TMPDIR:-/tmp}/stsgate-analyse.XXXXXX") || exit 1
trap 'rm -f "$found"' EXIT
failed=

cd "$top" || exit 1
flags="-std=c11 -D_GNU_SOURCE -Imodule -Iinclude -I$build ${SG_CFLAGS-}"
sources=$(find module -name '*.c' ! -path 'module/hosts/*' | sort)
# Macros of Apache's, PAM's, nginx's headers are theirs; of the hosts only what finds its headers.
if [ -n "${SG_NGINX_FLAGS-}" ]; then
    hosts=$(find module/hosts/nginx -name '*.c' | sort)
else
    hosts=
fi

report() # NAME: what $found holds are findings
{
    if [ -s "$found" ]; then
        cat "$found" >&2
        echo "analyse: $1: $(wc -l <"$found") lines of findings" >&2
        failed="$failed $1"
    else
        echo "analyse: $1: nothing found"
    fi
}

analyse_gcc()
{
    # -Wanalyzer-malloc-leak of gcc 12 does not follow ownership into a struct that is handed on.
    echo "$sources" | xargs -P "$jobs" -n 4 sh -c 'for file; do
        gcc $0 -O2 -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-file-leak \
            -Wno-analyzer-too-complex -c "$file" -o /dev/null 2>&1; done' "$flags" |
        grep -E 'warning:|error:' | sort -u >"$found"
    report "gcc -fanalyzer"
}

analyse_tidy()
{
    # shellcheck disable=SC2086
    echo "$sources" | xargs -P "$jobs" -n 8 clang-tidy --quiet --config-file=tests/analyse.tidy 2>/dev/null \
        --extra-arg-before=-xc $(printf -- '--extra-arg=%s ' $flags) |
        grep -E '(warning|error):' | sort -u >"$found"
    report clang-tidy
}

analyse_cppcheck()
{
    # shellcheck disable=SC2086
    cppcheck --quiet --std=c11 --template='{file}:{line}: {severity}: {message} [{id}]' --enable=warning,performance,portability --inline-suppr -j "$jobs" \
        --error-exitcode=0 --suppressions-list=tests/analyse.cppcheck -D_GNU_SOURCE -Imodule -Iinclude \
        $sources $hosts >"$found" 2>&1
    report cppcheck
}

[ $# -gt 0 ] || set -- gcc clang-tidy cppcheck
for tool; do
    command -v "$tool" >/dev/null || { echo "analyse: no $tool here (apt install $tool)" >&2; failed="$failed $tool"; continue; }
    case $tool in
    gcc) analyse_gcc ;;
    clang-tidy) analyse_tidy ;;
    cppcheck) analyse_cppcheck ;;
    *) failed="$failed $tool" ;;
    esac
done
[ -z "$failed" ] || { echo "analyse: failed:$failed" >&2; exit 1; }
