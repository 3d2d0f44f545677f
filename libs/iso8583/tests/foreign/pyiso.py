"""Speaks a dialect through pyiso8583, a codec written by others.

Arguments: the dialect file. Each line of standard input is `D HEX`, a message to decode, or
`E MTI NUMBER=HEX ...`, one to encode; the value of a data element is the hex of its characters or
bytes. The answer is a line: `MTI NUMBER=HEX ...`, or HEX, or `! why not`.
"""

import sys

import iso8583
from iso8583.specs import default

PAGES = {"packed": "ascii", "ascii": "latin-1", "ebcdic": "cp037"}


def spec_of(path):
    head, spec = {}, {"h": dict(default["h"], max_len=0)}
    for line in open(path, encoding="utf-8"):
        columns = line.split("#")[0].split()
        if columns and columns[0].isdigit():
            spec[columns[0]] = row(head["numerals"][0], columns)
        elif columns:
            head[columns[0]] = columns[1:]
    numerals = head["numerals"][0]
    page = PAGES[numerals]
    digits = "b" if numerals == "packed" else page
    mti_size = 2 if numerals == "packed" else 4
    spec["t"] = dict(default["t"], data_enc=digits, max_len=mti_size)
    form = "b" if head["bitmap"][0].startswith("binary") else page
    map_size = 8 if form == "b" else 16
    for key in ("p", "1"):
        spec[key] = dict(default[key], data_enc=form, max_len=map_size)
    return spec


def row(numerals, columns):
    _, length, length_max, form = columns[:4]
    page = PAGES[numerals]
    row = {"max_len": int(length_max), "len_count": "bytes", "desc": form, "form": form}
    row["len_type"] = {"FIXED": 0, "LL": 2, "LLL": 3}[length]
    row["len_enc"] = page
    if numerals == "packed":
        row["len_enc"] = "bcd"
        row["len_type"] = {"FIXED": 0, "LL": 1, "LLL": 2}[length]
    row["data_enc"] = page if page != "ascii" else "latin-1"
    if form.startswith("packed"):
        row["data_enc"], row["len_count"] = "b", "nibbles"
        row["left_pad" if form == "packed-right" else "right_pad"] = "0"
    elif form == "binary":
        row["data_enc"] = "b"
    elif form == "hex":
        row["max_len"] *= 2
    return row


def value_of(spec, text):
    """The bytes of a value as the test knows it."""
    if spec["form"] in ("binary", "hex"):
        return bytes.fromhex(text)
    if spec["form"] == "packed-track":
        text = text.replace("D", "=")
    return text.encode("latin-1")


def text_of(spec, value):
    if spec["form"] in ("binary", "hex"):
        return value.hex().upper()
    text = value.decode("latin-1")
    return text.replace("=", "D") if spec["form"] == "packed-track" else text


def decode(spec, words):
    decoded, _ = iso8583.decode(bytes.fromhex(words[0]), spec)
    parts = [decoded["t"]]
    for number in sorted(int(key) for key in decoded if key.isdigit() and key != "1"):
        field = spec[str(number)]
        parts.append(f"{number}={value_of(field, decoded[str(number)]).hex()}")
    return " ".join(parts)


def encode(spec, words):
    message = {"t": words[0]}
    for word in words[1:]:
        number, value = word.split("=")
        message[number] = text_of(spec[number], bytes.fromhex(value))
    encoded, _ = iso8583.encode(message, spec)
    return encoded.hex()


def main():
    spec = spec_of(sys.argv[1])
    for line in sys.stdin:
        kind, *words = line.split()
        try:
            answer = (decode if kind == "D" else encode)(spec, words)
        except Exception as error:  # Whatever it is, the test shows it.
            answer = f"! {error!r}".replace("\n", " ")
        print(answer, flush=True)


main()
