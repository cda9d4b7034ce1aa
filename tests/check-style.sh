#!/bin/sh
# check-style.sh: the house rules that a script can hold: formatting, banned functions, which folder
# may include which, plain ASCII, a first comment that says what a file is for. It only reads.
set -u
cd "$SG_SRCDIR" || exit 1
why=$(mktemp "${TMPDIR:-/tmp}/stsgate-style.XXXXXX") || exit 1
trap 'rm -f "$why"' EXIT
n=0

result() # NAME: passes when $why is empty
{
    n=$((n + 1))
    if [ ! -s "$why" ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; sed 's/^/# /' "$why"; fi
}

sources=$(find include module tests -name '*.[ch]' | sort)
ours=$(echo "$sources" | grep -v '^module/hosts/nginx/')

# Without comments; the text of strings stays.
bare() { "${CC:-cc}" -fpreprocessed -dD -E -P "$1" 2>/dev/null; }

# --- form -------------------------------------------------------------------------------------

if [ -n "${SG_CLANG_FORMAT-}" ]; then
    # shellcheck disable=SC2086
    "$SG_CLANG_FORMAT" --dry-run --Werror $ours 2>&1 | grep -E 'error:' | cut -d: -f1 | sort | uniq -c >"$why"
    result "sources_are_formatted (make format)"
else
    n=$((n + 1))
    echo "ok $n # SKIP sources_are_formatted: no clang-format"
fi

for file in $sources; do
    LC_ALL=C grep -nHP '[^\x00-\x7f]|\t|[ ]+$' "$file" | cut -c1-100
done >"$why"
result "sources_are_ascii_without_tabs_or_trailing_blanks"

for file in $sources; do
    head -c 2 "$file" | grep -q '^/\*' || echo "$file"
done >"$why"
result "each_source_begins_with_what_it_is_for"

for file in $ours; do
    bare "$file" | grep -E '^[[:space:]]*typedef\b' | sed "s|^|$file: |"
done >"$why"
result "no_typedefs"

# --- functions that are not used --------------------------------------------------------------

banned='strcpy|strcat|sprintf|vsprintf|strtok|strtok_r|atoi|atol|atoll|atof|gmtime|localtime|ctime|asctime'
banned="$banned|rand|srand|random|system|popen|gets|alloca|mktemp|tmpnam|tempnam|tmpfile|signal|usleep"
for file in $(echo "$sources" | grep '^module/\|^include/'); do
    bare "$file" | grep -nE "(^|[^A-Za-z0-9_>.])($banned)[[:space:]]*\(" | sed "s|^[0-9]*:|$file: |"
done >"$why"
result "banned_functions_are_not_called"

# --- arrows between folders -------------------------------------------------------------------

may_use()
{
    case $1 in
    base) echo "base" ;;
    policy) echo "policy base session" ;;
    session) echo "session base" ;;
    config) echo "config base session policy" ;;
    store) echo "store base policy session" ;;
    credential) echo "credential base session config store" ;;
    gate) echo "gate base policy session config store credential" ;;
    aws) echo "aws base" ;;
    agent) echo "agent base policy session config store credential aws" ;;
    ctl) echo "ctl base policy session config store credential gate aws agent" ;;
    *) echo "" ;;
    esac
}

quoted_includes() { sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]+"([^"]+)".*/\1/p' "$1"; }

for area in base policy session config store credential gate aws agent ctl; do
    allowed=" $(may_use $area) "
    for file in $(find "module/$area" -name '*.[ch]'); do
        for included in $(quoted_includes "$file"); do
            [ "$included" != config.h ] || continue
            case $allowed in
            *" ${included%%/*} "*) [ -f "module/$included" ] || echo "$file: \"$included\" is not in module/" ;;
            *) echo "$file: module/$area may not use \"$included\"" ;;
            esac
        done
    done
done >"$why"
result "no_folder_uses_one_above_it"

for file in $(find module/hosts -name '*.[ch]'); do
    for included in $(quoted_includes "$file"); do
        [ -f "${file%/*}/$included" ] || echo "$file: \"$included\": a host uses <stsgate/stsgate.h> and its own headers"
    done
    grep -nHE '#[[:space:]]*include[[:space:]]+<(openssl|json-c|curl|cdb|expat)' "$file"
done >"$why"
result "hosts_use_the_public_header_only"

for file in $(find tests/sandbox -name '*.[ch]'); do
    for included in $(quoted_includes "$file"); do
        case $included in policy/* | gate/* | aws/* | agent/*) echo "$file: \"$included\"" ;; esac
    done
done >"$why"
result "the_sandbox_shares_no_judgement_with_the_gate"

find module -name '*.c' ! -path 'module/aws/*' ! -path 'module/agent/*' ! -path 'module/ctl/*' \
    -exec grep -nHE '#[[:space:]]*include[[:space:]]+<(curl/|netdb\.h)' {} + >"$why"
result "the_request_path_includes_no_network_library"

for file in $(find module include -name '*.h' ! -path 'module/hosts/*'); do
    awk '/^#ifndef /{ guard = $2 } /^#pragma once/{ found = 1 }
         guard != "" && $1 == "#define" && $2 == guard { found = 1 } END { exit !found }' "$file" || echo "$file"
done >"$why"
result "each_header_guards_against_being_read_twice"

echo "1..$n"
