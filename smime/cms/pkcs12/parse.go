//go:build !submit

package pkcs12

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

// OIDs, without their headers.
const (
	oidData          = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01" // RFC 5652, Section 4
	oidEncryptedData = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06" // RFC 5652, Section 8
	oidBags          = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01"
	oidKeyBag        = oidBags + "\x01"                       // RFC 7292, Section 4.2.1
	oidShroudedKey   = oidBags + "\x02"                       // Section 4.2.2
	oidPBES2         = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d" // RFC 8018, Appendix A.4
	oidPBKDF2        = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c" // Appendix A.2
	oidPBMAC1        = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0e" // Appendix A.5
	// RFC 7292, Appendix C: the algorithms below it
	oidPBE = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01"

	context0 = cbasn1.Tag(ber.TagContext0)
)

// digests that go-pkcs12 knows for the MAC of RFC 7292, Section 4.
var macDigests = map[string]bool{
	"\x2b\x0e\x03\x02\x1a":                 true, // SHA-1
	"\x60\x86\x48\x01\x65\x03\x04\x02\x01": true, // SHA-256
	"\x60\x86\x48\x01\x65\x03\x04\x02\x03": true, // SHA-512
}

// pfx is a file taken apart.
type pfx struct {
	content []byte // of authSafe, which the MAC is over
	mac     []byte // DER of MacData; nil: none
	digest  []byte // the MAC's value
	pbmac1  *pbmac1

	bags      [][]byte // DER, not encrypted as a whole
	keys      int      // how many of them are private keys
	key       []byte   // the last of these, in DER
	keyAt     int      // its place among the bags
	shrouded  bool     // it is encrypted
	encrypted [][]byte // ContentInfos in DER

	iterations    int64 // of all key derivations so far
	keyIterations int64 // of those of the private key
}

// parse reads RFC 7292, Section 4:
//
//	PFX ::= SEQUENCE {
//	  version   INTEGER {v3(3)},
//	  authSafe  ContentInfo,
//	  macData   MacData OPTIONAL }
func parse(data []byte) (*pfx, error) {
	der, err := normalise(data)
	if err != nil {
		return nil, err
	}
	p := new(pfx)
	outer := cryptobyte.String(der)
	var s, mac cryptobyte.String
	var version int
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1Integer(&version) || version != 3 {
		return nil, fmt.Errorf("%w: no PFX of version 3", ErrMalformed)
	}
	oid, content, ok := readContentInfo(&s)
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: authSafe", ErrMalformed)
	case oid != oidData:
		return nil, fmt.Errorf("%w: it is protected by a public key", ErrUnsupported)
	case !content.ReadASN1((*cryptobyte.String)(&p.content), cbasn1.OCTET_STRING):
		return nil, fmt.Errorf("%w: authSafe", ErrMalformed)
	}
	if !s.Empty() {
		if !s.ReadASN1Element(&mac, cbasn1.SEQUENCE) || !s.Empty() {
			return nil, fmt.Errorf("%w: macData", ErrMalformed)
		}
		p.mac = mac
		if err := p.parseMAC(mac); err != nil {
			return nil, err
		}
	}
	return p, p.parseSafe()
}

// parseMAC reads RFC 7292, Section 4:
//
//	MacData ::= SEQUENCE {
//	  mac         DigestInfo,
//	  macSalt     OCTET STRING,
//	  iterations  INTEGER DEFAULT 1 }
func (p *pfx) parseMAC(der cryptobyte.String) error {
	var s, info, salt, value cryptobyte.String
	if !der.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1(&info, cbasn1.SEQUENCE) {
		return fmt.Errorf("%w: macData", ErrMalformed)
	}
	oid, parameters, ok := readAlgorithm(&info)
	iterations := int64(1)
	if !ok || !info.ReadASN1(&value, cbasn1.OCTET_STRING) || !s.ReadASN1(&salt, cbasn1.OCTET_STRING) ||
		!s.Empty() && !s.ReadASN1Integer(&iterations) || !s.Empty() {
		return fmt.Errorf("%w: macData", ErrMalformed)
	}
	p.digest = value
	switch {
	case oid == oidPBMAC1:
		var err error
		if p.pbmac1, err = parsePBMAC1(parameters); err != nil {
			return err
		}
		return p.work(int64(p.pbmac1.kdf.iterations))
	case !macDigests[oid]:
		return fmt.Errorf("%w: the digest of the MAC", ErrUnsupported)
	}
	return p.work(iterations)
}

// work counts iterations of a key derivation.
func (p *pfx) work(iterations int64) error {
	if iterations < 1 || iterations > MaxIterations {
		return fmt.Errorf("%w: %d iterations", ErrUnsupported, iterations)
	}
	if p.iterations += iterations; p.iterations > MaxIterations {
		return fmt.Errorf("%w: more than %d iterations", ErrUnsupported, MaxIterations)
	}
	return nil
}

// parseSafe reads the AuthenticatedSafe, a SEQUENCE OF ContentInfo (RFC 7292, Section 4.1).
func (p *pfx) parseSafe() error {
	der, err := normalise(p.content)
	if err != nil {
		return err
	}
	outer := cryptobyte.String(der)
	var s cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) {
		return fmt.Errorf("%w: AuthenticatedSafe", ErrMalformed)
	}
	for !s.Empty() {
		oid, content, ok := readContentInfo(&s)
		switch {
		case !ok:
			return fmt.Errorf("%w: AuthenticatedSafe", ErrMalformed)
		case oid == oidData:
			err = p.parseBags(content)
		case oid == oidEncryptedData:
			err = p.parseEncrypted(content)
		default:
			err = fmt.Errorf("%w: a part that is encrypted by a public key", ErrUnsupported)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxKeyBag is the most octets of a private key: an RSA key of certificate.MaxRSABits has 4700, and
// how it is encrypted some 200. With larger ones crypto/x509 would compute for long.
const maxKeyBag = 6 << 10

// parseBags reads SafeContents, a SEQUENCE OF SafeBag (RFC 7292, Section 4.2):
//
//	SafeBag ::= SEQUENCE {
//	  bagId          OBJECT IDENTIFIER,
//	  bagValue       [0] EXPLICIT ANY,
//	  bagAttributes  SET OF PKCS12Attribute OPTIONAL }
func (p *pfx) parseBags(content cryptobyte.String) error {
	var octets, bags, bag, s cryptobyte.String
	if !content.ReadASN1(&octets, cbasn1.OCTET_STRING) || !content.Empty() {
		return fmt.Errorf("%w: SafeContents", ErrMalformed)
	}
	der, err := normalise(octets)
	if err != nil {
		return err
	}
	outer := cryptobyte.String(der)
	if !outer.ReadASN1(&bags, cbasn1.SEQUENCE) {
		return fmt.Errorf("%w: SafeContents", ErrMalformed)
	}
	for !bags.Empty() {
		if !bags.ReadASN1Element(&bag, cbasn1.SEQUENCE) {
			return fmt.Errorf("%w: SafeBag", ErrMalformed)
		}
		p.bags = append(p.bags, bag)
		var value cryptobyte.String
		var oid cryptobyte.String
		if !bag.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) || !s.ReadASN1(&value, context0) {
			return fmt.Errorf("%w: SafeBag", ErrMalformed)
		}
		if string(oid) == oidKeyBag || string(oid) == oidShroudedKey {
			if len(value) > maxKeyBag {
				return fmt.Errorf("%w: a private key of %d octets", ErrUnsupported, len(value))
			}
			p.key, p.keyAt, p.shrouded = value, len(p.bags)-1, string(oid) == oidShroudedKey
		}
		switch string(oid) {
		case oidKeyBag:
			p.keys++
		case oidShroudedKey:
			p.keys++
			if err := p.parseShrouded(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseShrouded reads RFC 5958, Section 3:
//
//	EncryptedPrivateKeyInfo ::= SEQUENCE {
//	  encryptionAlgorithm  AlgorithmIdentifier,
//	  encryptedData        OCTET STRING }
func (p *pfx) parseShrouded(value cryptobyte.String) error {
	var s cryptobyte.String
	if !value.ReadASN1(&s, cbasn1.SEQUENCE) {
		return fmt.Errorf("%w: EncryptedPrivateKeyInfo", ErrMalformed)
	}
	before := p.iterations
	err := p.countCipher(&s)
	p.keyIterations = p.iterations - before
	return err
}

// parseEncrypted reads RFC 5652, Section 8, and writes it with the octets in one piece:
//
//	EncryptedData ::= SEQUENCE {
//	  version               INTEGER,
//	  encryptedContentInfo  SEQUENCE {
//	    contentType                 OBJECT IDENTIFIER,
//	    contentEncryptionAlgorithm  AlgorithmIdentifier,
//	    encryptedContent            [0] IMPLICIT OCTET STRING OPTIONAL } }
func (p *pfx) parseEncrypted(content cryptobyte.String) error {
	var s, info, oid cryptobyte.String
	var version int
	if !content.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1Integer(&version) || version != 0 ||
		!s.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) {
		return fmt.Errorf("%w: EncryptedData", ErrMalformed)
	}
	algorithm := info
	if err := p.countCipher(&info); err != nil {
		return err
	}
	algorithm = algorithm[:len(algorithm)-len(info)]
	octets, ok := readSegments(info)
	if !ok {
		return fmt.Errorf("%w: EncryptedData", ErrMalformed)
	}
	p.encrypted = append(p.encrypted, contentInfo(oidEncryptedData, ber.TLV(ber.TagSequence,
		[]byte{ber.TagInteger, 1, 0},
		ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, oid), algorithm, ber.TLV(ber.TagImplicitOctet, octets)))))
	return nil
}

// readSegments returns the contents of an octet string with the tag [0], in one piece or in
// segments (X.690, Section 8.7).
func readSegments(s cryptobyte.String) (octets []byte, ok bool) {
	var whole, segments cryptobyte.String
	if s.PeekASN1Tag(ber.TagImplicitOctet) {
		ok = s.ReadASN1(&whole, ber.TagImplicitOctet) && s.Empty()
		return whole, ok
	}
	if !s.ReadASN1(&segments, context0) || !s.Empty() {
		return nil, false
	}
	for !segments.Empty() {
		if !segments.ReadASN1(&whole, cbasn1.OCTET_STRING) {
			return nil, false
		}
		octets = append(octets, whole...)
	}
	return octets, true
}

// readContentInfo reads RFC 5652, Section 3, and returns what stands in [0].
func readContentInfo(s *cryptobyte.String) (oid string, content cryptobyte.String, ok bool) {
	var info, id cryptobyte.String
	ok = s.ReadASN1(&info, cbasn1.SEQUENCE) && info.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER) &&
		info.ReadASN1(&content, context0) && info.Empty()
	return string(id), content, ok
}

// readAlgorithm reads an AlgorithmIdentifier.
func readAlgorithm(s *cryptobyte.String) (oid string, parameters cryptobyte.String, ok bool) {
	var algorithm, id cryptobyte.String
	ok = s.ReadASN1(&algorithm, cbasn1.SEQUENCE) && algorithm.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER)
	return string(id), algorithm, ok
}
