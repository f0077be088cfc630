#!/usr/bin/env python3
"""Reads files of evidence as dnseal-evidence(5) describes them: prints messages and names.

It checks version, sums, references and seal, and that each wire form is whole. It validates no
DNSSEC signature. Exit status: 0 sealed and right, 1 not as it was written, 3 right, but not sealed.
"""
import base64
import hashlib
import json
import struct
import sys

TYPES = {"SMIMEA": 53, "TLSA": 52, "DNSKEY": 48, "DS": 43, "NSEC": 47, "NSEC3": 50, "SOA": 6, "CNAME": 5, "DNAME": 39, "RRSIG": 46}


class Wrong(Exception):
    pass


def records(wire):
    """The types of the records of a set."""
    at = 0
    while at < len(wire):
        while wire[at]:
            if wire[at] > 63:
                raise Wrong("a name in wire form is compressed")
            at += wire[at] + 1
        kind, _, _, length = struct.unpack_from("!HHIH", wire, at + 1)
        at += 11 + length
        yield kind
    if at != len(wire):
        raise Wrong("the last record is cut")


def check_set(fields):
    kinds = list(records(base64.b64decode(fields["wire"], validate=True)))
    rest = [k for k in kinds if k != TYPES["RRSIG"]]
    if not rest or kinds != rest + [TYPES["RRSIG"]] * (len(kinds) - len(rest)) or len(set(rest)) != 1:
        raise Wrong("it is no set with its signatures after it")


def check_order(lookup, sets):
    """What was asked for comes before the keys, and keys and DS go up to the root (RFC 9102)."""
    depth = lambda name: len([l for l in name.split(".") if l])
    chain = [s for s in sets if s["type"] in ("DNSKEY", "DS")]
    if lookup["status"] == "secure" and (not sets or sets[-1]["type"] != "DNSKEY" and chain):
        raise Wrong("the chain does not end at the keys of the trust anchor's zone")
    asked = [i for i, s in enumerate(sets) if s["type"] == lookup["type"] and s["name"] == lookup["name"]]
    first = [i for i, s in enumerate(sets) if s["type"] == "DNSKEY"]
    if asked and first and asked[0] > first[0]:
        raise Wrong("the answer is not before the keys")
    if len(asked) == 1 and lookup["status"] == "secure":
        depths = [depth(s["name"]) for s in chain]
        if depths != sorted(depths, reverse=True):
            raise Wrong("keys and DS do not go up to the root")


def read(data):
    before, everything, lines, sealed, count = "", hashlib.sha256(), {}, False, 0
    whole, _, cut = data.rpartition(b"\n")
    for number, line in enumerate(whole.split(b"\n"), 1):
        try:
            if len(line) > 1 << 20:
                raise Wrong("it is too long")
            text, tail = line[:-42], line[-42:]
            if tail[:8] != b',"sum":"' or tail[-2:] != b'"}' or sealed:
                raise Wrong("it has no sum, or follows the seal")
            total = hashlib.sha256(before.encode() + text).hexdigest()[:32]
            before = tail[8:40].decode()
            if before != total:
                raise Wrong("its sum is wrong")
            value = json.loads(line)
            del value["sum"]
            if number == 1:
                if value["dnseal-evidence"] != 1:
                    raise Wrong("version %s" % value["dnseal-evidence"])
            else:
                (kind, fields), = value.items()
                if kind == "set":
                    check_set(fields)
                elif kind == "lookup":
                    check_order(fields, [lines[h]["set"] for h in fields["sets"]])
                elif kind == "message":
                    count += 1
                    names = [lines[h]["lookup"]["name"] for h in fields["lookups"]]
                    lines[fields["anchors"]]["anchors"], lines[fields["policy"]]["policy"]
                    print(fields["message_id"], fields["verdict"], *names)
                elif kind == "seal":
                    if fields["sha256"] != everything.hexdigest() or fields["messages"] != count:
                        raise Wrong("the seal is of other lines")
                    sealed = True
            lines[hashlib.sha256(line).hexdigest()] = value
            everything.update(line + b"\n")
        except (Wrong, ValueError, KeyError, TypeError, IndexError, struct.error) as e:
            raise Wrong("line %d: %r" % (number, e))
    if sealed and cut:
        raise Wrong("something follows the seal")
    return sealed


def main():
    try:
        with open(sys.argv[1], "rb") as f:
            sealed = read(f.read())
    except Wrong as e:
        print(e, file=sys.stderr)
        return 1
    return 0 if sealed else 3


if __name__ == "__main__":
    sys.exit(main())
