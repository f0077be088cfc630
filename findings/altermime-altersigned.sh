#!/bin/sh
# altermime 0.3.10 (Debian 12): --altersigned, "Force alterMIME to modify 'signed' emails" in its
# help, has no effect. A message of type multipart/signed stays without the disclaimer, with the
# option and without, before --input and after it, and the exit status is 0 every time. The same
# message under the type multipart/mixed gets it. (A relay that must add a notice to all mail, and
# asks for it by this option, so sends signed mail without.)
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download altermime=0.3.10-12 >/dev/null 2>&1
dpkg -x altermime_*.deb root
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 \
	-subj /CN=finding 2>/dev/null
printf 'Content-Type: text/plain\n\ntext\n' |
	openssl smime -sign -signer cert.pem -inkey key.pem -from alice@example.org \
		-to bob@example.net -subject signed >signed
sed '/^Content-Type: multipart/s|signed|mixed|' signed >mixed
echo 'A legal notice.' >notice

# try MESSAGE OPTION...: how often the notice stands in the message after altermime.
try() {
	cp "$1" message
	shift
	root/usr/bin/altermime "$@" --disclaimer=notice && status=0 || status=$?
	echo "exit status $status, notices: $(grep -c 'legal notice' message)"
}

{
	root/usr/bin/altermime --version | cut -d' ' -f1,2
	try mixed --input=message
	try signed --input=message
	try signed --input=message --altersigned
	try signed --altersigned --input=message
} >out
cat out
diff - out <<'WANT'
alterMIME v0.3.10
exit status 0, notices: 1
exit status 0, notices: 0
exit status 0, notices: 0
exit status 0, notices: 0
WANT
