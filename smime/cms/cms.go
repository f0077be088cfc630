// Package cms reads and writes the Cryptographic Message Syntax (RFC 5652) as
// S/MIME 4.0 needs it (RFC 8551): SignedData, detached and attached.
//
// Reading takes BER or DER, in linear time and with fixed limits; writing is
// deterministic DER. Signed attributes are hashed as received, never
// re-serialised. The package knows nothing of mail, DNS or certificate trust:
// it says whether a signature value is right under a key, and which attributes
// were signed; whose key it is, is the caller's question.
//
// Start with [Read] and [SignerInfo.Verify] for checking, [Sign] for signing.
package cms
