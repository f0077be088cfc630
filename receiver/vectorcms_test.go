package receiver_test

import (
	"bytes"
	"cmp"
	"crypto"
	_ "crypto/md5"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"filippo.io/mldsa"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// signedData is a SignedData (RFC 5652, Section 5.1) as an attacker writes it: nothing in it is
// made right.
type signedData struct {
	contentType asn1.ObjectIdentifier // zero: id-data
	attached    []byte                // nil: detached
	certs       []*x509.Certificate
	signers     []signer
	digests     []crypto.Hash // announced; nil: those of the signers
	tail        string        // behind the ContentInfo
}

// signer is one SignerInfo.
type signer struct {
	person
	content []byte // what it signs
	hash    crypto.Hash
	bySKI   bool
	// bareContent signs the content without attributes.
	bareContent bool
	// attributes changes the list of attributes before it is signed; sent, when set, is what goes
	// on the wire instead.
	attributes func([][]byte) [][]byte
	sent       [][]byte
	// hashes is the certificate that signingCertificateV2 names; nil: the signer's own.
	hashes *x509.Certificate
	// wrongTag signs the attributes with the tag they have on the wire.
	wrongTag bool
	// algorithm replaces the signature algorithm that is named.
	algorithm asn1.ObjectIdentifier
	// null gives the signature algorithm NULL as parameters.
	null bool
	// flip changes a bit of the value.
	flip bool
	// value replaces the signature value.
	value []byte
	// at is the signing time; zero: an hour ago.
	at time.Time
	// unsigned are attributes that nobody signed.
	unsigned [][]byte
	// named replaces the digest algorithm that is named.
	named crypto.Hash
}

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidSigningCertV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidCapabilities  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 15}
	oidAlgProtection = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 52}
)

var hashOIDs = map[crypto.Hash]asn1.ObjectIdentifier{
	crypto.MD5:    {1, 2, 840, 113549, 2, 5},
	crypto.SHA1:   {1, 3, 14, 3, 2, 26},
	crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1},
	crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2},
	crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
	unknownHash:   {1, 3, 6, 1, 4, 1, 99999, 2},
}

// mldsaOIDs are those of RFC 9882, Section 2.
var mldsaOIDs = map[mldsa.Parameters]asn1.ObjectIdentifier{
	mldsa.MLDSA44(): {2, 16, 840, 1, 101, 3, 4, 3, 17},
	mldsa.MLDSA65(): {2, 16, 840, 1, 101, 3, 4, 3, 18},
	mldsa.MLDSA87(): {2, 16, 840, 1, 101, 3, 4, 3, 19},
}

// signatureOID is the algorithm by kind of key.
func (s *signer) signatureOID() asn1.ObjectIdentifier {
	if s.algorithm != nil {
		return s.algorithm
	}
	if key, ok := s.key.(*mldsa.PrivateKey); ok {
		return mldsaOIDs[key.PublicKey().Parameters()]
	}
	switch s.cert.PublicKeyAlgorithm {
	case x509.RSA:
		return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	case x509.Ed25519:
		return asn1.ObjectIdentifier{1, 3, 101, 112}
	default:
	}
	last := map[crypto.Hash]int{crypto.SHA256: 2, crypto.SHA384: 3, crypto.SHA512: 4}[s.hash]
	if s.hash == crypto.SHA1 {
		return asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}
	}
	return asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, last}
}

func digest(h crypto.Hash, data []byte) []byte {
	w := h.New()
	w.Write(data)
	return w.Sum(nil)
}

// attribute is one Attribute with its values as DER.
func attribute(id asn1.ObjectIdentifier, values ...[]byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(id)
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
				for _, v := range values {
					b.AddBytes(v)
				}
			})
		})
	})
}

func build(f func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	f(&b)
	return b.BytesOrPanic()
}

func derOID(id asn1.ObjectIdentifier) []byte {
	return build(func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(id) })
}

func derOctets(p []byte) []byte {
	return build(func(b *cryptobyte.Builder) { b.AddASN1OctetString(p) })
}

// isAttribute finds attributes by their type.
func isAttribute(id asn1.ObjectIdentifier) func([]byte) bool {
	return func(a []byte) bool { return bytes.Contains(a, derOID(id)) }
}

// list returns the usual attributes, changed as the attacker likes, in DER order.
func (s *signer) list(contentType asn1.ObjectIdentifier) [][]byte {
	named := s.hashes
	if named == nil {
		named = s.cert
	}
	out := [][]byte{
		attribute(oidContentType, derOID(contentType)),
		attribute(oidMessageDigest, derOctets(digest(s.hash, s.content))),
		attribute(oidSigningTime, build(func(b *cryptobyte.Builder) { b.AddASN1UTCTime(s.at) })),
	}
	if !s.bySKI {
		out = append(out, attribute(oidSigningCertV2, signingCertificate(named)))
	}
	if s.attributes != nil {
		out = s.attributes(out)
	}
	slices.SortFunc(out, bytes.Compare)
	return out
}

// signingCertificate is RFC 5035, Section 3, with the default hash algorithm.
func signingCertificate(cert *x509.Certificate) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1OctetString(digest(crypto.SHA256, cert.Raw))
				})
			})
		})
	})
}

// sign returns the SignerInfo.
func (s signer) sign(contentType asn1.ObjectIdentifier) []byte {
	if s.hash == 0 {
		s.hash = crypto.SHA256
	}
	if s.at.IsZero() {
		s.at = clock.Add(-time.Hour)
	}
	attrs := s.list(contentType)
	set := build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(attrs, nil)) })
	})
	if s.wrongTag {
		set[0] = 0xa0
	}
	tbs := set
	if s.bareContent {
		tbs = s.content
	}
	value := s.value
	if value == nil {
		var err error
		if key, ok := s.key.(*mldsa.PrivateKey); ok {
			value, err = key.SignDeterministic(tbs, nil) // RFC 9882, Section 3.2
		} else {
			value, err = crypto.SignMessage(s.key, nil, tbs, s.hash)
		}
		if err != nil {
			panic(err) // a key of ours that cannot sign
		}
	}
	if s.flip {
		value = slices.Clone(value)
		value[len(value)-1] ^= 1
	}
	if s.sent != nil {
		attrs = s.sent
	}
	return s.info(attrs, value)
}

func (s signer) info(attrs [][]byte, value []byte) []byte {
	version := int64(1)
	if s.bySKI {
		version = 3
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(version)
			if s.bySKI {
				b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(s.cert.SubjectKeyId) })
			} else {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddBytes(s.cert.RawIssuer)
					b.AddASN1BigInt(s.cert.SerialNumber)
				})
			}
			addAlgorithm(b, hashOIDs[cmp.Or(s.named, s.hash)])
			if !s.bareContent {
				b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(attrs, nil)) })
			}
			addAlgorithmWith(b, s.signatureOID(), s.null)
			b.AddASN1OctetString(value)
			if len(s.unsigned) > 0 {
				b.AddASN1(cbasn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(s.unsigned, nil)) })
			}
		})
	})
}

func addAlgorithm(b *cryptobyte.Builder, id asn1.ObjectIdentifier) { addAlgorithmWith(b, id, false) }

func addAlgorithmWith(b *cryptobyte.Builder, id asn1.ObjectIdentifier, null bool) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(id)
		// RFC 4055, Section 1.2: rsaEncryption has a NULL.
		if null || id[0] == 1 && id[3] == 113549 {
			b.AddASN1NULL()
		}
	})
}

// der returns the ContentInfo.
func (sd signedData) der() []byte {
	if sd.contentType == nil {
		sd.contentType = oidData
	}
	explicit := cbasn1.Tag(0).ContextSpecific().Constructed()
	return append(build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidSignedData)
			b.AddASN1(explicit, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1Int64(1)
					b.AddASN1(cbasn1.SET, sd.addDigests)
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(sd.contentType)
						if sd.attached != nil {
							b.AddASN1(explicit, func(b *cryptobyte.Builder) { b.AddASN1OctetString(sd.attached) })
						}
					})
					if len(sd.certs) > 0 {
						b.AddASN1(explicit, func(b *cryptobyte.Builder) {
							for _, c := range sd.certs {
								b.AddBytes(c.Raw)
							}
						})
					}
					b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
						for _, s := range sd.signers {
							b.AddBytes(s.sign(sd.contentType))
						}
					})
				})
			})
		})
	}), sd.tail...)
}

func (sd signedData) addDigests(b *cryptobyte.Builder) {
	for _, h := range sd.digests {
		addAlgorithm(b, hashOIDs[h])
	}
	if sd.digests != nil {
		return
	}
	seen := map[crypto.Hash]bool{}
	for _, s := range sd.signers {
		h := s.hash
		if h == 0 {
			h = crypto.SHA256
		}
		if !seen[h] {
			addAlgorithm(b, hashOIDs[h])
		}
		seen[h] = true
	}
}
