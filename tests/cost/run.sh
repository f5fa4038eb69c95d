#!/usr/bin/env bash
# Counts the instructions that it takes to verify and read a webhook that is hard to read, and the same for one of twice
# the size: no more than 2.3 times as many. Instructions are the same every time, whatever else the machine does.
#
# Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/../.."

SORTS=9
SIZE=${1:-16000}
export COST_SIDE COST_SORT COST_SIZE

binary=$(cargo test --locked --quiet --test it --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\/it-[^"]*\)".*/\1/p' | tail -n 1)
test -x "$binary"

# Prints the instructions for one webhook of COST_SIDE, COST_SORT and COST_SIZE.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" --exact conformance::cost::of_one_webhook \
        --ignored --test-threads=1 2>&1 >/dev/null | sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

failed=0
for COST_SIDE in meta twilio; do
    for ((COST_SORT = 0; COST_SORT < SORTS; COST_SORT++)); do
        COST_SIZE=1 && least=$(count)
        COST_SIZE=$SIZE && once=$(($(count) - least))
        COST_SIZE=$((2 * SIZE)) && twice=$(($(count) - least))
        echo "$COST_SIDE, sort $COST_SORT: $once instructions for $SIZE bytes, $twice for twice as many"
        test "$once" -gt 0 && test $((twice * 10)) -le $((once * 23)) || failed=1
    done
done
test "$failed" -eq 0 || { echo "twice the size is more than 2.3 times the work"; exit 1; }
