// Package message holds a raw Internet message as byte ranges, and the one way
// to change it.
//
// It is what every entry point of dnseal (relay, milter, files) shares: [Read] spools a message
// (memory up to 256 KiB, an unlinked temporary file above), [Message] gives its header fields and
// body as they came, [Envelope] carries what the SMTP or milter session knew, [Handler] is what a
// signer or verifier is to an entry point, and [Edit] is the only thing such a handler may ask for:
// header changes and a new body, which each entry point applies its own way.
//
// The author of a message is read in one place, for signing and verifying alike: [ParseFrom]
// accepts one only where all readers find the same, and [Message.Shown] are all that any of them
// may find, for suspicion and never for permission.
//
// A header ends at its empty line, or as MTAs have it at the first line that is no header field
// ([Message.Stray]): what is written later has the empty line that was missing, so that all readers
// agree where the text begins. A NUL in a header, and a control octet in the place of a field's
// name, make it unreadable ([HeaderError]): readers differ on whether such a line is a field, and
// on which. Other control octets in values are kept; addresses with them cannot be read.
//
// Results that claim to be of a host are found in every form of its name ([ForgedResults]):
// comments, quoted pairs, encoded words, width and trailing dots are undone, and in doubt a field
// counts as forged.
//
// Standards: RFC 5322 (header fields, addresses), RFC 6532 (UTF-8 header
// fields), RFC 5321 (envelope). No byte of a message is ever re-serialised:
// a field is its raw bytes, a body is a range of the spool.
//
// The package knows nothing of S/MIME, DNS or SMTP replies.
//
// # Limitations
//
// It does not parse MIME: the body is a range of bytes, and package smime reads its parts. It does
// not check that addresses, domains or Message-IDs exist. Syntax that no reader agrees on is not
// repaired: [ParseFrom] returns an error, and the caller must decide what that means. A [Spool] is
// not encrypted on disk: its file is unlinked, not erased. The caller must close every [Message]
// and [Edit].
package message
