#!/bin/sh
# tpm2-openssl 1.1.1 (Debian 12), the TPM 2.0 provider of OpenSSL 3, writes a key as the PEM block TSS2
# PRIVATE KEY, whose contents are to be DER (draft-bottomley-tpm2-keys-01, Section 3.1). The optional
# emptyAuth [0] EXPLICIT BOOLEAN has the value 01: TRUE in BER, while DER has FF alone (X.690, Section
# 11.1). openssl asn1parse and the provider itself read it. (A strict reader of DER, as Go's
# encoding/asn1 is, refuses such a key.)
set -eu
dir=$(mktemp -d)
trap 'kill $pid 2>/dev/null; wait 2>/dev/null; rm -rf "$dir"' EXIT
pid=
cd "$dir"
apt-get download tpm2-openssl=1.1.1-1 libtss2-esys-3.0.2-0=3.2.1-3 libtss2-sys1=3.2.1-3 libtss2-mu0=3.2.1-3 \
	libtss2-rc0=3.2.1-3 libtss2-tctildr0=3.2.1-3 libtss2-tcti-swtpm0=3.2.1-3 \
	swtpm=0.7.1-1.3 swtpm-libs=0.7.1-1.3 libtpms0=0.9.2-3.1+deb12u1 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
lib=$(echo "$dir"/root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$lib:$lib/swtpm" OPENSSL_MODULES="$lib/ossl-modules" TPM2OPENSSL_TCTI="swtpm:path=$dir/tpm"
mkdir state
root/usr/bin/swtpm socket --tpm2 --tpmstate dir=state --flags not-need-init,startup-clear \
	--server type=unixio,path=tpm --ctrl type=unixio,path=tpm.ctrl 2>/dev/null &
pid=$!
for _ in $(seq 300); do [ -S tpm ] && break || sleep 0.1; done
openssl genpkey -provider tpm2 -algorithm EC -pkeyopt group:P-256 -out key.pem
{
	head -1 key.pem
	# The outer SEQUENCE, the type, [0], and in it the BOOLEAN: tag, length, value.
	openssl asn1parse -in key.pem -noout -out key.der
	openssl asn1parse -in key.pem | sed -n 's/^ *[0-9]*:d=2.*prim: \(BOOLEAN.*\)/\1/p' | tr -s ' '
	od -An -tx1 -v key.der | tr -d ' \n' | grep -o 'a0030101..' | head -1
} >out
cat out
diff - out <<'WANT'
-----BEGIN TSS2 PRIVATE KEY-----
BOOLEAN :1
a003010101
WANT
