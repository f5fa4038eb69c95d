#!/usr/bin/env bash
# Twilio's own libraries and this crate check each other's signatures, in both directions, genuine and forged ones.
#
# Needs Python 3 with venv, Node.js with npm, and their registries. SEED=… repeats a run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
count=${COUNT:-200}
seed=${SEED:-$RANDOM$RANDOM}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$here/../.."

python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check twilio==9.13.0
mkdir "$place/node"
(cd "$place/node" && npm init --yes >/dev/null && npm install --silent --no-audit --no-fund twilio@6.2.0)
python() { "$place/venv/bin/python" "$here/twilio_python.py" "$@"; }
node() { (cd "$place/node" && command node "$here/twilio_node.mjs" "$@"); }
ours() { cargo run --locked --quiet --example signatures -- "$@"; }
version() { "$place/venv/bin/python" -c 'import twilio; print(twilio.__version__)'; }
echo "Python's $(version), Node's $(command node -p "require('$place/node/node_modules/twilio/package.json').version"), seed $seed"

ours sign "$count" >"$place/ours"
for library in python node; do
    "$library" sign "$count" "$seed" >"$place/$library.lines"
    ours verify <"$place/$library.lines" >"$place/said" || { head -n 5 "$place/said"; exit 1; }
    echo "signed by $library, checked here: $(tail -n 1 "$place/said")"
    "$library" verify <"$place/ours" >"$place/said" || { head -n 5 "$place/said"; exit 1; }
    echo "signed here, checked by $library: $(tail -n 1 "$place/said")"
done
