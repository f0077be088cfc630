// Package algorithm has what the structures of the Cryptographic Message Syntax share of
// algorithms, whether they sign or encrypt: the AlgorithmIdentifier ([Identifier]), the digests
// ([Digests]) with the parameters that name one of them for RSA ([HashParameters]), object
// identifiers, and the names of algorithms for people ([Name]).
//
// # Limitations
//
// It computes nothing. What only signatures have is in package cms, and what only encryption has in
// package enveloped.
package algorithm

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

// Identifier is RFC 5280, Section 4.1.1.2, unpacked:
//
//	AlgorithmIdentifier ::= SEQUENCE {
//	  algorithm   OBJECT IDENTIFIER,
//	  parameters  ANY DEFINED BY algorithm OPTIONAL }
type Identifier struct {
	OID        []byte // contents octets
	Parameters []byte // DER of one element; nil when absent
}

// Read reads an AlgorithmIdentifier with this tag from s.
func Read(s *cryptobyte.String, out *Identifier, tag cbasn1.Tag) bool {
	var contents, oid, parameters cryptobyte.String
	if !s.ReadASN1(&contents, tag) || !contents.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) {
		return false
	}
	*out = Identifier{OID: oid}
	if contents.Empty() {
		return true
	}
	var kind cbasn1.Tag
	if !contents.ReadAnyASN1Element(&parameters, &kind) || !contents.Empty() {
		return false
	}
	out.Parameters = parameters
	return true
}

// Plain says that parameters are absent or NULL, as older programs write (RFC 5754,
// Section 2: accept both).
func (a Identifier) Plain() bool {
	return len(a.Parameters) == 0 || bytes.Equal(a.Parameters, ber.Null)
}

// Same compares two identifiers, absent parameters and NULL being the same (RFC 6211, Section 2).
func (a Identifier) Same(b Identifier) bool {
	return bytes.Equal(a.OID, b.OID) && (a.Plain() && b.Plain() || bytes.Equal(a.Parameters, b.Parameters))
}

// String is the name of the algorithm, for people.
func (a Identifier) String() string { return NameOf(string(a.OID)) }

// Encode is the DER of an AlgorithmIdentifier; parameters are DER, nil when absent.
func Encode(oid string, parameters []byte) []byte {
	return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oid)), parameters)
}
