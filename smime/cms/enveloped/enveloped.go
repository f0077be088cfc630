// Package enveloped reads and writes encrypted content of the Cryptographic Message Syntax as
// S/MIME 4.0 needs it (RFC 8551): EnvelopedData (RFC 5652, Section 6) and AuthEnvelopedData (RFC
// 5083).
//
// # Where to start
//
// [Encrypt] encrypts for any number of [Recipient]s. [Decrypt] opens what one of several [Key]s can
// open; [Key.Ready] is for those that do it often. Content under an authenticated cipher is written
// out only after its tag held; nothing authenticates content under CBC, and [Content] says so.
//
// # Limitations
//
// The package knows nothing of mail, DNS or certificate trust: whether a key is the recipient's,
// and whether its certificate may be used for encryption, is for the caller to decide. Every
// failure to decrypt is the one [ErrDecrypt], so that nobody learns by trying which step failed.
// Recipients by password and by a key-encryption key of their own are passed over.
//
// Triple-DES and AES with 192 bits are read and never written; older ciphers, ML-KEM-512, ECMQV and
// static keys of the originator are not known, and an error names them. Content under an
// authenticated cipher is held in memory, because its tag comes last.
//
// # Specifications
//
// RFC 5652 and RFC 5083 (CMS), RFC 3565 (AES-CBC), RFC 5084 (AES-GCM), RFC 8103
// (ChaCha20-Poly1305), RFC 3370 (PKCS #1 v1.5), RFC 3560 (OAEP), RFC 5753 (ECDH), RFC 8418
// (X25519), RFC 9629 and RFC 9936 (ML-KEM), RFC 3394 (AES key wrap), RFC 8619 (HKDF).
package enveloped
