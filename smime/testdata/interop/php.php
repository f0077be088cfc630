<?php
// Signs and verifies S/MIME messages with PHP's openssl extension, and encrypts and decrypts them, by
// cms CMS alone.
// cms|pkcs7 sign ENTITY OUT attached|detached KEY CERTIFICATE
// cms|pkcs7 verify MESSAGE ANCHOR
// cms|pkcs7 encrypt|decrypt IN OUT KEY CERTIFICATE [CIPHER]
[, $api, $job, $in] = $argv;
if ($job === 'sign') {
    [, , , , $out, $form, $key, $cert] = $argv;
    $keys = ["file://$cert", "file://$key"];
    $done = $api === 'cms'
        ? openssl_cms_sign($in, $out, ...$keys, headers: [], flags: ($form === 'detached' ? OPENSSL_CMS_DETACHED : 0) | OPENSSL_CMS_BINARY)
        : openssl_pkcs7_sign($in, $out, ...$keys, headers: [], flags: ($form === 'detached' ? PKCS7_DETACHED : 0) | PKCS7_BINARY);
} elseif ($job === 'encrypt') {
    [, , , , $out, , $cert, $name] = $argv;
    $ciphers = ['aes-128-cbc' => OPENSSL_CIPHER_AES_128_CBC, 'aes-256-cbc' => OPENSSL_CIPHER_AES_256_CBC, '3des-cbc' => OPENSSL_CIPHER_3DES];
    $cipher = $ciphers[$name] ?? throw new Exception("no cipher $name");
    $done = $api === 'cms'
        ? openssl_cms_encrypt($in, $out, "file://$cert", [], OPENSSL_CMS_BINARY, OPENSSL_ENCODING_DER, $cipher)
        : openssl_pkcs7_encrypt($in, $out, "file://$cert", [], PKCS7_BINARY, $cipher);
} elseif ($job === 'decrypt') {
    [, , , , $out, $key, $cert] = $argv;
    $done = $api === 'cms'
        ? openssl_cms_decrypt($in, $out, "file://$cert", "file://$key", OPENSSL_ENCODING_DER)
        : openssl_pkcs7_decrypt($in, $out, "file://$cert", "file://$key");
} else {
    $done = $api === 'cms'
        ? openssl_cms_verify($in, ca_info: [$argv[4]])
        : openssl_pkcs7_verify($in, 0, null, [$argv[4]]) === true;
}
if (!$done) {
    while ($error = openssl_error_string()) echo "$error\n";
    exit(1);
}
