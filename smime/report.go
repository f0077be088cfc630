package smime

import (
	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// Kind is what the root of a message is.
type Kind string

// Kinds (RFC 8551, Section 3.2.2).
const (
	KindNone       Kind = "none" // none of the others
	KindSigned     Kind = "signed"
	KindEncrypted  Kind = "encrypted"
	KindCompressed Kind = "compressed"
	KindCertsOnly  Kind = "certs-only"
	KindPGP        Kind = "pgp" // signed or encrypted (RFC 3156, or PGP in plain text)
)

// Report is what Verify found.
type Report struct {
	Kind Kind
	// From holds the addresses of all outer From fields; FromErr why they could not be read.
	From    []message.Address
	FromErr error
	// Signatures in the order of their parts, every signer of every signed part, outermost first.
	Signatures []*Signature
	// Code and Reason are set when the structure is malformed (CodeMalformed) or over a limit
	// ("limit:parts", …): verdict permerror.
	Code   Code
	Reason string
	// Uncovered lists in English what a reader may see that no root signature covers, e.g.
	// "epilogue after the signed part".
	Uncovered []string
	// Sealed lists in English the parts whose content cannot be seen, e.g. "part 2 is encrypted":
	// a signature may be inside. Not the message itself, of which Kind says that.
	Sealed []string
	// Encryptions are the layers around the content that were opened with VerifyOptions.Decrypt, or
	// could not be, outermost first; Kind is then what is inside, where all were opened.
	Encryptions []*Encryption
	// Hidden are the fields inside the innermost encryption that [Decrypt] puts back into the
	// header (RFC 9788). Nothing but a signature that protects the header proves them.
	Hidden []message.Field

	// For Contents: the message as it was taken apart, and the layers in it.
	root     *entity.Part
	openings []opening
	keys     DecryptOptions
}
