// Package recipient finds the keys of a message's recipients in the DNS, and plans which
// encryptions the message needs.
//
// [Find] (find.go) looks up the SMIMEA records of every address, and leaves of them the keys that
// can be encrypted to (record.go, certificate.go), with what their owners say that they can read
// (capabilities.go); where there is none, an [Error] (error.go) says why, and whether that is
// known for good. [Plan] (plan.go) puts recipients together who can share an encryption, as a
// [Profile] (profile.go) says.
//
// Only a secure answer counts (RFC 8162, Section 6). A usable record holds the whole of what is
// encrypted to: a certificate (3 0 0 or 1 0 0) or a bare key (3 1 0), which is then named by its
// key identifier. A record of usage 0 or 2 names a certification authority, and its key is never
// the recipient's; one of usage 1 wants a path to a configured PKIX root, for which certificates of
// authorities in records beside it may be used. All usable keys are taken to be one person's.
//
// A certificate is refused that is outside its dates, although DANE-EE does not ask for them when
// it is verified (RFC 7671, Section 5.1): its owner said until when the key is for use. It must be
// for the address, or under usage 3 for no address at all.
//
// Standards: RFC 8162 (SMIMEA), RFC 7671 (usages), RFC 8551 and RFC 8550 (S/MIME), RFC 4262
// (capabilities in certificates), RFC 9936 (ML-KEM).
//
// # Limitations
//
// Local parts are looked up exactly as they are written; a record of the same local part in
// another case is only told as a hint. No certificate is fetched from anywhere but the record, and
// no revocation list is looked at: a key is revoked by withdrawing its record. What a program of
// the recipient can read is known only where certificate or kind of key say so; nothing is learnt
// from mail that came in. A person with keys of several classes (classical, X25519, ML-KEM) is
// encrypted to with one class of them.
package recipient
