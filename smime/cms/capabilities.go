package cms

import "slices"

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
var capabilities = tlv(tagSequence, slices.Concat(
	tlv(tagSequence, tlv(tagOID, []byte(oidECDSAWithSHA256))),
	tlv(tagSequence, tlv(tagOID, []byte(oidEd25519))),
	tlv(tagSequence, tlv(tagOID, []byte(oidECDSAWithSHA384))),
	tlv(tagSequence, tlv(tagOID, []byte(oidECDSAWithSHA512))),
	tlv(tagSequence, tlv(tagOID, []byte(oidSHA256WithRSA)), derNull),
))
