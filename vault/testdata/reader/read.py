#!/usr/bin/python3
"""Reads a vault. Written from docs/vault-format.md alone.

    read.py FOLDER            reads the ways in from standard input, one JSON object:
                              {"recovery": "…"} or {"passphrase": "…"}, and "machine"
    read.py --vectors FILE…   answers for each published vector, one JSON object a line
    read.py --exports FILE…   answers for each export, likewise; {"passphrase": "…"} or
                              {"identity": "AGE-SECRET-KEY-1…"} on standard input

Needs python3-nacl. It writes nothing into the folder.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import struct
import sys
import unicodedata

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
MIB = 1 << 20


class Refusal(Exception):
    """The answer, and why."""

    def __init__(self, answer, why=""):
        super().__init__(f"{answer}: {why}")
        self.answer = answer


class Missing(Exception):
    pass


class OtherKey(Exception):
    pass


def damaged(why):
    return Refusal("damaged", why)


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def hkdf(secret, salt, info, size):
    prk = mac(salt or bytes(32), secret)
    out = block = b""
    for i in range(1, 2 + size // 32):
        block = mac(prk, block, info, bytes([i]))
        out += block
    return out[:size]


# age-encryption.org/v1


def bech32_decode(text, want):
    if text.lower() != text and text.upper() != text:
        raise ValueError("mixed case")
    text = text.lower()
    hrp, _, data = text.rpartition("1")
    if hrp != want or any(c not in CHARSET for c in data):
        raise ValueError("not Bech32")
    values = [CHARSET.index(c) for c in data]
    check = 1
    for v in [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp] + values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ v
        for i, g in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= g if top >> i & 1 else 0
    if check != 1:
        raise ValueError("checksum")
    number = 0
    for v in values[:-6]:
        number = number << 5 | v
    spare = 5 * len(values[:-6]) % 8
    if spare >= 5 or number & (1 << spare) - 1:
        raise ValueError("padding")
    return (number >> spare).to_bytes(5 * len(values[:-6]) // 8, "big")


def identity(text):
    key = bech32_decode(text, "age-secret-key-")
    if len(key) != 32:
        raise ValueError("length")
    return key


def raw64(text):
    data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if base64.b64encode(data).decode().rstrip("=") != text:
        raise ValueError("base64")
    return data


class AgeError(Exception):
    """Not a whole age file."""


class NoMatch(Exception):
    pass


def age_parse(data):
    """The stanzas, the header without its MAC, the MAC and the payload."""
    at = 0

    def line():
        nonlocal at
        end = data.index(b"\n", at)
        text, at = data[at:end].decode("ascii"), end + 1
        return text

    if line() != "age-encryption.org/v1":
        raise ValueError("intro")
    stanzas = []
    while data[at : at + 3] != b"---":
        head = line().split(" ")
        if head[0] != "->" or len(head) < 2 or "" in head:
            raise ValueError("stanza")
        body = b""
        while True:
            part = raw64(line())
            if len(part) > 48:
                raise ValueError("line")
            body += part
            if len(part) < 48:
                break
        stanzas.append((head[1], head[2:], body))
    if not stanzas:
        raise ValueError("no stanza")
    covered = data[: at + 3]
    end = line().split(" ")
    if len(end) != 2 or end[0] != "---":
        raise ValueError("end")
    seal = raw64(end[1])
    if len(seal) != 32:
        raise ValueError("MAC")
    return stanzas, covered, seal, data[at:]


def chacha(key, nonce, sealed, error):
    try:
        return sodium.crypto_aead_chacha20poly1305_ietf_decrypt(sealed, b"", nonce, key)
    except CryptoError:
        raise error from None


def unwrap_x25519(key, stanzas):
    public = sodium.crypto_scalarmult_base(key)
    for kind, args, body in stanzas:
        if kind != "X25519":
            continue
        share = raw64(args[0]) if len(args) == 1 else b""
        if len(share) != 32 or len(body) != 32:
            raise ValueError("X25519 stanza")
        secret = sodium.crypto_scalarmult(key, share)
        if secret == bytes(32):
            raise ValueError("low order")
        wrap = hkdf(secret, share + public, b"age-encryption.org/v1/X25519", 32)
        try:
            return chacha(wrap, bytes(12), body, NoMatch())
        except NoMatch:
            continue
    raise NoMatch()


def unwrap_scrypt(passphrase, stanzas):
    if "scrypt" not in [s[0] for s in stanzas]:
        raise NoMatch()
    if len(stanzas) != 1:
        raise ValueError("scrypt must be alone")
    _, args, body = stanzas[0]
    if len(args) != 2 or len(body) != 32 or not re.fullmatch("[1-9][0-9]?", args[1]) or int(args[1]) > 20:
        raise ValueError("scrypt stanza")
    salt, n = raw64(args[0]), 1 << int(args[1])
    if len(salt) != 16:
        raise ValueError("salt")
    key = hashlib.scrypt(
        passphrase, salt=b"age-encryption.org/v1/scrypt" + salt, n=n, r=8, p=1, maxmem=2 * 1024 * n + MIB, dklen=32
    )
    return chacha(key, bytes(12), body, NoMatch())


def age_open(data, unwraps):
    """NoMatch if nothing fits, AgeError if the file is not whole."""
    try:
        stanzas, covered, seal, payload = age_parse(data)
        for unwrap in unwraps:
            try:
                file_key = unwrap(stanzas)
                break
            except NoMatch:
                continue
        else:
            raise NoMatch()
        if not hmac.compare_digest(mac(hkdf(file_key, b"", b"header", 32), covered), seal):
            raise ValueError("header MAC")
        if len(payload) < 16 + 16:
            raise ValueError("payload")
        key = hkdf(file_key, payload[:16], b"payload", 32)
        payload = payload[16:]
        plain, chunk = b"", 65536 + 16
        count = -(-len(payload) // chunk)
        for i in range(count):
            last = i == count - 1
            part = chacha(
                key, i.to_bytes(11, "big") + bytes([last]), payload[i * chunk : (i + 1) * chunk], ValueError("chunk")
            )
            if last and i > 0 and not part:
                raise ValueError("empty chunk")
            plain += part
        return plain
    except (ValueError, binascii.Error, RuntimeError, CryptoError, TypeError) as e:
        raise AgeError(str(e)) from None


# the folder


class Folder:
    """Names and bytes, of a real folder or of a vector."""

    def __init__(self, files):
        self.files = files

    def read(self, name, limit):
        data = self.files.get(name)
        if data is None:
            raise Missing(name)
        if len(data) > limit:
            raise damaged(f"{name} is too large")
        return data


def from_disk(path):
    files = {}
    for base, _, names in os.walk(path):
        for name in names:
            full = os.path.join(base, name)
            with open(full, "rb") as f:
                files[os.path.relpath(full, path)] = f.read()
    return Folder(files)


# the header


def is_hex(s, size):
    return isinstance(s, str) and re.fullmatch("[0-9a-f]{%d}" % (2 * size), s) is not None


def quote(s):
    text = json.dumps(s, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


WAY = ("id", "kind", "added", "root", "identity")


def encode_header(h, compact):
    gap, nl = ("", "") if compact else (" ", "\n")

    def tabs(n):
        return "" if compact else "\t" * n

    ways = []
    for w in h["ways"]:
        members = [f'{tabs(3)}"{k}":{gap}{quote(w[k])}' for k in WAY if k in w]
        ways.append(tabs(2) + "{" + nl + ("," + nl).join(members) + nl + tabs(2) + "}")
    seal = "" if compact else h["mac"]
    return (
        "{" + nl
        + f'{tabs(1)}"format":{gap}{h["format"]},{nl}'
        + f'{tabs(1)}"vault":{gap}{quote(h["vault"])},{nl}'
        + f'{tabs(1)}"ways":{gap}[{nl}' + ("," + nl).join(ways) + nl + tabs(1) + "]," + nl
        + f'{tabs(1)}"mac":{gap}{quote(seal)}{nl}' + "}" + nl
    ).encode()


def read_header(folder):
    try:
        text = folder.read("profile.json", MIB)
    except Missing:
        if "snapshot" in folder.files or "journal" in folder.files:
            raise damaged("no header") from None
        raise Refusal("no vault") from None
    try:
        h = json.loads(text.decode())
        version = h["format"]
        if type(version) is not int or not -(1 << 63) <= version < 1 << 63:
            raise ValueError("format")
        if version > 1:
            raise Refusal("future")
        ways = h["ways"]
        if version != 1 or not ways or encode_header(h, False) != text:
            raise ValueError("form")
        ids = [w["id"] for w in ways]
        good = is_hex(h["vault"], 16) and len(set(ids)) == len(ids)
        for w in ways:
            good = good and is_hex(w["id"], 16) and is_hex(w["root"], 32)
            good = good and ("identity" not in w or is_hex(w["identity"], 32))
            good = good and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", w["added"])
        if not good:
            raise ValueError("member")
        return h
    except (ValueError, KeyError, TypeError) as e:
        raise damaged(f"header: {e!r}") from None


# from a way in to the root key


def slot_file(folder, name):
    try:
        data = folder.read(f"slots/{name}.age", 64 << 10)
    except Missing:
        raise damaged("a slot is missing") from None
    if hashlib.sha256(data).hexdigest() != name:
        raise damaged("a slot is not what its name says")
    return data


def recovery_identity(text):
    letters = re.sub(r"[\s\-\u2010-\u2015\u2212]", "", text).upper().removeprefix("AGESECRETKEY1")
    return identity("AGE-SECRET-KEY-1" + letters)


def open_slot(folder, way, secrets):
    sealed = slot_file(folder, way["root"])
    locked = slot_file(folder, way["identity"]) if "identity" in way else b""
    try:
        if way["kind"] == "recovery":
            key = recovery_identity(secrets["recovery"])
        else:
            word = unicodedata.normalize("NFC", secrets["passphrase"]).encode()
            text = age_open(locked, [lambda s: unwrap_scrypt(word, s)])
            try:
                key = identity(text.strip().decode())
            except ValueError:
                raise damaged("no identity in a slot") from None
        root = age_open(sealed, [lambda s: unwrap_x25519(key, s)])
    except NoMatch:
        raise Refusal("wrong key") from None
    except AgeError as e:
        raise damaged(f"slot: {e}") from None
    if len(root) != 32:
        raise damaged("no root key in a slot")
    return root


def unlock(folder, h, secrets):
    kind = "recovery" if "recovery" in secrets else "passphrase"
    refusal = Refusal("wrong key")
    for way in h["ways"]:
        if way["kind"] != kind:
            continue
        try:
            return open_slot(folder, way, secrets)
        except Refusal as r:
            if refusal.answer != "damaged":
                refusal = r
    raise refusal


class Keys:
    def __init__(self, vault, root):
        def derive(purpose, size=32):
            return hkdf(root, vault, b"dancecard vault 1 " + purpose, size)

        self.vault, self.id = vault, derive(b"key id", 16)
        self.lists, self.heads = derive(b"list of ways"), derive(b"file heads")
        self.texts = {b"SNAP": derive(b"state"), b"JRNL": derive(b"state"), b"ACTV": derive(b"activity")}


# files of frames

BOUND = 256 * MIB // 44


class Fault(Exception):
    pass


class Frames:
    def __init__(self, keys, kind, data):
        if len(data) < 64:
            raise damaged("short head")
        if data[:8] != b"DCV1" + kind:
            if data[:3] == b"DCV" and data[3:4] in b"23456789":
                raise Refusal("future")
            raise damaged("not a head of ours")
        if data[8:24] != keys.vault:
            raise damaged("another vault's")
        if data[24:40] != keys.id:
            raise OtherKey()
        if mac(keys.heads, b"head", data[:48])[:16] != data[48:64]:
            raise damaged("changed head")
        self.data, self.head, self.heads, self.key = data, data[:64], keys.heads, keys.texts[kind]
        self.generation = struct.unpack(">Q", data[40:48])[0]

    def frame_head(self, at):
        if len(self.data) - at < 44:
            raise Fault("short")
        sequence, n = struct.unpack(">QI", self.data[at : at + 12])
        want = mac(self.heads, b"frame", self.head, self.data[at : at + 12])[:8]
        if not 16 <= n <= 16 * MIB + 16 or want != self.data[at + 12 : at + 20]:
            raise Fault("head")
        return sequence, n

    def open(self, at, expected):
        sequence, n = self.frame_head(at)
        if sequence != expected:
            raise Fault("order")
        if len(self.data) < at + 44 + n:
            raise Fault("short")
        sealed = self.data[at + 44 : at + 44 + n]
        try:
            plain = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed, self.head + self.data[at : at + 12], self.data[at + 20 : at + 44], self.key
            )
        except CryptoError:
            raise Fault("body") from None
        return plain, at + 44 + n

    def torn(self, at, expected, fault):
        if fault == "short":
            return True
        if fault == "head":
            return not self.follows(at, expected) and self.hole(at, expected)
        if fault == "body":
            return at + 44 + self.frame_head(at)[1] == len(self.data) and self.hole(at, expected)
        return False

    def follows(self, at, expected):
        for i in range(at, len(self.data) - 43):
            sequence = struct.unpack(">Q", self.data[i : i + 8])[0]
            if not expected < sequence <= expected + BOUND:
                continue
            try:
                self.frame_head(i)
                return True
            except Fault:
                continue
        return False

    def hole(self, at, expected):
        natural = struct.pack(">Q", expected)
        first = True
        while at < len(self.data):
            end = min(at + 512 - at % 512, len(self.data))
            written = first and end - at <= 8 and not any(natural[: end - at])
            if not any(self.data[at:end]) and not written:
                return True
            at, first = end, False
        return False


def varint(b, at):
    number = shift = 0
    start = at
    while True:
        if at >= len(b) or at - start > 9:
            raise damaged("varint")
        c = b[at]
        at += 1
        number |= (c & 127) << shift
        shift += 7
        if c < 128:
            break
    if c == 0 and at - start > 1 or number >= 1 << 64:
        raise damaged("varint")
    return number, at


def text_at(b, at, limit):
    n, at = varint(b, at)
    if n > limit or n > len(b) - at:
        raise damaged("length")
    return b[at : at + n], at + n


def records(b):
    if not b:
        raise damaged("a frame without records")
    out, at = [], 0
    while at < len(b):
        op = b[at]
        if op not in (1, 2):
            raise damaged("record")
        key, at = text_at(b, at + 1, 1024)
        value = None
        if not key:
            raise damaged("no key")
        if op == 1:
            value, at = text_at(b, at, 8 * MIB)
        out.append((key, value))
    return out


def apply(state, changes):
    for key, value in changes:
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value


def pick(folder, keys, name, kind, generation=None):
    def read(name):
        return Frames(keys, kind, folder.read(name, 256 * MIB))

    why = None
    try:
        f = read(name)
        if generation is None or f.generation == generation:
            return f
    except (Missing, OtherKey) as e:
        why = e
    try:
        f = read(name + ".new")
        if generation is None or f.generation == generation:
            return f
    except (Missing, OtherKey, Refusal):
        pass
    raise damaged(f"{name}: {why!r}")


def read_snapshot(f, state):
    at, sequence, count = 64, 1, 0
    while True:
        try:
            plain, at = f.open(at, sequence)
        except Fault as e:
            raise damaged(f"snapshot: {e}") from None
        if plain[:1] == b"\0":
            number, end = varint(plain, 1)
            if number != count or end != len(plain) or at != len(f.data):
                raise damaged("end of snapshot")
            return
        changes = records(plain)
        count += len(changes)
        apply(state, changes)
        sequence += 1


def read_journal(f, state):
    at, sequence = 64, 1
    while at < len(f.data):
        try:
            plain, end = f.open(at, sequence)
        except Fault as e:
            if f.torn(at, sequence, str(e)):
                return True
            raise damaged(f"journal: {e}") from None
        apply(state, records(plain))
        at, sequence = end, sequence + 1
    return False


# inbox, activity


def read_item(keys, identities, data, number):
    if len(data) > 16 * MIB:
        return None
    try:
        plain = age_open(data, [lambda s, k=k: unwrap_x25519(k, s) for k in identities])
    except (AgeError, NoMatch):
        return None
    if plain[:24] != keys.vault + struct.pack(">Q", number) or len(plain) < 24:
        return None
    return plain[24:]


def read_inbox(folder, keys, state):
    try:
        record = json.loads(state[b"\0inbox"])
        identities = [identity(text) for text in record["identities"]]
        merged = record["merged"]
        if not identities or type(merged) is not int or merged < 0:
            raise ValueError()
    except (KeyError, ValueError, TypeError):
        raise damaged("no inbox") from None
    items, findings = {}, []
    for path in sorted(folder.files):
        if not path.startswith("inbox/"):
            continue
        name, data = path.removeprefix("inbox/"), folder.files[path]
        whole = re.fullmatch(r"([0-9a-f]{16})\.age", name.removesuffix(".new"))
        number = int(whole[1], 16) if whole else None
        if not name.endswith(".new"):
            if whole and number > merged:
                items.setdefault(number, data)
        elif whole and read_item(keys, identities, data, number) is not None:
            if number > merged:
                items[number] = data
        elif data:
            findings.append("torn-tail")
    good, bad = [], []
    for number, data in sorted(items.items()):
        item = read_item(keys, identities, data, number)
        if item is None:
            bad.append("inbox/%016x.age" % number)
        else:
            good.append(item)
    return good, bad, findings


def entries(folder, keys, name):
    """The entries before the first fault, and whether there was none."""
    f = Frames(keys, b"ACTV", folder.read(name, 256 * MIB))
    out, at = [], 64
    try:
        while at < len(f.data):
            plain, at = f.open(at, len(out) + 1)
            out.append(plain)
    except Fault:
        return out, False
    return out, True


def read_activity(folder, keys):
    """Newest first."""
    try:
        newer, _ = entries(folder, keys, "activity")
    except (Missing, OtherKey):
        newer = []
        try:
            new, whole = entries(folder, keys, "activity.new")
            if whole:
                return new[::-1]
        except (Missing, OtherKey, Refusal):
            pass
    except Refusal:
        newer = []
    try:
        older, _ = entries(folder, keys, "activity.1")
    except (Missing, OtherKey, Refusal):
        older = []
    return newer[::-1] + older[::-1]


def read_vault(folder, secrets):
    h = read_header(folder)
    root = unlock(folder, h, secrets)
    keys = Keys(bytes.fromhex(h["vault"]), root)
    want = base64.b64encode(mac(keys.lists, encode_header(h, True))).decode()
    if not hmac.compare_digest(want.encode(), h["mac"].encode()):
        raise damaged("the list of ways does not fit its seal")
    state = {}
    try:
        snapshot = pick(folder, keys, "snapshot", b"SNAP")
        read_snapshot(snapshot, state)
        torn = read_journal(pick(folder, keys, "journal", b"JRNL", snapshot.generation), state)
    except OtherKey:
        raise damaged("another key") from None
    items, bad, findings = read_inbox(folder, keys, state)
    if torn:
        findings.append("torn-tail")
    was, machine = state.get(b"\0machine", b""), secrets.get("machine", "").encode()
    now = hashlib.sha256(b"dancecard machine " + keys.vault + machine).digest()
    if machine and was and was != now or b"\0imported" in state:
        findings.append("moved")

    def show(b):
        return b.decode("utf-8", "backslashreplace")

    return {
        "answer": "ok",
        "records": [[show(k), show(v)] for k, v in sorted(state.items()) if k[0] != 0],
        "inbox": [show(i) for i in items],
        "bad": bad,
        "findings": findings,
        "activity": [show(e) for e in read_activity(folder, keys)],
    }


def read_export(data, secrets):
    if "identity" in secrets:
        key = identity(secrets["identity"])
        unwrap = lambda s: unwrap_x25519(key, s)
    else:
        word = unicodedata.normalize("NFC", secrets["passphrase"]).encode()
        unwrap = lambda s: unwrap_scrypt(word, s)
    try:
        plain = age_open(data, [unwrap])
    except NoMatch:
        raise Refusal("wrong key") from None
    except AgeError as e:
        raise damaged(str(e)) from None
    first = re.match(rb"dancecard export ([1-9][0-9]{0,8})\n", plain)
    if not first:
        raise damaged("first line")
    if first[1] != b"1":
        raise Refusal("future")
    line = re.match(rb"([^\n]*)\n", plain[first.end() :])
    if not line or first.end() + line.end() > 4096:
        raise damaged("head")
    try:
        h = json.loads(line[1].decode())
        form = '{"vault":%s,"generation":%d,"made":%s}' % (quote(h["vault"]), h["generation"], quote(h["made"]))
        good = is_hex(h["vault"], 16) and 0 <= h["generation"] < 1 << 64 and form.encode() == line[1]
        if not good or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", h["made"]):
            raise ValueError()
    except (ValueError, KeyError, TypeError):
        raise damaged("head") from None
    at, out, total = first.end() + line.end(), [], 0
    while True:
        op = plain[at : at + 1]
        if op == b"\0":
            count, at = varint(plain, at + 1)
            if count != len(out) or at != len(plain):
                raise damaged("end")
            return {"answer": "ok", "records": [[k.decode("utf-8", "backslashreplace"), v.decode("utf-8", "backslashreplace")] for k, v in out]}
        if op != b"\1":
            raise damaged("record")
        key, at = text_at(plain, at + 1, 1024)
        value, at = text_at(plain, at, 8 * MIB)
        total += len(key) + len(value)
        if not key or min(key) < 32 or out and key <= out[-1][0] or total > 128 * MIB:
            raise damaged("order")
        out.append((key, value))


def answer(folder, secrets, read=read_vault):
    try:
        return read(folder, secrets)
    except Refusal as r:
        return {"answer": r.answer, "why": str(r)}


def vector(path):
    """The folder and the ways in of a vector: txtar with base64."""
    with open(path, encoding="utf-8", newline="") as f:
        text = f.read()
    secrets = {"machine": "machine one"}
    parts = re.split(r"(?m)^-- (.+) --\n", text)
    for line in parts[0].split("\n"):
        name, _, value = line.partition(": ")
        if name in ("recovery", "passphrase", "machine"):
            secrets[name] = value
    files = {parts[i]: base64.b64decode(parts[i + 1]) for i in range(1, len(parts), 2)}
    return Folder(files), secrets


def main():
    if sys.argv[1] == "--vectors":
        for path in sys.argv[2:]:
            print(json.dumps(answer(*vector(path))), flush=True)
    elif sys.argv[1] == "--exports":
        secrets = json.load(sys.stdin)
        for path in sys.argv[2:]:
            with open(path, "rb") as f:
                print(json.dumps(answer(f.read(), secrets, read_export)), flush=True)
    else:
        print(json.dumps(answer(from_disk(sys.argv[1]), json.load(sys.stdin))))


main()
