<?php
// Signs and verifies S/MIME messages with PHP's openssl extension.
// cms|pkcs7 sign ENTITY OUT attached|detached KEY CERTIFICATE
// cms|pkcs7 verify MESSAGE ANCHOR
[, $api, $job, $in] = $argv;
if ($job === 'sign') {
    [, , , , $out, $form, $key, $cert] = $argv;
    $keys = ["file://$cert", "file://$key"];
    $done = $api === 'cms'
        ? openssl_cms_sign($in, $out, ...$keys, headers: [], flags: ($form === 'detached' ? OPENSSL_CMS_DETACHED : 0) | OPENSSL_CMS_BINARY)
        : openssl_pkcs7_sign($in, $out, ...$keys, headers: [], flags: ($form === 'detached' ? PKCS7_DETACHED : 0) | PKCS7_BINARY);
} else {
    $done = $api === 'cms'
        ? openssl_cms_verify($in, ca_info: [$argv[4]])
        : openssl_pkcs7_verify($in, 0, null, [$argv[4]]) === true;
}
if (!$done) {
    while ($error = openssl_error_string()) echo "$error\n";
    exit(1);
}
