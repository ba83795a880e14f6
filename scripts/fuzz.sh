#!/usr/bin/env bash
# Runs each fuzz target for FUZZ_SECONDS (default 300) and stops at the first that finds something.
# FUZZ_TARGETS='a b' picks some. libFuzzer needs a nightly toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/target/tools/bin:$PATH"
seconds=${FUZZ_SECONDS:-300}

case "$seconds" in ''|*[!0-9]*) echo "FUZZ_SECONDS must be a number of seconds, not '$seconds'" >&2; exit 2 ;; esac
if ! cargo +nightly --version >/dev/null 2>&1; then
  echo 'make fuzz needs a nightly toolchain, and none is installed: rustup toolchain install nightly' >&2
  exit 2
fi
scripts/setup.sh fuzz

mapfile -t all < <(cargo +nightly fuzz list)
[ ${#all[@]} -gt 0 ] || { echo 'fuzz/ declares no targets' >&2; exit 2; }
read -r -a picked <<<"${FUZZ_TARGETS:-${all[*]}}"

for target in "${picked[@]}"; do
  printf '\n== fuzz %s for %s s\n' "$target" "$seconds"
  # Seeds are committed; what the fuzzer finds grows beside them and is not.
  seeds=()
  [ -d "fuzz/seeds/$target" ] && seeds=("fuzz/seeds/$target")
  mkdir -p "fuzz/corpus/$target"
  cargo +nightly fuzz run "$target" "fuzz/corpus/$target" ${seeds[@]+"${seeds[@]}"} -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
done
printf '\n%d fuzz target(s) ran %s s each and found nothing\n' "${#picked[@]}" "$seconds"
