package cms

import (
	"slices"

	"dnseal/smime/cms/internal/ber"
)

// capabilities is the value of the SMIMECapabilities attribute, RFC 8551, Section 2.5.2:
//
//	SMIMECapabilities ::= SEQUENCE OF SMIMECapability
//
//	SMIMECapability ::= SEQUENCE {
//	  capabilityID  OBJECT IDENTIFIER,
//	  parameters    ANY DEFINED BY capabilityID OPTIONAL }
//
// It names the signature algorithms that are verified here, the preferred first, each written as
// its AlgorithmIdentifier would be. No cipher is among them: nobody may conclude that the signer
// can decrypt.
var capabilities = ber.TLV(ber.TagSequence, slices.Concat(
	ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oidECDSAWithSHA256))),
	ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oidEd25519))),
	ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oidECDSAWithSHA384))),
	ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oidECDSAWithSHA512))),
	ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oidSHA256WithRSA)), ber.Null),
))
