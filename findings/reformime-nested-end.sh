#!/bin/sh
# reformime 2.9.3 (maildrop, Debian 12): -r, which adds MIME headers and re-encodes text,
# leaves the parts of multipart/signed as they are, but writes its boundary anew and puts
# a line end of its own before the new delimiter. Where the signed part is a multipart that ends at
# its closing delimiter ("--inner--", no epilogue, RFC 2046, Section 5.1.1), the part gets an empty
# line more, and the signature does not verify any longer. An inner multipart with a line end as its
# epilogue, or a text part, is passed on as it was. (OpenSSL signs both forms alike.)
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download maildrop=2.9.3-2.1 >/dev/null 2>&1
dpkg -x maildrop_*.deb root
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 \
	-subj /CN=finding 2>/dev/null

# verified says in one line whether the S/MIME message on standard input verifies.
verified() {
	openssl smime -verify -CAfile cert.pem -purpose any 2>&1 >/dev/null |
		sed -n -e 's/.*:\(digest failure\):.*/\1/p' -e 's/^Verification successful/ok/p'
}

# try NAME: signs the MIME entity on standard input and passes the message through reformime.
try() {
	openssl smime -sign -signer cert.pem -inkey key.pem >signed 2>/dev/null
	root/usr/bin/reformime -r <signed >passed
	echo "$1: $(verified <signed), after reformime: $(verified <passed)"
}

multipart='Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain

text
--inner--'
{
	printf 'Content-Type: text/plain\n\ntext\n' | try 'a text part'
	printf '%s\n' "$multipart" | try 'a multipart and a line end'
	printf '%s' "$multipart" | try 'a multipart'
} >out
cat out
diff - out <<'WANT'
a text part: ok, after reformime: ok
a multipart and a line end: ok, after reformime: ok
a multipart: ok, after reformime: digest failure
WANT
