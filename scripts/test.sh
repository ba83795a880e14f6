#!/usr/bin/env bash
# Runs the suites named (unit, doc, e2e), every one even if an earlier one fails, and ends with one
# line `N passed, N failed`. Exit status 1 when anything failed or a suite did not run.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/target/tools/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 broken=()

# Runs one suite and shows its output while it runs; counts come from what it printed.
suite() { # name, command…
  local name=$1 status=0 ok bad
  shift
  printf '\n== %s: %s\n' "$name" "$*"
  "$@" 2>&1 | tee "$log" || status=$?
  read -r ok bad < <(counts "$log")
  passed=$((passed + ok)) failed=$((failed + bad))
  if [ "$status" != 0 ] && [ "$bad" = 0 ]; then broken+=("$name (exit status $status)"); fi
  if [ "$status" = 0 ] && [ "$ok" = 0 ]; then broken+=("$name (ran no test)"); fi
}

# nextest: `Summary [ 1.2s] 34 tests run: 33 passed (1 slow), 1 failed, 2 timed out, 5 skipped`
# cargo test: `test result: ok. 5 passed; 0 failed; 0 ignored; …`
counts() {
  sed -e 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    /Summary \[/ || /^test result:/ {
      n = split($0, part, /[:,;.] */)
      for (i = 1; i <= n; i++) {
        if (part[i] ~ /^[0-9]+ passed/) { split(part[i], w, " "); ok += w[1] }
        if (part[i] ~ /^[0-9]+ (failed|timed out|exec failed)/) { split(part[i], w, " "); bad += w[1] }
      }
    }
    END { print ok + 0, bad + 0 }'
}

for what in "$@"; do
  case "$what" in
    unit) suite unit cargo nextest run --locked --workspace --no-fail-fast ;;
    doc) suite doc cargo test --locked --workspace --doc --no-fail-fast ;;
    e2e)
      # The end-to-end test drives the binary as a user would, so it must be built first.
      cargo build --locked --workspace --bins
      suite e2e cargo nextest run --locked --workspace --profile e2e --no-fail-fast
      ;;
    *) echo "unknown suite: $what (known: unit doc e2e)" >&2; exit 2 ;;
  esac
done

printf '\n'
for name in ${broken[@]+"${broken[@]}"}; do printf 'suite did not run properly: %s\n' "$name"; done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ ${#broken[@]} = 0 ]
