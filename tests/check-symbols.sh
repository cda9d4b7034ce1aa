#!/bin/sh
# check-symbols.sh: what the shared objects show and need. The library exports exactly the functions
# that its header declares; the nginx module exactly what nginx's loader looks for, since nginx makes
# every exported symbol global in the server; neither needs a library that the request path must not.
set -u
header=$SG_SRCDIR/include/stsgate/stsgate.h
library=$SG_BUILDDIR/.libs/libstsgate.so
module=${SG_NGINX_MODULE-}
work=$(mktemp -d "${TMPDIR:-/tmp}/stsgate-symbols.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
n=0

result() # CODE NAME: the lines of $work/why explain a failure
{
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$work/why"; fi
}

exported() { ${NM:-nm} -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort; }
needed() { objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }'; }
dynamic() { objdump -p "$1"; }

compare() # WANTED GOT NAME
{
    diff "$1" "$2" >"$work/why"
    result $? "$3"
}

refuses() # FILE PATTERN NAME: no needed library matches PATTERN
{
    needed "$1" | grep -E "$2" >"$work/why" && result 1 "$3" || result 0 "$3"
}

hardened() # FILE NAME
{
    : >"$work/why"
    dynamic "$1" | grep -q 'RELRO' || echo "no RELRO" >>"$work/why"
    readelf -dW "$1" | grep -Eq 'BIND_NOW|FLAGS.*NOW' || echo "not bound at load" >>"$work/why"
    readelf -lW "$1" | grep 'GNU_STACK' | grep -q 'RWE' && echo "executable stack" >>"$work/why"
    readelf -dW "$1" | grep -q TEXTREL && echo "text relocations" >>"$work/why"
    [ ! -s "$work/why" ]
    result $? "$2"
}

"${CC:-cc}" -E -P -I"$SG_SRCDIR/include" "$header" | tr '\n' ' ' |
    grep -oE '\bstsgate_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u >"$work/declared"
exported "$library" >"$work/exported"
: >"$work/why"
[ -s "$work/declared" ]
result $? "the_public_header_declares_functions"
compare "$work/declared" "$work/exported" "library_exports_exactly_what_its_header_declares"
refuses "$library" 'libcurl|libexpat|libmicrohttpd|libsystemd' "library_needs_no_network_library"
hardened "$library" "library_is_hardened"

if [ -n "$module" ]; then
    printf '%s\n' ngx_http_stsgate_module ngx_module_names ngx_module_order ngx_modules | sort >"$work/loader"
    exported "$module" >"$work/exported"
    compare "$work/loader" "$work/exported" "nginx_module_exports_exactly_what_the_loader_reads"
    refuses "$module" 'libcurl|libexpat|libjson-c|libcdb' "nginx_module_needs_the_public_library_only"
    needed "$module" >"$work/why"
    grep -q '^libstsgate\.so' "$work/why"
    result $? "nginx_module_loads_libstsgate"
    hardened "$module" "nginx_module_is_hardened"
fi
echo "1..$n"
