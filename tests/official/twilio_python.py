"""Signs random webhooks with Twilio's own Python library, and checks with it what another has signed.

    twilio_python.py sign COUNT SEED      writes webhooks, one JSON object a line
    twilio_python.py verify               reads them; fails if a genuine one is refused or a forged one is taken
"""

import json
import random
import string
import sys
from urllib.parse import parse_qsl, quote, urlencode

from twilio.request_validator import RequestValidator, get_signature_algorithm

NAMES = ["Body", "From", "To", "MessageSid", "body", "BODY", "MediaUrl0", "ProfileName", "ä", "a b", ""]
LETTERS = string.ascii_letters + string.digits + " +&=%'\"@:/?#\n\t~-._" + "äß漢字👍🏽\u200b"


class Form(list):
    """Pairs as the library expects them of a web framework."""

    def __iter__(self):
        return iter(dict.fromkeys(name for name, _ in super().__iter__()))

    def getlist(self, name):
        return [value for own, value in super().__iter__() if own == name]


def text(chance, longest):
    return "".join(chance.choice(LETTERS) for _ in range(chance.randrange(longest)))


def webhook(chance, number):
    secret = text(chance, 20).strip() + "s"
    host = "https://wa%d.example" % number
    query = [(name, text(chance, 8)) for name in chance.sample(["a", "b", "reference"], chance.randrange(4))]
    path = "/" + quote(text(chance, 10), safe="") + "/hook"
    line = {"secret": secret, "method": "POST", "content_type": "application/x-www-form-urlencoded"}
    algorithm = None
    if chance.random() < 0.4:
        algorithm = chance.choice(["HMAC_SHA256", "HMAC_SHA256", "HMAC_SHA1"])
        line["key"] = "webhooks_sharedkey_%d" % number
        line["settings"] = "key=%s,algorithm=%s" % (line["key"], algorithm)
        assert get_signature_algorithm(line["settings"]) == algorithm
    validator = RequestValidator(secret)
    kind, form, line["body"] = chance.random(), Form(), ""
    if kind < 0.15:
        line["method"] = "GET"
    elif kind < 0.3:
        line["content_type"] = "application/json"
        line["body"] = json.dumps({"text": text(chance, 40)}, ensure_ascii=False)
        query.append(("bodySHA256", validator.compute_hash(line["body"])))
    else:
        form.extend((chance.choice(NAMES), text(chance, 30)) for _ in range(chance.randrange(20)))
        form.extend(chance.sample([(name, value) for name, value in list.__iter__(form)], len(form) // 4))
        line["body"] = urlencode(list(list.__iter__(form)), quote_via=chance.choice([quote, lambda s, *_: quote(s, safe="")]))
        if chance.random() < 0.5:
            line["body"] = line["body"].replace("%20", "+")
    tail = path + ("?" + urlencode(query) if query else "")
    line["url"] = host + tail
    # Twilio signs with the port or without it.
    signed = host + chance.choice(["", ":443"]) + tail
    line["signature"] = validator.compute_signature(signed, form, algorithm)
    assert validator.validate(signed, line["body"] if "bodySHA256" in tail else form, line["signature"], algorithm)
    return line


def forged(chance, line):
    line = dict(line, genuine=False)
    change = chance.randrange(3)
    if change == 0 and line["method"] == "POST":
        line["body"] += chance.choice(["&Forged=1", "&x", "x"])
    elif change == 1:
        line["secret"] += "x"
    else:
        line["url"] += "&forged=1" if "?" in line["url"] else "?forged=1"
    return line


def sign(count, seed):
    chance = random.Random(seed)
    for number in range(count):
        line = webhook(chance, number)
        print(json.dumps(dict(line, genuine=True)))
        print(json.dumps(forged(chance, line)))


def verify():
    counts, wrong = {True: 0, False: 0}, 0
    for text_line in sys.stdin:
        line = json.loads(text_line)
        form = Form(parse_qsl(line["body"], keep_blank_values=True))
        holds = RequestValidator(line["secret"]).validate(line["url"], form, line["signature"])
        counts[line["genuine"]] += 1
        if holds != line["genuine"]:
            wrong += 1
            print("wrong:", text_line, end="")
    print("%d genuine and %d forged webhooks, %d of them wrong" % (counts[True], counts[False], wrong))
    return 0 if not wrong and all(counts.values()) else 1


if sys.argv[1] == "sign":
    sign(int(sys.argv[2]), sys.argv[3])
else:
    sys.exit(verify())
