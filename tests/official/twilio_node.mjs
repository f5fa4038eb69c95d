// Signs random webhooks with Twilio's own library for Node.js, and checks with it what another has signed.
//
//     twilio_node.mjs sign COUNT SEED      writes webhooks, one JSON object a line
//     twilio_node.mjs verify               reads them; fails if a genuine one is refused or a forged one is taken
//
// The library is looked for where the program is started.

import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const twilio = createRequire(`${process.cwd()}/`)("twilio");
const { getExpectedTwilioSignature, validateRequest, validateRequestWithBody } = twilio;

const NAMES = ["Body", "From", "To", "MessageSid", "body", "BODY", "MediaUrl0", "ProfileName", "ä", "a b"];
const LETTERS = [...`abcxyzABCXYZ0123456789 +&=%'"@:/?#\n\t~-._äß漢字👍🏽\u200b`];

// Any bytes of which the next ones cannot be guessed will do; these are the same for the same seed.
function dice(seed) {
  let drawn = 0;
  return (below) => {
    const hash = createHash("sha256").update(`${seed}/${drawn++}`).digest();
    return hash.readUInt32BE(0) % below;
  };
}

function text(roll, longest) {
  return Array.from({ length: roll(longest) }, () => LETTERS[roll(LETTERS.length)]).join("");
}

function webhook(roll, number) {
  const secret = `${text(roll, 20).trim()}s`;
  const line = { secret, method: "POST", content_type: "application/x-www-form-urlencoded", body: "" };
  const query = ["a", "b", "reference"].slice(0, roll(4)).map((name) => [name, text(roll, 8)]);
  const path = `/${encodeURIComponent(text(roll, 10))}/hook`;
  const params = {};
  const kind = roll(10);
  if (kind < 2) {
    line.method = "GET";
  } else if (kind < 4) {
    line.content_type = "application/json";
    line.body = JSON.stringify({ text: text(roll, 40) });
    query.push(["bodySHA256", createHash("sha256").update(line.body).digest("hex")]);
  } else {
    const pairs = Array.from({ length: roll(20) }, () => [NAMES[roll(NAMES.length)], text(roll, 30)]);
    pairs.push(...pairs.slice(0, pairs.length / 4));
    for (const [name, value] of pairs) (params[name] ??= []).push(value);
    line.body = new URLSearchParams(pairs).toString();
    if (roll(2)) line.body = line.body.replaceAll("+", "%20");
  }
  const encoded = query.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
  const tail = path + (encoded && `?${encoded}`);
  line.url = `https://wa${number}.example${tail}`;
  // Twilio signs with the port or without it, and a quotation mark as it is though it may send it encoded.
  const signed = `https://wa${number}.example${["", ":443"][roll(2)]}${tail}`;
  line.signature = getExpectedTwilioSignature(secret, signed, params);
  if (encoded && roll(2)) line.url = line.url.slice(0, line.url.indexOf("?")) + `?${encoded}`.replaceAll("'", "%27");
  return line;
}

function forged(roll, line) {
  const change = roll(3);
  if (change === 0 && line.method === "POST") return { ...line, body: `${line.body}&Forged=1`, genuine: false };
  if (change === 1) return { ...line, secret: `${line.secret}x`, genuine: false };
  return { ...line, url: line.url + (line.url.includes("?") ? "&forged=1" : "?forged=1"), genuine: false };
}

function sign(count, seed) {
  const roll = dice(seed);
  for (let number = 0; number < count; number++) {
    const line = webhook(roll, number);
    console.log(JSON.stringify({ ...line, genuine: true }));
    console.log(JSON.stringify(forged(roll, line)));
  }
}

function holds(line) {
  if (line.content_type.includes("json")) {
    return validateRequestWithBody(line.secret, line.signature, line.url, line.body);
  }
  const params = {};
  for (const [name, value] of new URLSearchParams(line.body)) (params[name] ??= []).push(value);
  return validateRequest(line.secret, line.signature, line.url, params);
}

async function verify() {
  const counts = { true: 0, false: 0 };
  let wrong = 0;
  for await (const text of createInterface({ input: process.stdin })) {
    const line = JSON.parse(text);
    counts[line.genuine]++;
    if (holds(line) !== line.genuine) {
      wrong++;
      console.log(`wrong: ${text}`);
    }
  }
  console.log(`${counts.true} genuine and ${counts.false} forged webhooks, ${wrong} of them wrong`);
  process.exitCode = wrong === 0 && counts.true > 0 && counts.false > 0 ? 0 : 1;
}

const [word, count, seed] = process.argv.slice(2);
if (word === "sign") sign(Number(count), seed);
else await verify();
