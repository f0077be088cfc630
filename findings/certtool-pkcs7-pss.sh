#!/bin/sh
# certtool 3.7.9 (GnuTLS, Debian 12) does not verify what it signs itself in PKCS #7 with an RSA-PSS
# key and SHA-384 or SHA-512: "verification failed: Some constraint limits were reached". It reads
# the algorithm of every such signature as RSA-PSS-SHA256, whatever digest the parameters name, and
# that digest the key does not allow. OpenSSL verifies all three. (The self-signed certificates of
# the same keys certtool verifies: only the signatures in PKCS #7 are concerned.)
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
PATH=$dir/root/usr/bin:$PATH
printf 'cn=finding\nca\nsigning_key\ncert_signing_key\nexpiration_days=30\n' >template
echo text >text

# gnutls runs certtool with its own libraries, so that openssl keeps those of the system.
gnutls() {
	LD_LIBRARY_PATH=$(echo "$dir"/root/usr/lib/*-linux-gnu) certtool "$@" 2>&1
}

try() {
	gnutls --generate-privkey --key-type rsa-pss --hash "$1" --bits 3072 --outfile key >/dev/null
	gnutls --generate-self-signed --load-privkey key --template template --hash "$1" \
		--outfile cert >/dev/null
	gnutls --p7-detached-sign --load-privkey key --load-certificate cert --hash "$1" \
		--infile text --outder --outfile p7 >/dev/null
	echo "$1"
	openssl asn1parse -inform DER -in p7 | sed -n 's/.*OBJECT *:\(sha[0-9]*\)$/\1/p' | tail -1 |
		sed 's/^/digest in the parameters: /'
	gnutls --verify --verify-profile low --load-ca-certificate cert --infile cert |
		sed -n 's/^Chain verification output: \([A-Za-z ]*\).*/certificate: \1/p'
	gnutls --p7-verify --inder --infile p7 --load-data text --load-ca-certificate cert |
		sed -n 's/^\t\(Signature [Aas].*\)/\1/p'
	openssl cms -verify -inform DER -in p7 -content text -binary -CAfile cert -purpose any \
		2>&1 >/dev/null | sed 's/^/openssl: /'
}

{
	gnutls --version | head -1
	for hash in SHA256 SHA384 SHA512; do try "$hash"; done
} >out
cat out
diff - out <<'WANT'
certtool 3.7.9
SHA256
digest in the parameters: sha256
certificate: Verified
Signature status: ok
Signature Algorithm: RSA-PSS-SHA256
openssl: CMS Verification successful
SHA384
digest in the parameters: sha384
certificate: Verified
Signature status: verification failed: Some constraint limits were reached.
Signature Algorithm: RSA-PSS-SHA256
openssl: CMS Verification successful
SHA512
digest in the parameters: sha512
certificate: Verified
Signature status: verification failed: Some constraint limits were reached.
Signature Algorithm: RSA-PSS-SHA256
openssl: CMS Verification successful
WANT
