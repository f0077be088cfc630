package enveloped

import (
	"bytes"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

// recipientIdentifier is RFC 5652, Section 6.2.1, unpacked:
//
//	RecipientIdentifier ::= CHOICE {
//	  issuerAndSerialNumber  IssuerAndSerialNumber,
//	  subjectKeyIdentifier   [0] SubjectKeyIdentifier }
//
//	IssuerAndSerialNumber ::= SEQUENCE {
//	  issuer        Name,
//	  serialNumber  CertificateSerialNumber }
type recipientIdentifier struct {
	issuer, serial []byte // DER of a Name, and contents octets
	keyID          []byte // or else
}

// Context-specific tags of constructed elements.
const (
	context0 = cbasn1.Tag(ber.TagContext0)
	context1 = cbasn1.Tag(ber.TagContext1)
	implicit = cbasn1.Tag(ber.TagImplicitOctet)
)

func readIdentifier(s *cryptobyte.String, id *recipientIdentifier) bool {
	var contents, issuer, serial cryptobyte.String
	if s.PeekASN1Tag(implicit) {
		ok := s.ReadASN1(&contents, implicit)
		id.keyID = contents
		return ok && len(contents) > 0
	}
	ok := s.ReadASN1(&contents, cbasn1.SEQUENCE) && contents.ReadASN1Element(&issuer, cbasn1.SEQUENCE) &&
		contents.ReadASN1(&serial, cbasn1.INTEGER) && contents.Empty()
	id.issuer, id.serial = issuer, serial
	return ok && len(serial) > 0
}

// readKeyAgreeIdentifier reads RFC 5652, Section 6.2.2:
//
//	KeyAgreeRecipientIdentifier ::= CHOICE {
//	  issuerAndSerialNumber  IssuerAndSerialNumber,
//	  rKeyId                 [0] IMPLICIT RecipientKeyIdentifier }
//
//	RecipientKeyIdentifier ::= SEQUENCE {
//	  subjectKeyIdentifier  SubjectKeyIdentifier,
//	  date                  GeneralizedTime OPTIONAL,
//	  other                 OtherKeyAttribute OPTIONAL }
func readKeyAgreeIdentifier(s *cryptobyte.String, id *recipientIdentifier) bool {
	if !s.PeekASN1Tag(context0) {
		return !s.PeekASN1Tag(implicit) && readIdentifier(s, id)
	}
	var contents, keyID cryptobyte.String
	ok := s.ReadASN1(&contents, context0) && contents.ReadASN1(&keyID, cbasn1.OCTET_STRING)
	id.keyID = keyID
	return ok && len(keyID) > 0
}

// identify is the identifier of r, whose key has the DER SubjectPublicKeyInfo spki.
func (r *Recipient) identify(spki []byte) (recipientIdentifier, error) {
	if r.Certificate == nil || r.ByKeyIdentifier {
		id, err := keyIDOf(r.Certificate, spki)
		return recipientIdentifier{keyID: id}, err
	}
	return recipientIdentifier{issuer: r.Certificate.RawIssuer, serial: integer(r.Certificate.SerialNumber)}, nil
}

// integer is the contents octets of an INTEGER.
func integer(n *big.Int) []byte {
	if n.Sign() > 0 {
		return n.FillBytes(make([]byte, n.BitLen()/8+1)) // the first bit is that of the sign
	}
	var b cryptobyte.Builder
	b.AddASN1BigInt(n)
	der := cryptobyte.String(b.BytesOrPanic())
	var contents cryptobyte.String
	der.ReadASN1(&contents, cbasn1.INTEGER)
	return contents
}

// encode is the DER of RecipientIdentifier.
func (id recipientIdentifier) encode() []byte {
	if id.keyID != nil {
		return ber.TLV(ber.TagImplicitOctet, id.keyID)
	}
	return ber.TLV(ber.TagSequence, id.issuer, ber.TLV(ber.TagInteger, id.serial))
}

// encodeKeyAgree is the DER of KeyAgreeRecipientIdentifier.
func (id recipientIdentifier) encodeKeyAgree() []byte {
	if id.keyID != nil {
		return ber.TLV(ber.TagContext0, ber.TLV(ber.TagOctetString, id.keyID))
	}
	return id.encode()
}

// keyIndex finds the keys at hand by what a RecipientInfo says. A key has one number in each map
// for all certificates it has.
type keyIndex struct {
	bySerial, byKeyID map[string][]int
}

func newKeyIndex(keys []Key) (keyIndex, error) {
	x := keyIndex{map[string][]int{}, map[string][]int{}}
	for i := range keys {
		names, err := keys[i].names()
		if err != nil {
			return x, err
		}
		for _, name := range names {
			to := x.bySerial
			if name.isKeyID {
				to = x.byKeyID
			}
			if n := len(to[name.name]); n == 0 || to[name.name][n-1] != i {
				to[name.name] = append(to[name.name], i)
			}
		}
	}
	return x, nil
}

// keyName is what a RecipientInfo may say for a key.
type keyName struct {
	name    string // serialName, or the SubjectKeyIdentifier
	isKeyID bool
}

// names are those of k.
func (k *Key) names() ([]keyName, error) {
	if k.ready != nil {
		return k.ready.names, nil
	}
	spki, err := k.spki()
	if err != nil {
		return nil, err
	}
	// A sender who has no certificate makes the identifier from the key.
	id, err := keyIDOf(nil, spki)
	if err != nil {
		return nil, err
	}
	names := []keyName{{string(id), true}}
	if cert := k.Certificate; cert != nil {
		names = append(names, keyName{serialName(cert.RawIssuer, integer(cert.SerialNumber)), false})
		if len(cert.SubjectKeyId) > 0 {
			names = append(names, keyName{string(cert.SubjectKeyId), true})
		}
	}
	return names, nil
}

// find returns the indexes of the keys that id names.
func (x keyIndex) find(id recipientIdentifier) []int {
	if id.keyID != nil {
		return x.byKeyID[string(id.keyID)]
	}
	return x.bySerial[serialName(id.issuer, id.serial)]
}

// serialName is issuer and serial number in one; the first has its length in front.
func serialName(issuer, serial []byte) string {
	// Some programs write an INTEGER with octets in front that say nothing (X.690, Section 8.3.2).
	for len(serial) > 1 && serial[0] == 0 && serial[1] < 0x80 {
		serial = serial[1:]
	}
	return string(bytes.Join([][]byte{issuer, serial}, nil))
}
