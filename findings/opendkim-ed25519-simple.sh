#!/bin/sh
# OpenDKIM 2.11.0~beta2 (Debian 12): a signature by Ed25519 over a header in the simple form verifies
# nowhere; dkimpy 1.1.4 refuses it. By RSA over the same, and by Ed25519 over a header in the relaxed
# form, it verifies. RFC 6376, Section 3.4.1, changes nothing in a simple header, and RFC 8463,
# Section 3, signs the same digest as for RSA. So Canonicalization simple and Ed25519 do not go
# together there.
set -eu
dir=$(mktemp -d)
trap 'kill $pid 2>/dev/null || true; rm -rf "$dir"' EXIT
pid=
cd "$dir"
version=2.11.0~beta2-8+deb12u1
apt-get download opendkim=$version libopendkim11=$version libvbr2=$version librbl1=$version miltertest=$version \
	libmilter1.0.1 liblua5.3-0 libmemcached11 libhashkit2 libopendbx1 libdb5.3 libldap-2.5-0 libunbound8 libbsd0 libsasl2-2 \
	python3-dkim=1.1.4-1 python3-nacl=1.5.0-2 libsodium23 python3-cffi-backend >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
export PATH="$dir/root/usr/sbin:$dir/root/usr/bin:$PATH"
export LD_LIBRARY_PATH="$(echo "$dir"/root/usr/lib/*-linux-gnu):$(echo "$dir"/root/lib/*-linux-gnu)"
export PYTHONPATH="$dir/root/usr/lib/python3/dist-packages"
openssl genpkey -algorithm ed25519 -out ed25519-sha256.pem
openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out rsa-sha256.pem 2>/dev/null
cat >session.lua <<'LUA'
c = mt.connect("local:socket")
mt.conninfo(c, "client.example.org", "127.0.0.1")
mt.mailfrom(c, "<alice@example.org>")
mt.rcptto(c, "<bob@example.net>")
mt.header(c, "From", "alice@example.org")
mt.header(c, "Subject", "Chairs")
mt.eoh(c)
mt.bodystring(c, "Three, please.\r\n")
mt.eom(c)
io.write(mt.getheader(c, "DKIM-Signature", 0))
mt.disconnect(c)
LUA
cat >verify.py <<'PY'
import subprocess, sys, base64, re, dkim
alg, field = sys.argv[1], re.sub(r"\r?\n", "\r\n", sys.stdin.read().strip())
der = subprocess.run(["openssl", "pkey", "-in", alg + ".pem", "-pubout", "-outform", "DER"], capture_output=True).stdout
key = der[-32:] if alg.startswith("ed") else der
record = "v=DKIM1; k=%s; p=%s" % (alg.split("-")[0], base64.b64encode(key).decode())
mail = "DKIM-Signature: %s\r\nFrom: alice@example.org\r\nSubject: Chairs\r\n\r\nThree, please.\r\n" % field
print("verifies" if dkim.verify(mail.encode(), dnsfunc=lambda name, **_: record.encode()) else "does not verify")
PY
for canonical in relaxed/relaxed simple/relaxed; do
	for alg in rsa-sha256 ed25519-sha256; do
		printf '%s\n' "Syslog no" "Mode s" "RequireSafeKeys no" "Domain example.org" "Selector s" "KeyFile $alg.pem" \
			"SignatureAlgorithm $alg" "Canonicalization $canonical" "Socket local:socket" >conf
		rm -f socket
		opendkim -f -x conf & pid=$!
		while [ ! -S socket ] && kill -0 $pid; do sleep 0.1; done
		miltertest -s session.lua >field
		kill $pid
		wait $pid || true
		echo "$alg $canonical: $(python3 verify.py $alg <field)"
	done
done >out
cat out
diff - out <<'WANT'
rsa-sha256 relaxed/relaxed: verifies
ed25519-sha256 relaxed/relaxed: verifies
rsa-sha256 simple/relaxed: verifies
ed25519-sha256 simple/relaxed: does not verify
WANT
