package certificate

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// extension is one Extension of a certificate.
type extension struct {
	id       asn1.ObjectIdentifier // oidLarge for one that is too large
	critical bool
	value    []byte
}

// readExtensionList reads RFC 5280, Section 4.1:
//
//	Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension
func readExtensionList(explicit cryptobyte.String) ([]extension, bool) {
	var list cryptobyte.String
	if !explicit.ReadASN1(&list, cbasn1.SEQUENCE) || !explicit.Empty() {
		return nil, false
	}
	var out []extension
	for !list.Empty() {
		ext, ok := readExtension(&list)
		if !ok {
			return nil, false
		}
		out = append(out, ext)
	}
	return out, true
}

// readExtension reads RFC 5280, Section 4.1:
//
//	Extension ::= SEQUENCE {
//	  extnID     OBJECT IDENTIFIER,
//	  critical   BOOLEAN DEFAULT FALSE,
//	  extnValue  OCTET STRING }
func readExtension(list *cryptobyte.String) (ext extension, ok bool) {
	var s, id, value cryptobyte.String
	if !list.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1Element(&id, cbasn1.OBJECT_IDENTIFIER) || len(id) <= 2 {
		return extension{}, false
	}
	if !id.ReadASN1ObjectIdentifier(&ext.id) {
		ext.id = oidLarge
	}
	if ext.critical, ok = readBoolean(&s); !ok || !s.ReadASN1(&value, cbasn1.OCTET_STRING) || !s.Empty() {
		return extension{}, false
	}
	ext.value = value
	return ext, true
}

// readBoolean reads BOOLEAN DEFAULT FALSE. Any octet but 0 is true (X.690, Section 8.2.2), also
// where DER has only one of them.
func readBoolean(s *cryptobyte.String) (value, ok bool) {
	if !s.PeekASN1Tag(cbasn1.BOOLEAN) {
		return false, true
	}
	var contents cryptobyte.String
	if !s.ReadASN1(&contents, cbasn1.BOOLEAN) || len(contents) != 1 {
		return false, false
	}
	return contents[0] != 0, true
}

// oidAuthorityInfoAccess: RFC 5280, Section 4.2.2.1.
var oidAuthorityInfoAccess = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}

// understood reports whether crypto/x509 reads what is in the extension. Three of them are never
// critical (RFC 5280, Sections 4.2.1.1, 4.2.1.2 and 4.2.2.1).
func (e extension) understood() bool {
	return arcExtension(e.id, 15, 17, 19, 30, 31, 32, 33, 36, 37, 54) || e.neverCritical()
}

func (e extension) neverCritical() bool {
	return arcExtension(e.id, 14, 35) || e.id.Equal(oidAuthorityInfoAccess)
}

// arcExtension reports whether id is one of these numbers below id-ce (RFC 5280, Section 4.2.1).
func arcExtension(id asn1.ObjectIdentifier, numbers ...int) bool {
	return len(id) == 4 && id[0] == 2 && id[1] == 5 && id[2] == 29 && slices.Contains(numbers, id[3])
}

// readExtensions lets crypto/x509 read those extensions that it can, one by one, and reads the
// others. The result has nothing else of the certificate than its extensions and its signature
// algorithm.
func (p *parts) readExtensions() (*x509.Certificate, error) {
	r := &extensionReader{algorithm: p.algorithm}
	var added []asn1.ObjectIdentifier // few: those understood
	for _, e := range p.extensions {
		r.all = append(r.all, pkix.Extension{Id: e.id, Critical: e.critical, Value: e.value})
		if e.critical && (!e.understood() || e.neverCritical() || e.id.Equal(oidNameConstraints)) {
			r.unhandled = append(r.unhandled, e.id)
		}
		if !e.understood() || slices.ContainsFunc(added, e.id.Equal) {
			continue
		}
		added = append(added, e.id)
		r.add(e.id, p.valuesOf(e.id))
	}
	return r.certificate()
}

// valuesOf are the values of all extensions with this OID.
func (p *parts) valuesOf(id asn1.ObjectIdentifier) (out [][]byte) {
	for _, e := range p.extensions {
		if e.id.Equal(id) {
			out = append(out, e.value)
		}
	}
	return out
}

// extensionReader puts a certificate together whose extensions crypto/x509 can read.
type extensionReader struct {
	algorithm []byte
	all       []pkix.Extension
	readable  []extension
	unhandled []asn1.ObjectIdentifier
	// altNames are the values of subjectAltName.
	altNames [][]byte
	// noAuthority says that basicConstraints cannot be read. A usage that cannot be is left to
	// restrictUsage.
	noAuthority bool
}

// add adds the extension with this OID, which occurs with these values.
func (r *extensionReader) add(id asn1.ObjectIdentifier, values [][]byte) {
	value, ok := values[0], allEqual(values)
	switch {
	// RFC 5280, Section 4.2.1.3.
	case arcExtension(id, 15):
		value, ok = strictest(values, readUsage)
	// RFC 5280, Section 4.2.1.9.
	case arcExtension(id, 19):
		value, ok = strictest(values, readAuthority)
		r.noAuthority = !ok
	// RFC 5280, Section 4.2.1.12.
	case arcExtension(id, 37):
		value, ok = strictest(values, readExtendedUsage)
	// RFC 5280, Section 4.2.1.6: what it says is read of all names that can be.
	case arcExtension(id, 17):
		r.altNames = values
		_, ok = readGeneralNames(value)
		if ok = ok && len(values) == 1; !ok {
			r.unhandled = append(r.unhandled, id)
		}
		return
	}
	one := extension{id: id, value: value}
	readable := ok && r.reads(one)
	if readable {
		r.readable = append(r.readable, one)
	}
	if !readable || len(values) > 1 {
		r.unhandled = append(r.unhandled, id)
	}
}

// reads reports whether crypto/x509 reads the extension.
func (r *extensionReader) reads(e extension) bool {
	_, err := x509.ParseCertificate(r.carrier([]extension{e}))
	return err == nil
}

// anyAlgorithm is an AlgorithmIdentifier.
var anyAlgorithm = []byte("\x30\x03\x06\x01\x2a")

func allEqual(values [][]byte) bool {
	return !slices.ContainsFunc(values, func(v []byte) bool { return !bytes.Equal(v, values[0]) })
}

// carrier is a certificate that crypto/x509 reads, with these extensions.
func (r *extensionReader) carrier(extensions []extension) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes([]byte("\xa0\x03\x02\x01\x02\x02\x01\x01")) // version 3, serialNumber 1
			b.AddBytes(r.algorithm)
			// issuer, validity, subject
			b.AddBytes([]byte("\x30\x00\x30\x1e\x17\x0d260101000000Z\x17\x0d260101000000Z\x30\x00"))
			// a key of the algorithm 1.2
			b.AddBytes([]byte("\x30\x08\x30\x03\x06\x01\x2a\x03\x01\x00"))
			b.AddASN1(implicit(3).Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					for _, e := range extensions {
						b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddASN1ObjectIdentifier(e.id)
							b.AddASN1OctetString(e.value)
						})
					}
				})
			})
		})
		b.AddBytes(r.algorithm)
		b.AddBytes([]byte("\x03\x01\x00"))
	})
	return b.BytesOrPanic()
}

// certificate is what crypto/x509 reads, and what it does not.
func (r *extensionReader) certificate() (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(r.carrier(r.readable))
	if err != nil {
		return nil, errAlgorithm
	}
	cert.Extensions, cert.UnhandledCriticalExtensions = r.all, r.unhandled
	r.fillNames(cert)
	if r.noAuthority {
		cert.BasicConstraintsValid, cert.IsCA = true, false
	}
	return cert, nil
}
