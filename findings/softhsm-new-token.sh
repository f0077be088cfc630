#!/bin/sh
# SoftHSM 2.6.1 (Debian 12): a token that softhsm2-util makes is not shown to a process that has
# initialised the module before, however often that one calls C_GetSlotList, also with a null list,
# by which a module may take note of changes (PKCS #11 2.40, Section 5.5). A process that calls
# C_Initialize afterwards sees it; so does the first one after C_Finalize and C_Initialize. (A daemon
# that signs by SoftHSM needs that, or a restart, for a new token.)
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download softhsm2=2.6.1-2.1 libsofthsm2=2.6.1-2.1 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
mkdir tokens
printf 'directories.tokendir = %s/tokens\nlog.level = ERROR\n' "$dir" >softhsm2.conf
export SOFTHSM2_CONF="$dir/softhsm2.conf"
cat >look.py <<'PY'
import ctypes, glob, os, subprocess

MODULE = glob.glob("root/usr/lib/*/softhsm/libsofthsm2.so")[0]
TOKEN_INITIALIZED = 0x400


def init_token(label):
    subprocess.run(["root/usr/bin/softhsm2-util", "--module", MODULE, "--init-token", "--free", "--label", label,
                    "--so-pin", "123456", "--pin", "123456"], check=True, stdout=subprocess.DEVNULL)


def labels():
    """The tokens that this process is shown."""
    count = ctypes.c_ulong()
    assert c.C_GetSlotList(ctypes.c_ubyte(1), None, ctypes.byref(count)) == 0
    slots = (ctypes.c_ulong * count.value)()
    assert c.C_GetSlotList(ctypes.c_ubyte(1), slots, ctypes.byref(count)) == 0
    found = []
    for slot in slots[: count.value]:
        info = ctypes.create_string_buffer(1024)
        # CK_TOKEN_INFO: label 32, manufacturer 32, model 16, serial number 16, flags.
        if c.C_GetTokenInfo(ctypes.c_ulong(slot), info) == 0:
            if ctypes.c_ulong.from_buffer(info, 96).value & TOKEN_INITIALIZED:
                found.append(info.raw[:32].decode().rstrip())
    return " ".join(sorted(found))


init_token("first")
c = ctypes.CDLL(MODULE)
assert c.C_Initialize(None) == 0
print("at the start:", labels())
init_token("second")
for _ in range(3):
    last = labels()
print("second was made:", last)
assert c.C_Finalize(None) == 0 and c.C_Initialize(None) == 0
print("initialised again:", labels())
PY
python3 look.py >out
cat out
diff - out <<'WANT'
at the start: first
second was made: first
initialised again: first second
WANT
