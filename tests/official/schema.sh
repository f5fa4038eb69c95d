#!/usr/bin/env bash
# Every request of Twilio's side is checked against Twilio's own schema, by Stoplight's Prism.
#
# Needs Node.js with npm and npm's registry. TWILIO_OPENAPI may name a folder with these files of Twilio's public OpenAPI
# repository, in its JSON form; otherwise they are those that Twilio's command line brings along.
#   twilio_messages.json      the paths of messages and their media, out of twilio_api_v2010.json (or all of it)
#   twilio_content_v1.json    contents and templates
#   twilio_messaging_v2.json  typing indicators
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
names=(twilio_messages twilio_content_v1 twilio_messaging_v2)
place=$(mktemp -d)
servers=()
tidy() {
    kill "${servers[@]}" 2>/dev/null || true
    rm -rf "$place"
}
trap tidy EXIT

fetch() { npm install --silent --no-audit --no-fund --ignore-scripts "$@"; }
(cd "$place" && npm init --yes >/dev/null && fetch @stoplight/prism-cli@5.14.2)
if test -z "${TWILIO_OPENAPI:-}"; then
    (cd "$place" && fetch @twilio/cli-core@8.3.2)
    TWILIO_OPENAPI=$place/openapi
    cp -r "$place/node_modules/@twilio/cli-core/src/services/twilio-api" "$TWILIO_OPENAPI"
    cp "$TWILIO_OPENAPI/twilio_api_v2010.json" "$TWILIO_OPENAPI/twilio_messages.json"
fi
TWILIO_OPENAPI=$(cd "$TWILIO_OPENAPI" && pwd)
export TWILIO_OPENAPI
for name in "${names[@]}"; do
    file=$TWILIO_OPENAPI/$name.json
    test -r "$file" || { echo "$file is missing"; exit 1; }
done
cd "$here/../.."
prism=$place/node_modules/.bin/prism
echo "Prism $("$prism" --version)"
cargo test --locked --test it --no-run

free='const net = require("node:net");
const servers = process.argv.slice(1).map(() => net.createServer().listen(0, "127.0.0.1"));
setTimeout(() => { console.log(servers.map((server) => server.address().port).join(" ")); process.exit() }, 100)'
read -ra ports < <(node -e "$free" "${names[@]}")
for index in "${!names[@]}"; do
    name=${names[index]}
    node "$here/closed.mjs" "$TWILIO_OPENAPI/$name.json" "$place/$name.json"
    "$prism" mock --errors --verboseLevel warn --host 127.0.0.1 --port "${ports[index]}" "$place/$name.json" \
        >"$place/$name.log" 2>&1 &
    servers+=($!)
done
for index in "${!names[@]}"; do
    attempt=0
    until (: <"/dev/tcp/127.0.0.1/${ports[index]}") 2>/dev/null; do
        attempt=$((attempt + 1))
        if test "$attempt" -gt 300 || ! kill -0 "${servers[index]}" 2>/dev/null; then
            cat "$place/${names[index]}.log"
            echo "Prism does not serve ${names[index]}"
            exit 1
        fi
        sleep 0.2
    done
done

PRISM_MESSAGES=http://127.0.0.1:${ports[0]} \
    PRISM_CONTENT=http://127.0.0.1:${ports[1]} \
    PRISM_TYPING=http://127.0.0.1:${ports[2]} \
    cargo test --locked --test it official:: -- --ignored --nocapture | tee "$place/said"
# No tests would be a success too.
grep -q '^test result: ok\. [1-9]' "$place/said"
