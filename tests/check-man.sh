#!/bin/sh
# check-man.sh: the manual's pages are well formed, each page that one refers to is there, and the
# form is mdoc(7). It only reads.
set -u
cd "$SG_SRCDIR/man" || exit 1
mandoc=${SG_MANDOC-}
why=$(mktemp "${TMPDIR:-/tmp}/stsgate-man.XXXXXX") || exit 1
trap 'rm -f "$why"' EXIT
n=0

result() # NAME: passes when $why is empty
{
    n=$((n + 1))
    if [ ! -s "$why" ]; then echo "ok $n - $1"; else echo "not ok $n - $1"; sed 's/^/# /' "$why"; fi
}

pages=$(echo ./*.[1-9])
if [ "$pages" = './*.[1-9]' ]; then echo "there is no page in $SG_SRCDIR/man"; exit 1; fi

for page in $pages; do
    name=${page#./}
    if [ -n "$mandoc" ]; then
        # Pages that are not installed can't be found: that is checked below.
        "$mandoc" -T lint -W warning "$page" >"$why" 2>&1 || :
        result "${name}_is_well_formed"
    else
        n=$((n + 1))
        echo "ok $n # SKIP ${name}_is_well_formed: no mandoc"
    fi
done

for page in $pages; do
    name=${page#./}
    grep -q '^\.Dd ' "$page" && grep -q '^\.Sh NAME' "$page" || echo "$page: not mdoc(7)"
    title=$(sed -n 's/^\.Dt \(.*\) \([1-9]\)$/\1.\2/p' "$page" | tr '[:upper:]' '[:lower:]')
    [ "$title" = "$(echo "$name" | tr '[:upper:]' '[:lower:]')" ] || echo "$page: .Dt says $title"
    LC_ALL=C grep -nHP '[^\x00-\x7f]|[ \t]+$' "$page"
done >"$why"
result "each_page_is_ascii_mdoc_with_its_own_title"

for page in $pages; do
    sed -n 's/^\.Xr \([^ ]*\) \([1-9]\).*/\1.\2/p' "$page" | grep -E '(stsgate|^libstsgate)' | sort -u |
        while read -r other; do [ -f "$other" ] || echo "$page refers to $other, which is not there"; done
done >"$why"
result "pages_refer_to_pages_that_are_there"

for page in $pages; do
    name=${page#./}
    grep -q "man/$name" Makefile.inc || echo "$page is not in man/Makefile.inc"
done >"$why"
result "each_page_is_installed"

echo "1..$n"
