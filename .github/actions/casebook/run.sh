#!/usr/bin/env bash
# Runs the commands that the action's inputs name; every command runs, and one that fails makes the step fail.
# `run.sh key` prints the key under which the binary is cached: a digest of the sources that it is built from.
set -uo pipefail

if [ "${1:-}" = key ]; then
    cd "$SOURCES" || exit 3
    { find engine plugins Cargo.toml Cargo.lock rust-toolchain.toml .cargo -type f -print0 2>/dev/null || true; } |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d " " -f 1
    exit
fi

if [ -z "${CASEBOOK:-}" ]; then
    CASEBOOK="${CACHE:-}/casebook"
    if [ -z "${CACHE:-}" ] || [ ! -x "$CASEBOOK" ]; then
        cargo build --release --locked --manifest-path "$SOURCES/Cargo.toml" || exit 3
        CASEBOOK="$SOURCES/target/release/casebook"
        if [ -n "${CACHE:-}" ]; then mkdir -p "$CACHE" && cp "$CASEBOOK" "$CACHE/casebook" || exit 3; fi
    fi
fi

# Several lines name a pack each; one line names packs with spaces between them.
if [[ "${PACKS:-}" == *$'\n'* ]]; then
    packs=()
    while IFS= read -r pack; do
        pack="${pack%$'\r'}"
        if [ -n "$pack" ]; then packs+=("$pack"); fi
    done <<<"$PACKS"
else
    read -r -a packs <<<"${PACKS:-scenarios}"
fi
if [ "${#packs[@]}" -eq 0 ]; then packs=(scenarios); fi
failed=0
run() {
    echo "::group::casebook $1"
    "$CASEBOOK" "$@"
    local code=$?
    echo "::endgroup::"
    if [ "$code" -ne 0 ]; then
        echo "casebook $1 ended with $code"
        failed=1
    fi
}

for command in ${COMMANDS:-check test fmt}; do
    case "$command" in
    check)
        strict=()
        if [ "${STRICT:-false}" = true ]; then strict=(--strict); fi
        run check --format github "${strict[@]}" "${packs[@]}"
        ;;
    test)
        run test --format github "${packs[@]}"
        if [ -n "${JUNIT:-}" ]; then "$CASEBOOK" test --format junit "${packs[@]}" >"$JUNIT"; fi
        ;;
    fmt) run fmt --check --format github "${packs[@]}" ;;
    rules)
        strict=()
        if [ "${STRICT:-false}" = true ]; then strict=(--strict); fi
        run rules check --format github "${strict[@]}" "${packs[@]}"
        ;;
    schema) run schema --check --out "${SCHEMAS:-schemas}" ;;
    *)
        echo "::error::there is no command \`$command\`; what exists: check, test, fmt, rules, schema"
        failed=1
        ;;
    esac
done
exit "$failed"
