#!/bin/sh
# gpgsm 2.2.40 (Debian 12) cannot import one PKCS #12 file of 128 that OpenSSL writes by -legacy
# (PBE-SHA1-3DES), with the right passphrase: "decryption failed", "data error at
# shrouded_key_bag.decrypted-text". The same key and passphrase with another salt is imported.
# It depends on the salt and passphrase alone: the key derivation of RFC 7292, Appendix B.2, step 6C,
# adds to each 64-octet block of salt and passphrase. Where a sum begins with a zero octet, gpgsm goes
# on with another value than OpenSSL. 3DES needs one such step, of two blocks, hence 2 in 256.
# Below, files are told apart by that octet alone, before gpgsm sees them. (A script that imports
# keys for a test so fails now and then; exporting again cures it.)
set -eu
dir=$(mktemp -d /tmp/finding.XXXXXX) # short: gpg-agent's socket stands in it
trap 'gpgconf --homedir "$dir/home" --kill all 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download gpgsm=2.2.40-1.1+deb12u2 gpg-agent=2.2.40-1.1+deb12u2 gpgconf=2.2.40-1.1+deb12u2 \
	libksba8=1.6.3-2 libassuan0=2.5.5-5 libnpth0=1.6-3 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
PATH=$dir/root/usr/bin:$PATH
LD_LIBRARY_PATH=$(echo root/usr/lib/*-linux-gnu | sed "s|^|$dir/|")
export PATH LD_LIBRARY_PATH
mkdir -m 700 home
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 \
	-subj /CN=finding 2>/dev/null
cat >try.py <<'PY'
import hashlib, os, subprocess

OID = bytes.fromhex("060a2a864886f70d010c0103300e0408")  # PBE-SHA1-3DES, and the head of its salt


def export():
    subprocess.run("openssl pkcs12 -export -legacy -in cert.pem -inkey key.pem -passout pass:x -out p12".split(), check=True)
    data = open("p12", "rb").read()
    at = data.rindex(OID) + len(OID)  # that of the key, behind the certificate's
    return data[at : at + 8]


def zero_first(salt):
    """RFC 7292, Appendix B.2: does a sum of step 6C begin with a zero octet?"""
    blocks = [salt * 8, ("x\0".encode("utf-16-be") * 16)]
    a = bytes([1]) * 64 + b"".join(blocks)
    for _ in range(2048):
        a = hashlib.sha1(a).digest()
    b = int.from_bytes((a * 4)[:64], "big") + 1
    return any((int.from_bytes(i, "big") + b) % 2**512 >> 504 == 0 for i in blocks)


def imported():
    r = subprocess.run(
        ["gpgsm", "--homedir", "home", "--agent-program", os.path.abspath("root/usr/bin/gpg-agent"), "--batch", "--yes",
         "--pinentry-mode", "loopback", "--passphrase-fd", "0", "--import", "p12"],
        input=b"x", capture_output=True)
    return r.returncode == 0


seen = {True: [], False: []}
for _ in range(5000):
    zero = zero_first(export())
    if len(seen[zero]) < 3:
        seen[zero].append(imported())
    if len(seen[True]) == len(seen[False]) == 3:
        break
print("a zero octet first:", *seen[True])
print("none:", *seen[False])
PY
gpgsm --version | head -1 >out
python3 try.py >>out
cat out
diff - out <<'WANT'
gpgsm (GnuPG) 2.2.40
a zero octet first: False False False
none: True True True
WANT
