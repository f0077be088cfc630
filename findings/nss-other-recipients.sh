#!/bin/sh
# NSS 3.87.1 (Debian 12, cmsutil): a message encrypted for an RSA key cannot be opened with that key
# if a password or a key-encryption key can open it too: "SEC_ERROR_BAD_DER: security library:
# improperly formatted DER-encoded message". It is well formed: RFC 5652, Section 6.2, has five kinds
# of RecipientInfo, of which all implementations support the key-encryption key, and has them handle
# gracefully those that they do not support. So what somebody can read depends on the keys of the
# other recipients. OpenSSL opens all three messages with the same key.
# (NSS 3.110 of Debian 13, which is not run here, opens the second one, and still refuses the third:
# SEC_ERROR_UNRECOGNIZED_OID.)
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download libnss3-tools=2:3.87.1-1+deb12u4 libnss3=2:3.87.1-1+deb12u4 libnspr4=2:4.35-1 \
	>/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
PATH=$dir/root/usr/bin:$PATH
LD_LIBRARY_PATH=$(echo root/usr/lib/*-linux-gnu | sed "s|^|$dir/|")
export PATH LD_LIBRARY_PATH
openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem -days 30 \
	-subj /CN=finding 2>/dev/null
echo text >text
encrypt() { openssl cms -encrypt -aes256 -binary -in text -outform DER -recip rsa.pem "$@"; }
encrypt -out rsa.p7
encrypt -out kek.p7 -secretkey 000102030405060708090a0b0c0d0e0f -secretkeyid 01
encrypt -out password.p7 -pwri_password secret
mkdir db
certutil -N -d db --empty-password
openssl pkcs12 -export -inkey rsa.key -in rsa.pem -name finding -passout pass: -out key.p12
pk12util -i key.p12 -d db -W '' >/dev/null
for name in rsa kek password; do
	echo "$name openssl: $(openssl cms -decrypt -inform DER -in $name.p7 -recip rsa.pem -inkey rsa.key)"
	echo "$name cmsutil: $(cmsutil -D -d db -i $name.p7 2>&1 | tail -n 1)"
done >out
cat out
diff - out <<'WANT'
rsa openssl: text
rsa cmsutil: text
kek openssl: text
kek cmsutil: cmsutil: problem decoding: SEC_ERROR_BAD_DER: security library: improperly formatted DER-encoded message.
password openssl: text
password cmsutil: cmsutil: problem decoding: SEC_ERROR_BAD_DER: security library: improperly formatted DER-encoded message.
WANT
