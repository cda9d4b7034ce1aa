#!/bin/sh
# autogen.sh: makes ./configure. With --deps it first installs what is missing from Debian's
# packages. Without it nothing is installed. Never anything but apt, and no service may run
# afterwards that did not run before: Debian starts nginx when it is installed.
set -eu
cd "$(dirname "$0")"

# What the build needs, then what the tests, the demo and the bench need.
build_packages="build-essential autoconf automake libtool pkg-config libssl-dev libjson-c-dev
libcdb-dev libcurl4-openssl-dev libexpat1-dev nginx-dev"
test_packages="libcmocka-dev libmicrohttpd-dev nginx tinycdb python3 python3-boto3 awscli mandoc curl
procps util-linux iproute2 wrk valgrind clang libclang-rt-14-dev clang-format-14 clang-tidy cppcheck
ca-certificates"

guard=/usr/sbin/policy-rc.d
guard_is_ours=no

usage()
{
    echo "usage: ./autogen.sh [--deps]"
    echo "  --deps  install what is missing from Debian's packages first (apt; sudo unless root)"
}

missing_packages()
{
    for package in $build_packages $test_packages; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=none
        [ "$state" = installed ] || printf ' %s' "$package"
    done
}

as_root()
{
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# policy-rc.d tells Debian's install scripts to start nothing (exit 101). One that is there
# already is the administrator's and stays.
keep_services_down()
{
    [ ! -e "$guard" ] && [ ! -L "$guard" ] || return 0
    guard_is_ours=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
    as_root chmod 755 "$guard"
}

lift_guard()
{
    [ "$guard_is_ours" = yes ] || return 0
    guard_is_ours=no
    as_root rm -f "$guard"
}

nginx_runs()
{
    [ -s /run/nginx.pid ] && [ -d "/proc/$(cat /run/nginx.pid)" ]
}

install_packages()
{
    missing=$(missing_packages)
    if [ -z "$missing" ]; then
        echo "autogen.sh: every package is there, nothing to install"
        return 0
    fi
    if ! command -v apt-get >/dev/null; then
        echo "autogen.sh: --deps knows Debian's apt only; install the like of:$missing" >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "autogen.sh: not root and no sudo; as root run: apt-get install$missing" >&2
        exit 1
    fi
    echo "autogen.sh: installing with apt:$missing"
    trap 'lift_guard' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    nginx_ran=no
    if nginx_runs; then nginx_ran=yes; fi
    keep_services_down
    as_root apt-get -q update
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
        install $missing
    lift_guard
    # Where an administrator's policy-rc.d let it start after all.
    if [ "$nginx_ran" = no ] && nginx_runs; then as_root invoke-rc.d nginx stop; fi
}

case ${1-} in
"") ;;
--deps) install_packages ;;
--help | -h) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac

if ! command -v autoreconf >/dev/null; then
    echo "autogen.sh: autoreconf is missing: ./autogen.sh --deps installs it" >&2
    exit 1
fi
mkdir -p build-aux
autoreconf --install --force
echo "autogen.sh: done. Next: ./configure"
