#!/usr/bin/env bash
# Builds a release that is optimised for what servers do most: built once to count what is executed, run, and built again
# with the counts, which is rustc's profile-guided optimisation.
#
#   rustup component add llvm-tools        # or LLVM_PROFDATA=/path/to/llvm-profdata
#   deploy/optimised/build.sh              # to target/optimised/casebook
#   deploy/optimised/build.sh PROGRAM      # to another file
#
# It takes twice as long as `cargo build --release`, and needs Python for the client that plays.
set -euo pipefail
cd "$(dirname "$0")/../.."

packs=(scenarios/email-ops scenarios/email-triage)
target=${CARGO_TARGET_DIR:-target}/optimised
program=${1:-$target/casebook}
host=$(rustc -vV | sed -n 's/^host: //p')
profdata=${LLVM_PROFDATA:-$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata}
if ! "$profdata" --version >/dev/null 2>&1; then
    echo "$profdata does not run; \`rustup component add llvm-tools\` installs it" >&2
    exit 1
fi

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

# The target is named so that the flags are not for programs which only run while it builds.
built=$target/$host/release/casebook
build() { RUSTFLAGS=$1 cargo build --release --locked --package casebook --target "$host" --target-dir "$target"; }

build "-Cprofile-generate=$work/counts"
for policy in oracle random nothing; do
    "$built" run "${packs[@]}" --policy "$policy" --episodes 100 --record "$work/episodes" >/dev/null
done
"$built" serve "${packs[@]}" --port 0 --no-reload --max-sessions 1000 >"$work/served" &
server=$!
until grep -q 'serving on' "$work/served"; do
    kill -0 "$server"
    sleep 0.1
done
python3 deploy/optimised/play.py "$(sed -n '1s/.*://p' "$work/served")" "$work/episodes"
kill -INT "$server"
wait "$server"
server=

"$profdata" merge --output "$work/profile" "$work/counts"
build "-Cprofile-use=$work/profile"
cp "$built" "$program"
echo "$program"
