// Package smime signs, encrypts, decrypts and verifies messages by S/MIME 4.0 (RFC 8551, RFC 8550)
// with header protection (RFC 9788). It uses no DNS, network or clock.
//
// # Where to start
//
// [Sign] returns a [message.Edit] that turns a message into a signed one, as
// multipart/signed or as application/pkcs7-mime. Before anything is hashed the
// content is made transit-proof: 7-bit, short lines, nothing that mail systems
// are known to change; parts that are so already stay byte for byte, and
// what others signed or encrypted is never touched. The result is checked as a verifier
// would before it is returned.
//
// [Verify] returns a [Report] of every signature found, over exactly the
// bytes received, and of what each of them covers: only one that covers
// "message" says anything about the message as a whole. A [Signature] whose key is not in the
// message is checked when the caller provides it ([Signature.VerifyWithKey],
// [Signature.VerifyWithCertificate]).
//
// [Encrypt] and SignOptions.Encrypt encrypt (encrypt.go): Subject is hidden outside, and what stood
// there is repeated inside, so that a reader can tell what was hidden from what was changed. With
// VerifyOptions.Decrypt what is encrypted around the content is opened, and the signatures inside
// are reported; [Decrypt] takes the encryption off (decrypt.go).
//
// [Explain] finds out how a message was changed whose signature is no longer valid, and where.
// [Secured] reports what is already signed or encrypted, and [CertificateNames] the identities in a
// certificate.
//
// # What the caller must still check
//
// Whether the key is the right one for the From address, whether it may still be used, and what to
// do with the answer (package receiver). A message whose Report has a Code is malformed or over a
// limit: it is not valid, whatever its signatures. Protected header fields count,
// not those outside ([Signature.ProtectedFrom], [Signature.Differences]). [Signature.HeaderState]
// says whether the fields that readers show or act on are still as they were signed, with what hops
// and lists do to their form undone (headerstate.go) and nothing that could make two texts equal
// which a reader distinguishes: octets that a charset does not have, long gaps.
// [Signature.RestoreHeader] returns how to put them back.
//
// # What it refuses
//
// Whatever readers may understand in more than one way: a multipart/signed of other than two parts,
// two Content-Types, boundaries that only some readers accept, a header that gives a second
// boundary to readers that search for the word, content inside a detached signature, a SignedData
// without signers, signed content that is not id-data, a CMS object in a transfer encoding other
// than base64, which programs decode differently, a signature part whose type, protocol or name is
// that of something else, so that a reader may show it as an attachment, a signed object with such
// a name, and anything inside a signature that is not part of it. The limits are in limits.go.
//
// Reported, and left to the caller: a text around what is signed, where MIME hides it and some
// readers show it, unless programs are known to write it there ([Signature.Outside],
// internal/entity/usualtext.go); a line of the signed text that begins like the boundary, where
// some readers end the signed part and begin another; and that what is signed is a file, which
// was not meant as a message ([Signature.NotEntity], mimeentity.go).
//
// # What is never lost
//
// What [Sign] and [SevenBit] make contains the parts of the message that came in, decoded, octet
// for octet (of text the line ends become CRLF), and every other text in it: before, between and
// after the parts of a multipart, after a closing delimiter that comes too early, under a boundary
// that never occurs. A part that readers interpret differently stays octet for octet: one shows as
// text what another decodes. Where that text would not survive transit, or a part may not be
// encoded, the message is made opaque; where it may not be, a [ContentError] says why and where.
// Only delimiter lines, empty lines around parts and the texts of internal/entity/usualtext.go are
// left out, and the writer accounts for every other octet (internal/transit/account.go). Headers
// that are only careless are signed as all readers understand them, written again
// (internal/entity/repair.go, careless.go); fields in which 8-bit text stands are protected by
// copies in encoded words.
//
// # How it works
//
// A message is walked once, line by line, into a tree of parts that are ranges of its bytes
// (internal/entity); no byte of it is ever written again from its parsed form. Memory does not grow
// with the message. Signing is sign.go, internal/transit (what is done to which part, and doing
// it), make_detached.go and selfcheck.go; verifying is verify.go, layer.go (signatures around
// signatures), detached.go, attached.go and protection.go, with internal/header to compare fields;
// explaining is explain.go, route.go and internal/undo.
//
// # Limitations
//
// A signature proves who had the key and that the bytes are the same, not when it was made: the
// signing time is the signer's claim. Certificates are not judged here, nor names in them beyond
// [CertificateNames]. Compressed messages are reported, not opened, and so are encrypted parts
// beside others: a reader would mix them. That content could be decrypted says nothing about who
// encrypted it. Protected header fields of the older forms are compared only where they have a
// copy.
package smime
