#!/usr/bin/env bash
# Runs the corpus tests and shows, per area, the line `corpus: N cases, M failed`.
# KEYWARD_CORPUS=DIR runs that folder's files in place of the project's own copy; a relative DIR is
# taken from where `make` was called.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/target/tools/bin:$PATH"

if [ -n "${KEYWARD_CORPUS:-}" ]; then
  [ -d "$KEYWARD_CORPUS" ] || { echo "KEYWARD_CORPUS: no folder at $KEYWARD_CORPUS" >&2; exit 2; }
  KEYWARD_CORPUS=$(cd "$KEYWARD_CORPUS" && pwd)
  export KEYWARD_CORPUS
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
# Tests run inside their own crate's folder, one at a time, with their output shown.
cargo nextest run --locked --workspace --no-fail-fast --no-capture \
  -E 'binary(/(^|_)corpus$/)' 2>&1 | tee "$log" || status=$?

printf '\n'
grep -E 'corpus: [0-9]+ cases, [0-9]+ failed' "$log" | sort -u || { echo 'no corpus test reported its cases' >&2; status=1; }
exit "$status"
