#!/usr/bin/env bash
# Runs every fuzz target on the corpus of the tests, without sanitizers, so that the stable toolchain will do.
#   run.sh SECONDS   each target for so long, another way every time: to find something
#   run.sh --gate    each target for 4,000 runs of one seed, the same way every time: to let a change land or not
# Ends with 1 as soon as a target crashes, hangs for 10 s or takes more than 2 GiB.
set -euo pipefail
cd "$(dirname "$0")"
case "${1:-20}" in
    --gate) amount=(-runs=4000 -seed=1) ;;
    *) amount=(-max_total_time="${1:-20}") ;;
esac

if ! command -v cargo-fuzz >/dev/null; then
    cargo install cargo-fuzz --version 0.13.2 --locked --quiet
fi

target=../../target/fuzz
corpus=$target/corpus
rm -rf "$corpus" artifacts
mkdir -p "$corpus"/{parse,validate,check,template,table}
cp ../compile/tests/packs/desk/*.yaml "$corpus/check"
for case in ../compile/tests/cases/*.case; do
    # The part of a case between its marks and its expectation is what an author wrote.
    sed '/^--- expect$/,$d' "$case" | sed -n '/^--- to$\|^--- file/,$p' | grep -av '^---' >"$corpus/check/$(basename "$case" .case)" || true
done
find ../../scenarios -name '*.yaml' -exec sh -c 'cp "$1" "$2/$(echo "$1" | tr / _)"' _ {} "$corpus/check" \;
cp "$corpus"/check/* "$corpus/parse"
cp "$corpus"/check/* "$corpus/validate"
for case in ../compile/tests/order/*.case; do
    sed '/^--- expect$/,$d' "$case" >"$corpus/parse/order_$(basename "$case" .case)"
done
grep -rhoaE '\{[{%].*[%}]\}' ../compile/tests ../../scenarios | sort -u | split -l 1 - "$corpus/template/t"
printf 'id,amount,tier,from domain_in,except from,then queue,because\nR-1,>= 100,-,friends,bo@home.example,forward,why\nR-2,10..20,free | paid,-,-,answer,-\n' >"$corpus/table/a"
printf 'id,title contains_any,opened older_than,valid from,severity,mode,then queue\nR-1,"a | b" | c,2h,2026-01-01,high,test,close\n' >"$corpus/table/b"

cargo fuzz build --fuzz-dir . --target-dir "$target" -s none
for name in parse validate check template table; do
    echo "fuzzing $name: ${amount[*]}"
    cargo fuzz run --fuzz-dir . --target-dir "$target" -s none "$name" "$corpus/$name" -- \
        "${amount[@]}" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -only_ascii=0 -print_final_stats=1 \
        2>&1 | grep -E 'stat::|SUMMARY|ERROR|panicked|Test unit' || true
    if ls artifacts/"$name"/* >/dev/null 2>&1; then
        echo "$name failed; its inputs lie in engine/fuzz/artifacts/$name"
        exit 1
    fi
done
