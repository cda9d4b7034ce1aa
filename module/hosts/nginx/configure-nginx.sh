#!/bin/sh
# configure-nginx.sh SOURCES FOLDER: makes the headers that nginx's configure generates, with the
# flags of the packaged nginx, in FOLDER. SOURCES is never written: configure runs in a folder of
# links to it. FOLDER appears whole or not at all.
set -eu
sources=$1 folder=$2 work=$2.tmp

rm -rf "$work" "$folder"
trap 'rm -rf "$work"' EXIT
mkdir "$work"
for part in auto configure src conf contrib man; do
    [ ! -e "$sources/$part" ] || ln -s "$sources/$part" "$work/$part"
done

# Modules that are built apart (=dynamic) need libraries of their own and do not change the
# signature; the compiler's flags are ours to choose.
cat >"$work/run" <<'RUN'
NGX_CONF_FLAGS=()
[ ! -f "$1/conf_flags" ] || . "$1/conf_flags"
[ -f "$1/conf_flags" ] || NGX_CONF_FLAGS=(--with-compat --with-threads)
kept=()
for flag in "${NGX_CONF_FLAGS[@]}"; do
    case $flag in
    *=dynamic | --with-cc-opt=* | --with-ld-opt=* | --add-*module=* | --builddir=*) ;;
    *) kept+=("$flag") ;;
    esac
done
exec ./configure --builddir=objs "${kept[@]}"
RUN

if ! (cd "$work" && env -u CFLAGS -u CPPFLAGS -u LDFLAGS -u MAKEFLAGS -u MAKELEVEL \
    bash ./run "$sources") >"$work/log" 2>&1; then
    tail -n 20 "$work/log" >&2
    echo "configure-nginx.sh: the configure of $sources failed; its last lines stand above" >&2
    exit 1
fi
rm -f "$work/objs/autoconf.err"
mv "$work/objs" "$folder"
