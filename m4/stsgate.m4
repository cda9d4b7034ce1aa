dnl stsgate.m4: the small macros of configure.ac. One idea: every probe stands alone, and every
dnl failure names what to install.

dnl SG_ENABLE(name, help, default): --enable-NAME / --disable-NAME as $enable_NAME.
AC_DEFUN([SG_ENABLE],
[AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [$2 @<:@$3@:>@])], [], [enable_$1=$3])])

dnl SG_NEED(VAR, pkg-config test, Debian package): stops when it is missing.
AC_DEFUN([SG_NEED],
[PKG_CHECK_MODULES([$1], [$2], [],
    [AC_MSG_ERROR([$2 is missing or too old: apt install $3 (or ./autogen.sh --deps)
$$1_PKG_ERRORS])])])

dnl SG_WANT(VAR, pkg-config test, Debian package): sets have_VAR to yes or no.
AC_DEFUN([SG_WANT],
[PKG_CHECK_MODULES([$1], [$2], [have_$1=yes], [have_$1=no])])

dnl SG_CFLAGS(VAR, flags): VAR gets those that the compiler takes. -Werror, since clang only
dnl warns of a flag that it does not know.
AC_DEFUN([SG_CFLAGS],
[$1=
for sg_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([whether $CC takes $sg_flag])
    sg_saved_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $sg_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
        [AC_MSG_RESULT([yes]); $1="${$1:+$$1 }$sg_flag"],
        [AC_MSG_RESULT([no])])
    CFLAGS=$sg_saved_CFLAGS
done
AC_SUBST([$1])])

dnl SG_LDFLAGS(VAR, flags): the same for the linker.
AC_DEFUN([SG_LDFLAGS],
[$1=
for sg_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([whether the linker takes $sg_flag])
    sg_saved_LDFLAGS=$LDFLAGS
    LDFLAGS="$LDFLAGS $sg_flag"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
        [AC_MSG_RESULT([yes]); $1="${$1:+$$1 }$sg_flag"],
        [AC_MSG_RESULT([no])])
    LDFLAGS=$sg_saved_LDFLAGS
done
AC_SUBST([$1])])

dnl SG_REQUIRE_LINK(flags, what asked for them): stops when a program can't be built with them.
AC_DEFUN([SG_REQUIRE_LINK],
[AC_MSG_CHECKING([whether a program can be built with $1])
sg_saved_CFLAGS=$CFLAGS
CFLAGS="$CFLAGS $1"
AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([this compiler can't do $2])])
CFLAGS=$sg_saved_CFLAGS])

dnl SG_FORTIFY: the highest _FORTIFY_SOURCE that compiles without a warning. It needs an
dnl optimising build; where the distribution's compiler sets one itself, that one stays.
AC_DEFUN([SG_FORTIFY],
[SG_FORTIFY_CPPFLAGS=
for sg_level in 3 2; do
    AC_MSG_CHECKING([whether -D_FORTIFY_SOURCE=$sg_level works])
    sg_saved_CPPFLAGS=$CPPFLAGS sg_saved_CFLAGS=$CFLAGS
    CPPFLAGS="$CPPFLAGS -D_FORTIFY_SOURCE=$sg_level" CFLAGS="$CFLAGS -Werror"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([#include <string.h>], [])],
        [AC_MSG_RESULT([yes]); SG_FORTIFY_CPPFLAGS="-D_FORTIFY_SOURCE=$sg_level"],
        [AC_MSG_RESULT([no])])
    CPPFLAGS=$sg_saved_CPPFLAGS CFLAGS=$sg_saved_CFLAGS
    AS_IF([test -n "$SG_FORTIFY_CPPFLAGS"], [break])
done
AC_SUBST([SG_FORTIFY_CPPFLAGS])])

dnl SG_TOOL(var, path, Debian package): a line of the table at the end.
AC_DEFUN([SG_TOOL],
[AS_IF([test -n "$2"], [$1=$2], [$1="no (apt install $3)"])])

dnl SG_PYTHON3: a python3 that has boto3. The system's comes first, since Debian's python3-boto3 is
dnl seen by no other that may stand before it in PATH.
AC_DEFUN([SG_PYTHON3],
[AC_MSG_CHECKING([for a python3 with boto3])
sg_candidates=${PYTHON3:-/usr/bin/python3 $(command -v python3)}
PYTHON3=
for sg_python in $sg_candidates; do
    AS_IF([test -z "$PYTHON3" && "$sg_python" -c 'import boto3' >/dev/null 2>&1],
          [PYTHON3=$sg_python])
done
AC_MSG_RESULT([${PYTHON3:-no}])])
