package timestamp

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

type pkixExtension = pkix.Extension

var oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}

// readInfo reads RFC 3161, Section 2.4.2:
//
//	TSTInfo ::= SEQUENCE {
//	  version         INTEGER { v1(1) },
//	  policy          TSAPolicyId,
//	  messageImprint  MessageImprint,
//	  serialNumber    INTEGER,
//	  genTime         GeneralizedTime,
//	  accuracy        Accuracy OPTIONAL,
//	  ordering        BOOLEAN DEFAULT FALSE,
//	  nonce           INTEGER OPTIONAL,
//	  tsa             [0] GeneralName OPTIONAL,
//	  extensions      [1] IMPLICIT Extensions OPTIONAL }
//
// tsa is not read: the certificate says who it is.
func readInfo(der []byte, digest [sha256.Size]byte) (*Timestamp, error) {
	t := &Timestamp{Serial: new(big.Int)}
	outer := cryptobyte.String(der)
	var s cryptobyte.String
	var version int
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() || !s.ReadASN1Integer(&version) || version != 1 ||
		!s.ReadASN1ObjectIdentifier(&t.Policy) {
		return nil, errNotForContent
	}
	imprint, ok := readImprint(&s)
	switch {
	case !ok:
		return nil, errNotForContent
	case !bytes.Equal(imprint, digest[:]):
		return nil, errOtherDigest
	}
	if !s.ReadASN1Integer(t.Serial) || !readTime(&s, &t.Time) || !readAccuracy(&s, &t.Accuracy) ||
		s.PeekASN1Tag(cbasn1.BOOLEAN) && !s.SkipASN1(cbasn1.BOOLEAN) {
		return nil, errNotForContent
	}
	if s.PeekASN1Tag(cbasn1.INTEGER) {
		if t.Nonce = new(big.Int); !s.ReadASN1Integer(t.Nonce) {
			return nil, errNotForContent
		}
	}
	if !s.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return nil, errNotForContent
	}
	return t, readExtensions(&s)
}

// readImprint reads the digest of
//
//	MessageImprint ::= SEQUENCE {
//	  hashAlgorithm  AlgorithmIdentifier,
//	  hashedMessage  OCTET STRING }
//
// which is by SHA-256; one by another algorithm is another digest, nil.
func readImprint(s *cryptobyte.String) (imprint []byte, ok bool) {
	var outer, algorithm, hashed cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !s.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&oid) ||
		!outer.ReadASN1(&hashed, cbasn1.OCTET_STRING) || !outer.Empty() {
		return nil, false
	}
	// RFC 5754, Section 2: the parameters are absent, or NULL.
	if !algorithm.Empty() && (!algorithm.SkipASN1(cbasn1.NULL) || !algorithm.Empty()) {
		return nil, false
	}
	if !oid.Equal(oidSHA256) {
		return nil, true
	}
	return hashed, true
}

// generalizedTime is RFC 3161, Section 2.4.2: UTC, with seconds, and a fraction without trailing
// zeros.
var generalizedTime = regexp.MustCompile(`^[0-9]{14}(\.[0-9]{0,8}[1-9])?Z$`)

func readTime(s *cryptobyte.String, out *time.Time) bool {
	var text cryptobyte.String
	if !s.ReadASN1(&text, cbasn1.GeneralizedTime) || !generalizedTime.Match(text) {
		return false
	}
	t, err := time.Parse("20060102150405Z", string(text))
	*out = t
	return err == nil
}

// readAccuracy reads
//
//	Accuracy ::= SEQUENCE {
//	  seconds  INTEGER OPTIONAL,
//	  millis   [0] INTEGER (1..999) OPTIONAL,
//	  micros   [1] INTEGER (1..999) OPTIONAL }
func readAccuracy(s *cryptobyte.String, out *time.Duration) bool {
	var a cryptobyte.String
	var there bool
	if !s.ReadOptionalASN1(&a, &there, cbasn1.SEQUENCE) || !there {
		return !s.PeekASN1Tag(cbasn1.SEQUENCE)
	}
	var seconds uint32
	if a.PeekASN1Tag(cbasn1.INTEGER) && !a.ReadASN1Integer(&seconds) {
		return false
	}
	*out = time.Duration(seconds) * time.Second
	for i, unit := range []time.Duration{time.Millisecond, time.Microsecond} {
		var part int64
		tag := cbasn1.Tag(i).ContextSpecific()
		if a.PeekASN1Tag(tag) && (!a.ReadASN1Int64WithTag(&part, tag) || part < 1 || part > 999) {
			return false
		}
		*out += time.Duration(part) * unit
	}
	return a.Empty()
}

// readExtensions refuses one that is critical: none is understood.
// RFC 3161, Section 2.4.2; RFC 5280, Section 4.2.
func readExtensions(s *cryptobyte.String) error {
	var list cryptobyte.String
	if !s.ReadOptionalASN1(&list, nil, cbasn1.Tag(1).ContextSpecific().Constructed()) || !s.Empty() {
		return errNotForContent
	}
	for !list.Empty() {
		var e cryptobyte.String
		var oid asn1.ObjectIdentifier
		critical := false
		if !list.ReadASN1(&e, cbasn1.SEQUENCE) || !e.ReadASN1ObjectIdentifier(&oid) ||
			e.PeekASN1Tag(cbasn1.BOOLEAN) && !e.ReadASN1Boolean(&critical) || !e.SkipASN1(cbasn1.OCTET_STRING) || !e.Empty() {
			return errNotForContent
		}
		if critical {
			return fmt.Errorf("timestamp: extension %s of the token is critical and not understood", oid)
		}
	}
	return nil
}

var errNonce = errors.New("timestamp: the token is for another request (nonce)")
