package cms

import (
	"bytes"
	"crypto"
	"crypto/sha256"

	// The digests this package knows; MD5 is only known by name.
	_ "crypto/sha1"
	_ "crypto/sha512"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

// Context-specific tags of constructed elements, for cryptobyte.
const (
	context0 = cbasn1.Tag(ber.TagContext0)
	context1 = cbasn1.Tag(ber.TagContext1)
	context2 = cbasn1.Tag(ber.TagContext2)
	context3 = cbasn1.Tag(ber.TagContext3)
)

// algorithmIdentifier is RFC 5280, Section 4.1.1.2, unpacked:
//
//	AlgorithmIdentifier ::= SEQUENCE {
//	  algorithm   OBJECT IDENTIFIER,
//	  parameters  ANY DEFINED BY algorithm OPTIONAL }
type algorithmIdentifier struct {
	oid        []byte // contents octets
	parameters []byte // DER of one element; nil when absent
}

// readAlgorithm reads an AlgorithmIdentifier with this tag from s.
func readAlgorithm(s *cryptobyte.String, out *algorithmIdentifier, tag cbasn1.Tag) bool {
	var contents, oid, parameters cryptobyte.String
	if !s.ReadASN1(&contents, tag) || !contents.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) {
		return false
	}
	*out = algorithmIdentifier{oid: oid}
	if contents.Empty() {
		return true
	}
	var kind cbasn1.Tag
	if !contents.ReadAnyASN1Element(&parameters, &kind) || !contents.Empty() {
		return false
	}
	out.parameters = parameters
	return true
}

// plain says that there are no parameters, or NULL, which old algorithms write instead (RFC 5754,
// Section 2: accept both).
func (a algorithmIdentifier) plain() bool {
	return len(a.parameters) == 0 || bytes.Equal(a.parameters, []byte{ber.TagNull, 0})
}

// same compares two identifiers, absent parameters and NULL being the same (RFC 6211, Section 2).
func (a algorithmIdentifier) same(b algorithmIdentifier) bool {
	return bytes.Equal(a.oid, b.oid) && (a.plain() && b.plain() || bytes.Equal(a.parameters, b.parameters))
}

// String is the dotted OID, for people.
func (a algorithmIdentifier) String() string {
	if id := objectIdentifier(string(a.oid)); id != nil {
		return id.String()
	}
	return "an unreadable identifier"
}

// digestOf returns the digest algorithm an OID names; false for one this package does not compute.
// The zero Hash never comes with true, so that no unknown algorithm reaches crypto.Hash.New.
func digestOf(oid []byte) (crypto.Hash, bool) {
	switch string(oid) {
	case oidSHA1:
		return crypto.SHA1, true
	case oidSHA256:
		return crypto.SHA256, true
	case oidSHA384:
		return crypto.SHA384, true
	case oidSHA512:
		return crypto.SHA512, true
	}
	return 0, false
}

// digest is the digest of p.
func digest(h crypto.Hash, p []byte) []byte {
	if h == crypto.SHA256 {
		sum := sha256.Sum256(p)
		return sum[:]
	}
	d := h.New()
	d.Write(p)
	return d.Sum(nil)
}

// digestOID is the other way of digestOf, for the digests that signatures are made with.
func digestOID(h crypto.Hash) string {
	switch h {
	case crypto.SHA384:
		return oidSHA384
	case crypto.SHA512:
		return oidSHA512
	default:
		return oidSHA256
	}
}

func ecdsaOID(h crypto.Hash) string {
	switch h {
	case crypto.SHA384:
		return oidECDSAWithSHA384
	case crypto.SHA512:
		return oidECDSAWithSHA512
	default:
		return oidECDSAWithSHA256
	}
}

// digestName is the word for a digest in names like "rsa-sha256".
func digestName(h crypto.Hash) string {
	switch h {
	case crypto.SHA1:
		return "sha1"
	case crypto.SHA256:
		return "sha256"
	case crypto.SHA384:
		return "sha384"
	case crypto.SHA512:
		return "sha512"
	default:
		return "unknown"
	}
}
