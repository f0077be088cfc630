package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Names are the names a certificate states, unchanged and in their order. The caller checks their
// form: a Mail need not be an address. A name that cannot be read, or that holds characters that
// its type does not have or that are not shown (NUL among them), is left out.
type Names struct {
	// Mail are the rfc822Names, UTF8Mail the SmtpUTF8Mailboxes (RFC 9598, Section 3) of the
	// subjectAltName.
	Mail, UTF8Mail []string
	// SubjectMail are the emailAddress attributes of the subject. There are none where the
	// subjectAltName holds a mail name (RFC 8550, Section 3), one that is left out included, or
	// cannot be read to its end.
	SubjectMail []string
	// DNS are the dNSNames.
	DNS []string
	// Unreadable says that not all of the subjectAltName can be read.
	Unreadable bool
}

// NamesOf reads the names of cert from its subjectAltName (RFC 5280, Section 4.2.1.6) and subject.
// Of several subjectAltNames all count.
func NamesOf(cert *x509.Certificate) Names {
	var out Names
	names, readable := alternativeNames(cert)
	out.Unreadable = !readable
	for _, n := range names {
		text := string(n.value)
		switch {
		case n.form == formMail && isShown(text, isASCII):
			out.Mail = append(out.Mail, text)
		case n.form == formUTF8Mail && n.value != nil && isShown(text, utf8.ValidString):
			out.UTF8Mail = append(out.UTF8Mail, text)
		case n.form == formDNS && isShown(text, isASCII):
			out.DNS = append(out.DNS, text)
		}
	}
	if !readable || slices.ContainsFunc(names, generalName.isMail) {
		return out
	}
	if subject, ok := readDirectoryName(cert.RawSubject); ok {
		out.SubjectMail = slices.DeleteFunc(subject.addresses(), func(s string) bool { return !isShown(s, utf8.ValidString) })
	}
	return out
}

func (n generalName) isMail() bool { return n.form == formMail || n.form == formUTF8Mail }

// isShown reports whether a text is of these characters, and has no control characters.
func isShown(s string, characters func(string) bool) bool {
	return characters(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// alternativeNames are all names of the subjectAltName. ok is false when some cannot be read.
func alternativeNames(cert *x509.Certificate) (names []generalName, ok bool) {
	ok = true
	for _, ext := range cert.Extensions {
		if ext.Id.Equal(oidSubjectAltName) {
			more, readable := readGeneralNames(ext.Value)
			names, ok = append(names, more...), ok && readable
		}
	}
	return names, ok
}

// hasOneAltName reports whether cert has one subjectAltName (RFC 5280, Section 4.2: no more), and
// all of it can be read.
func hasOneAltName(cert *x509.Certificate) bool {
	count := 0
	for _, ext := range cert.Extensions {
		if ext.Id.Equal(oidSubjectAltName) {
			count++
		}
	}
	_, ok := alternativeNames(cert)
	return ok && count == 1
}

// constrainedNames are all names that name constraints apply to (RFC 5280, Section 4.2.1.10; RFC
// 9598, Section 6): subject, emailAddress attributes in it, and subjectAltName. ok is false when
// some cannot be read.
func constrainedNames(cert *x509.Certificate) (names []generalName, ok bool) {
	names, ok = alternativeNames(cert)
	// RFC 5280, Section 4.1.2.6: the subject may be empty.
	if len(cert.RawSubject) == 0 {
		return names, ok
	}
	subject, readable := readDirectoryName(cert.RawSubject)
	if len(subject) > 0 {
		names = append(names, generalName{formDirectory, cert.RawSubject})
	}
	// RFC 5280, Section 4.2.1.10: emailAddress attributes are constrained as rfc822Name.
	for _, s := range subject.addresses() {
		names = append(names, generalName{formMail, []byte(s)})
	}
	return names, ok && readable
}

// fillNames fills in the names that crypto/x509 knows, as it does where it can read all.
func (r *extensionReader) fillNames(cert *x509.Certificate) {
	for _, value := range r.altNames {
		names, _ := readGeneralNames(value)
		for _, n := range names {
			text := string(n.value)
			switch {
			case n.form == formIP && (len(n.value) == 4 || len(n.value) == 16):
				cert.IPAddresses = append(cert.IPAddresses, n.value)
			case !isASCII(text):
			case n.form == formMail:
				cert.EmailAddresses = append(cert.EmailAddresses, text)
			case n.form == formDNS:
				cert.DNSNames = append(cert.DNSNames, text)
			case n.form == formURI:
				if u, err := url.Parse(text); err == nil {
					cert.URIs = append(cert.URIs, u)
				}
			}
		}
	}
}

// describeName is a distinguished name for people, as far as it can be read.
func describeName(der []byte) (out pkix.Name) {
	name, _ := readDirectoryName(der)
	var sequence pkix.RDNSequence
	for _, rdn := range name {
		var set pkix.RelativeDistinguishedNameSET
		for _, a := range rdn {
			if !a.ok {
				a.text = "#" + hex.EncodeToString(a.der)
			}
			set = append(set, pkix.AttributeTypeAndValue{Type: a.objectIdentifier(), Value: a.text})
		}
		sequence = append(sequence, set)
	}
	out.FillFromRDNSequence(&sequence)
	return out
}

// objectIdentifier is the type of an attribute.
func (a attribute) objectIdentifier() asn1.ObjectIdentifier {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes([]byte(a.id)) })
	der := cryptobyte.String(b.BytesOrPanic())
	var id asn1.ObjectIdentifier
	if !der.ReadASN1ObjectIdentifier(&id) {
		return oidLarge
	}
	return id
}
