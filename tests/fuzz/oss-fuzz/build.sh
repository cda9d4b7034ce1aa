#!/bin/bash
# build.sh: builds the fuzz targets the way OSS-Fuzz wants them: into $OUT, with the engine in
# $LIB_FUZZING_ENGINE, each with its corpus as a zip and its dictionary. To try it elsewhere:
#   CC=clang CFLAGS='-g -O1 -fsanitize=address,undefined,fuzzer-no-link' OUT=/tmp/out WORK=/tmp/work \
#     LIB_FUZZING_ENGINE=-fsanitize=fuzzer tests/fuzz/oss-fuzz/build.sh
set -eu
top=$(cd "$(dirname "$0")/../../.." && pwd)
[ -x "$top/configure" ] || (cd "$top" && ./autogen.sh)
mkdir -p "$WORK/stsgate" "$OUT/lib"
cd "$WORK/stsgate"
"$top/configure" --quiet --enable-fuzzers --disable-nginx --disable-shared --enable-static
targets=$(make --no-print-directory -s list-fuzz)
# shellcheck disable=SC2086
make -j"$(nproc)" FUZZ_LDFLAGS="$LIB_FUZZING_ENGINE" $targets

for target in $targets; do
    name=${target##*/}
    install -m 755 "$target" "$OUT/$name"
    # The machines that run them have none of the libraries.
    ldd "$target" | awk '$3 ~ /lib(crypto|json-c|cdb|curl|expat|nats)/ { print $3 }' |
        xargs -r -I{} cp -Lu {} "$OUT/lib/"
    ! command -v patchelf >/dev/null || patchelf --set-rpath '$ORIGIN/lib' "$OUT/$name"
    (cd "$top/tests/fuzz/corpus/${name#fuzz_}" && zip -q -r "$OUT/${name}_seed_corpus.zip" .)
    [ ! -f "$top/tests/fuzz/dict/${name#fuzz_}.dict" ] ||
        cp "$top/tests/fuzz/dict/${name#fuzz_}.dict" "$OUT/$name.dict"
done
