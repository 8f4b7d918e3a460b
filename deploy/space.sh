#!/usr/bin/env bash
# Prepares the folder that `openenv push` wants: the sources of the image and the package files next to them.
#
#   deploy/space.sh /tmp/casebook && openenv push /tmp/casebook --repo-id owner/casebook
set -euo pipefail
out=${1:?usage: deploy/space.sh FOLDER}
cd "$(dirname "$0")/.."
mkdir -p "$out"
if [ -n "$(ls -A "$out")" ]; then
    echo "$out is not empty" >&2
    exit 1
fi
git ls-files -z -- Cargo.toml Cargo.lock Dockerfile LICENSE README.md openenv.yaml engine plugins scenarios ':!**/tests/**' |
    xargs -0 cp --parents --target-directory "$out"
cp -r deploy/package/. "$out"
