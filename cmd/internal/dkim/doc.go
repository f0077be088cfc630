// Package dkim signs and verifies mail by DKIM (RFC 6376), beside S/MIME.
//
// A message is signed as it leaves, after S/MIME, which changes the body: [Signer] adds one
// DKIM-Signature for each [Key] of the domain in From, by RSA (RFC 6376, Section 3.3) and Ed25519
// (RFC 8463) together where both are there. key.go reads the keys and writes their records.
//
// go-msgauth makes and verifies the signatures; nothing else here imports it.
package dkim
