#!/bin/sh
# certtool 3.7.9 (GnuTLS with libtasn1 4.19, Debian 12) reads no certificate that has an extension,
# not critical, whose OID is a UUID below 2.25 (ITU-T X.667): "ASN1 parser: Error in DER parsing".
# libtasn1 holds each number of an OID in 64 bits, and a UUID has 128. OpenSSL verifies all three.
# (The same holds for a signature in PKCS #7 with such an OID among the attributes that nothing
# signs or reads, so that an OID of one's own is better made another way.)
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 \
	libtasn1-6=4.19.0-2+deb12u1 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done

try() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert \
		-subj /CN=finding -days 30 -addext "$1=DER:0500" 2>/dev/null
	echo "$1"
	openssl verify -CAfile cert cert | sed 's/^cert/openssl/'
	LD_LIBRARY_PATH=$(echo "$dir"/root/usr/lib/*-linux-gnu) root/usr/bin/certtool \
		--certificate-info --infile cert 2>&1 | sed -n '1s/^/certtool: /p'
}

{
	root/usr/bin/certtool --version 2>/dev/null | head -1
	try 2.25.9223372036854775807
	try 2.25.18446744073709551616
	try 2.25.113509215235227872955838768449428574475
} >out
cat out
diff - out <<'WANT'
certtool 3.7.9
2.25.9223372036854775807
openssl: OK
certtool: X.509 Certificate Information:
2.25.18446744073709551616
openssl: OK
certtool: import error: ASN1 parser: Error in DER parsing.
2.25.113509215235227872955838768449428574475
openssl: OK
certtool: import error: ASN1 parser: Error in DER parsing.
WANT
