package algorithm

import (
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

// Object identifiers, as the contents octets of their DER.
const (
	OIDData       = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01" // RFC 5652, Section 4
	OIDSignedData = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" // RFC 5652, Section 5.1

	OIDSHA1   = "\x2b\x0e\x03\x02\x1a"                 // RFC 3370, Section 2.1
	OIDSHA256 = "\x60\x86\x48\x01\x65\x03\x04\x02\x01" // RFC 5754, Section 2.2
	OIDSHA384 = "\x60\x86\x48\x01\x65\x03\x04\x02\x02" // RFC 5754, Section 2.3
	OIDSHA512 = "\x60\x86\x48\x01\x65\x03\x04\x02\x03" // RFC 5754, Section 2.4
	OIDMGF1   = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08" // RFC 4055, Section 2.2
)

// ObjectIdentifier is the OID with these contents octets, nil when they are none.
func ObjectIdentifier(contents string) asn1.ObjectIdentifier {
	switch contents {
	case OIDData:
		return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	case OIDSignedData:
		return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	}
	der := cryptobyte.String(ber.TLV(ber.TagOID, []byte(contents)))
	var id asn1.ObjectIdentifier
	if !der.ReadASN1ObjectIdentifier(&id) {
		return nil
	}
	return id
}

// ReadOID reads an OBJECT IDENTIFIER and returns its contents octets. name is that of the field,
// for a *ber.SyntaxError.
func ReadOID(b *ber.Reader, name string) (string, error) {
	at := b.Offset()
	der, err := b.Tagged(ber.TagOID, name, ber.LimitElement)
	if err != nil {
		return "", err
	}
	element := cryptobyte.String(der)
	var contents cryptobyte.String
	ok := element.ReadASN1(&contents, cbasn1.OBJECT_IDENTIFIER)
	switch id := string(contents); {
	case id == OIDSignedData || id == OIDData:
		return id, nil
	case ok && ObjectIdentifier(id) != nil:
		return id, nil
	}
	return "", &ber.SyntaxError{Offset: at, Reason: name + ": not an OBJECT IDENTIFIER"}
}
