#!/bin/sh
# check-fuzz.sh: each fuzz target is listed, has a corpus and a dictionary of its own (cache: its
# input is numbers), and none is left over. It only reads.
set -u
cd "$SG_SRCDIR/tests/fuzz" || exit 1
bad=
for source in fuzz_*.c; do
    name=${source#fuzz_}
    name=${name%.c}
    grep -q "^fuzz_targets += tests/fuzz/fuzz_$name\$" Makefile.inc || bad="$bad $name(not-listed)"
    [ "$(find "corpus/$name" -type f 2>/dev/null | wc -l)" -ge 3 ] || bad="$bad $name(corpus)"
    [ "$name" = cache ] || [ -s "dict/$name.dict" ] || bad="$bad $name(dictionary)"
done
[ -z "$bad" ] && echo "ok 1 - each_target_is_listed_and_has_a_corpus_and_a_dictionary" ||
    echo "not ok 1 - each_target_is_listed_and_has_a_corpus_and_a_dictionary:$bad"
bad=
for file in dict/*.dict corpus/*; do
    name=${file##*/}
    [ -f "fuzz_${name%.dict}.c" ] || bad="$bad $file"
done
[ -z "$bad" ] && echo "ok 2 - each_corpus_and_dictionary_has_a_target" ||
    echo "not ok 2 - each_corpus_and_dictionary_has_a_target:$bad"
echo "1..2"
