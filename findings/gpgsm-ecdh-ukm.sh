#!/bin/sh
# gpgsm 2.4.7 with libksba 1.6.7 (Debian 13): it cannot open what is encrypted for a key on an elliptic
# curve where the sender put in a ukm (UserKeyingMaterial): "ecdh failed in gcry_cipher_decrypt: Checksum
# error". NSS always does so, hence Thunderbird too, so that users of GnuPG cannot read what they are sent
# from there. RFC 5652, Section 6.2.2, has implementations accept a ukm, and RFC 5753, Section 7.2, makes
# it part of what the key is derived from (ECC-CMS-SharedInfo); gpgsm's own debug output shows an empty
# one, so it derives another key. Without ukm, as OpenSSL writes, it opens the message; OpenSSL opens both
# with the same key. (Two messages of Bouncy Castle that differ in nothing else, by setUserKeyingMaterial,
# go the same way. This needs root, and makes a Debian 13 with mmdebstrap, which takes a minute.)
set -eu
dir=$(mktemp -d)
trap 'rm -rf --one-file-system "$dir"' EXIT
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
mmdebstrap --quiet --variant=essential --include=gpgsm,gpg-agent,gpgconf,openssl,libnss3-tools trixie \
	"$dir/root" ${mirror:+"$mirror"} 2>/dev/null
mkdir "$dir/root/x"
cat >"$dir/root/x/try" <<'SH'
set -eu
cd /x
export GNUPGHOME=/x
printf 'disable-crl-checks\ndisable-dirmngr\n' >gpgsm.conf
echo allow-loopback-pinentry >gpg-agent.conf
quiet() { "$@" >/dev/null 2>&1; }
quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -days 30 \
	-subj /CN=alice -addext keyUsage=digitalSignature,keyEncipherment,keyAgreement
openssl x509 -in cert -noout -fingerprint -sha1 | sed 's/.*=//; s/$/ S relax/' >trustlist.txt
openssl pkcs12 -export -in cert -inkey key -passout pass:x -name alice -out p12
gpgsm='gpgsm --batch --pinentry-mode loopback --passphrase-fd 0'
echo x | quiet $gpgsm --import p12
quiet certutil -N -d sql:. --empty-password
quiet pk12util -i p12 -d sql:. -W x -K ''
certutil -M -d sql:. -n alice -t P,P,P

gpgsm --version | sed -n '1p; /libksba/p'
echo text >text
openssl cms -encrypt -aes128 -binary -in text -outform DER -out OpenSSL.p7 \
	-recip cert -keyopt ecdh_kdf_md:sha256
cmsutil -E -d sql:. -r alice -i text -o NSS.p7
for name in OpenSSL NSS; do
	echo "$name: OCTET STRINGs of 64 octets: $(openssl asn1parse -inform DER -in $name.p7 | grep -c 'l=  64 .*OCTET')" || true
	echo "openssl: $(openssl cms -decrypt -inform DER -in $name.p7 -inkey key -recip cert 2>&1)"
	echo x | $gpgsm --debug crypto --decrypt $name.p7 >plain 2>log || true
	sed -n 's/gpgsm: DBG: ukm \.*: *\(.*\)/gpgsm: ukm "\1"/p; s/^gpgsm: ecdh/&/p' log
	sed 's/^/gpgsm: /' plain
done
quiet gpgconf --kill gpg-agent
SH
unshare --mount sh -c 'mount --rbind /proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$1" sh /x/try' \
	sh "$dir/root" >"$dir/out"
cat "$dir/out"
diff - "$dir/out" <<'WANT'
gpgsm (GnuPG) 2.4.7
libksba 1.6.7
OpenSSL: OCTET STRINGs of 64 octets: 0
openssl: text
gpgsm: ukm ""
gpgsm: text
NSS: OCTET STRINGs of 64 octets: 1
openssl: text
gpgsm: ukm ""
gpgsm: ecdh failed in gcry_cipher_decrypt: Checksum error
WANT
