// Package dkim signs and verifies mail by DKIM (RFC 6376), beside S/MIME.
//
// A message is signed as it leaves, after S/MIME, which changes the body: [Signer] adds one
// DKIM-Signature for each [Key] of the domain in From, by RSA (RFC 6376, Section 3.3) and Ed25519
// (RFC 8463) together where both are there. key.go reads the keys and writes their records.
//
// [Verifier] (verify.go) checks what comes in, by keys from validated DNS. go-msgauth makes the
// signatures, and nothing else here imports it; why it does not verify them stands at Verifier.
package dkim
