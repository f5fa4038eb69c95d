#!/usr/bin/env bash
# The playground in headless Chromium.
#
#   run.sh                        the test
#   run.sh --screenshots FOLDER   the test, which leaves pictures of the page there
#   run.sh --expect-failure       the test against a service that does not fail over, which must fail where Twilio
#                                 should have carried the message
#
# Needs Node.js with npm, and chromium (or CHROMIUM, its path).
set -euo pipefail
cd "$(dirname "$0")"

folder=
expect_failure=
case "${1:-}" in
--screenshots) folder=$(realpath "$2") ;;
--expect-failure) expect_failure=yes ;;
'') ;;
*) sed -n '2,9p' "$0" && exit 2 ;;
esac

npm ci --silent --no-audit --no-fund
cargo build --locked --quiet --example playground
target=$(cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')

output=$(mktemp)
"$target/debug/examples/playground" --port 0 ${expect_failure:+--without-failover} >"$output" &
playground=$!
trap 'kill "$playground" 2>/dev/null || true; rm -f "$output" "$output.test"' EXIT
for _ in $(seq 100); do
    url=$(head -n 1 "$output")
    test -n "$url" && break
    sleep 0.1
done
test -n "$url" || { echo "the playground did not start"; exit 1; }

if test -z "$expect_failure"; then
    node playground.mjs "$url" ${folder:+"$folder"}
    exit
fi
if node playground.mjs "$url" >"$output.test" 2>&1; then
    echo "without failover the test must fail, and it did not"
    exit 1
fi
cat "$output.test"
grep -q 'failed at: the next message arrives by Twilio' "$output.test" || { echo "it failed elsewhere"; exit 1; }
echo "without failover it fails, as it must"
