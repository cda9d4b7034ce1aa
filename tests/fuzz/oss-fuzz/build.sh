#!/bin/bash
# build.sh: builds the fuzz targets the way OSS-Fuzz wants them: with $CC, $CXX, their flags and the
# engine $LIB_FUZZING_ENGINE, from $SRC/stsgate, in $WORK, into $OUT, each with its corpus as a zip
# and its dictionary. To try it on the tree that it lies in:
#   CC=clang CXX=clang++ CFLAGS='-g -O1 -fsanitize=address,undefined,fuzzer-no-link' \
#     LIB_FUZZING_ENGINE=-fsanitize=fuzzer OUT=/tmp/out WORK=/tmp/work tests/fuzz/oss-fuzz/build.sh
set -eu
top=${SRC-}/stsgate
[ -d "$top" ] || top=$(cd "$(dirname "$0")/../../.." && pwd)
[ -x "$top/configure" ] || (cd "$top" && ./autogen.sh)
mkdir -p "$WORK/stsgate" "$OUT/lib"
cd "$WORK/stsgate"
export LIB_FUZZING_ENGINE
"$top/configure" --quiet --enable-fuzzers --disable-nginx --disable-shared --enable-static
targets=$(make --no-print-directory -s list-fuzz)
# Engines are C++.
# shellcheck disable=SC2086
make -j"${JOBS:-$(nproc)}" CCLD="$CXX" $targets

for target in $targets; do
    name=${target##*/}
    install -m 755 "$target" "$OUT/$name"
    # The machines that run them have none of the libraries.
    ldd "$target" | awk '$3 ~ /lib(crypto|json-c|cdb|curl|expat|nats)/ { print $3 }' |
        xargs -r -I{} cp -Lu {} "$OUT/lib/"
    ! command -v patchelf >/dev/null || patchelf --set-rpath '$ORIGIN/lib' "$OUT/$name"
    rm -f "$OUT/${name}_seed_corpus.zip"
    (cd "$top/tests/fuzz/corpus/${name#fuzz_}" && zip -q -r "$OUT/${name}_seed_corpus.zip" .)
    [ ! -f "$top/tests/fuzz/dict/${name#fuzz_}.dict" ] ||
        cp "$top/tests/fuzz/dict/${name#fuzz_}.dict" "$OUT/$name.dict"
done
