#!/bin/sh
# analyse.sh [gcc] [clang-tidy] [cppcheck]: the analysers over module/. Each line that one of them says
# is an error; what is known to be wrong about an analyser stands below with its reason. Without a
# name all that are installed run, and what is left out is told; one that is named must be there.
# `make analyse' runs it in the build folder. It must never take silence of a tool that did not run
# for a clean result.
#   SG_SRCDIR, SG_BUILDDIR   source and build folder (config.h, nginx-conf)
#   SG_CFLAGS                flags of pkg-config; SG_NGINX_FLAGS: include folders of nginx, or none
#   JOBS                     at once; 2
set -u
top=${SG_SRCDIR:-$PWD} build=${SG_BUILDDIR:-$PWD} jobs=${JOBS:-2}
work=$(mktemp -d "${TMPDIR:-/tmp}/stsgate-analyse.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
found=$work/found
failed= ran= left_out=

cd "$top" || exit 1
flags="-std=c11 -D_GNU_SOURCE -Imodule -Iinclude -I$build ${SG_CFLAGS-}"
find module -name '*.c' ! -path 'module/hosts/*' | sort >"$work/sources"
if [ -n "${SG_NGINX_FLAGS-}" ]; then
    # Relative folders are the build's; nginx's own headers are none of ours (-isystem).
    flags="$flags $(echo "$SG_NGINX_FLAGS" | sed "s,-Inginx-conf,-I$build/nginx-conf,") -Imodule/hosts/nginx"
    find module/hosts/nginx -name '*.c' | sort >>"$work/sources"
else
    left_out="$left_out module/hosts/nginx"
fi

# NAME: what $found holds are findings. $work/unread names the files that the tool could not do.
report()
{
    if [ -s "$found" ]; then
        cat "$found" >&2
        echo "analyse: $1: $(wc -l <"$found") lines of findings" >&2
        failed="$failed $1"
    elif [ -s "$work/unread" ]; then
        echo "analyse: $1 ended without a word over: $(tr '\n' ' ' <"$work/unread")" >&2
        failed="$failed $1"
    else
        echo "analyse: $1: nothing found in $(wc -l <"$work/sources") files"
    fi
    ran="$ran $1"
    rm -f "$found" "$work/unread"
}

analyse_gcc()
{
    # gcc 12's -Wanalyzer-malloc-leak and -file-leak do not follow ownership into a struct that is
    # handed on.
    export flags work
    # shellcheck disable=SC2016
    xargs -P "$jobs" -n 1 sh -c 'gcc $flags -O2 -fanalyzer -Wno-analyzer-malloc-leak \
        -Wno-analyzer-file-leak -Wno-analyzer-too-complex -c "$0" -o /dev/null 2>&1 ||
        echo "$0" >>"$work/unread"' <"$work/sources" |
        grep -E 'warning:|error:' | sort -u >"$found"
    report gcc
}

analyse_tidy()
{
    export flags work
    # One file at a time: clang 14 loses its mind about va_start() with several.
    # shellcheck disable=SC2016
    xargs -P "$jobs" -n 1 sh -c 'clang-tidy --quiet --config-file=tests/analyse.tidy "$0" -- -xc $flags \
        2>"$work/said.$$" || { cat "$work/said.$$"; echo "$0" >>"$work/unread"; }
        rm -f "$work/said.$$"' <"$work/sources" |
        grep -E '(warning|error):' | sort -u >"$found"
    report clang-tidy
}

analyse_cppcheck()
{
    # It needs no header of others. shellcheck disable=SC2086
    cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr -j "$jobs" \
        --template='{file}:{line}: {severity}: {message} [{id}]' --error-exitcode=0 \
        --suppressions-list=tests/analyse.cppcheck -D_GNU_SOURCE -Imodule -Iinclude \
        --file-list="$work/sources" >"$found" 2>&1 || echo all >"$work/unread"
    report cppcheck
}

all=
[ $# -gt 0 ] || { set -- gcc clang-tidy cppcheck; all=yes; }
for tool; do
    if ! command -v "$tool" >/dev/null; then
        left_out="$left_out $tool"
        [ -n "$all" ] || failed="$failed $tool"
        continue
    fi
    case $tool in
    gcc) analyse_gcc ;;
    clang-tidy) analyse_tidy ;;
    cppcheck) analyse_cppcheck ;;
    *) failed="$failed $tool" ;;
    esac
done
[ -z "$left_out" ] || echo "analyse: left out, for it is not here (./autogen.sh --deps):$left_out" >&2
[ -n "$ran" ] || failed="$failed nothing-ran"
[ -z "$failed" ] || { echo "analyse: failed:$failed" >&2; exit 1; }
