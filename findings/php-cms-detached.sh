#!/bin/sh
# PHP 8.2.36 (Debian 12): openssl_cms_sign cannot write multipart/signed. With the flag
# OPENSSL_CMS_DETACHED and OPENSSL_ENCODING_SMIME it fails: "Detached signatures not possible with
# S/MIME encoding", although this is the usual form of signed mail; detached DER it does write.
# The older openssl_pkcs7_sign writes multipart/signed from the same text and key, so what has
# replaced it by openssl_cms_sign can send signed mail in the opaque form only.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download php8.2-cli=8.2.36-1~deb12u1 php8.2-common=8.2.36-1~deb12u1 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 \
	-subj /CN=finding 2>/dev/null
printf 'Content-Type: text/plain\n\ntext\n' >text
cat >try.php <<'PHP'
<?php
function told(string $name, bool $ok, string $file): void
{
    if (!$ok) {
        echo $name, ': ', preg_replace('/.*\(\): /', '', error_get_last()['message']), "\n";
        return;
    }
    $found = preg_match('/^Content-Type: ([^;]*)/m', file_get_contents($file), $m);
    echo $name, ': ', $found ? $m[1] : 'not MIME', "\n";
}

$with = ['file://cert.pem', 'file://key.pem', []];
told('pkcs7 detached S/MIME', openssl_pkcs7_sign('text', 'a', ...[...$with, PKCS7_DETACHED]), 'a');
told('cms opaque S/MIME', openssl_cms_sign('text', 'b', ...[...$with, 0, OPENSSL_ENCODING_SMIME]), 'b');
told('cms detached DER', openssl_cms_sign('text', 'c', ...[...$with, OPENSSL_CMS_DETACHED, OPENSSL_ENCODING_DER]), 'c');
told('cms detached S/MIME', @openssl_cms_sign('text', 'd', ...[...$with, OPENSSL_CMS_DETACHED, OPENSSL_ENCODING_SMIME]), 'd');
PHP
root/usr/bin/php8.2 -n try.php >out
cat out
diff - out <<'WANT'
pkcs7 detached S/MIME: multipart/signed
cms opaque S/MIME: application/pkcs7-mime
cms detached DER: not MIME
cms detached S/MIME: Detached signatures not possible with S/MIME encoding
WANT
