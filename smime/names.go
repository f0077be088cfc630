package smime

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/message"
)

// Name is an identity a certificate states.
type Name struct {
	// Kind is "mail" or "dns".
	Kind string
	// Address for mail (rfc822Name or SmtpUTF8Mailbox, RFC 9598); DNSName for dns: lower case, without final dot.
	Address message.Address
	DNSName string
}

// CertificateNames returns the identities in the subjectAltName of cert, mail
// first; an emailAddress of the subject only when there is no subjectAltName
// mail name at all (RFC 8550, Section 3). What is no address is left out.
func CertificateNames(cert *x509.Certificate) []Name {
	var names []Name
	stated := len(cert.EmailAddresses) > 0
	for _, s := range cert.EmailAddresses {
		names = appendMailName(names, s)
	}
	for _, s := range smtpUTF8Mailboxes(cert) {
		stated = true
		// RFC 9598, Section 3: only for a local part that needs it, so that nobody states one address in two forms. Neither is a byte order mark part of it.
		if local, _, _ := strings.Cut(s, "@"); isASCII(local) || strings.HasPrefix(s, "\ufeff") {
			continue
		}
		names = appendMailName(names, s)
	}
	if !stated {
		for _, s := range subjectEmailAddresses(cert.Subject) {
			names = appendMailName(names, s)
		}
	}
	for _, s := range cert.DNSNames {
		if s = strings.ToLower(strings.TrimSuffix(s, ".")); s != "" {
			names = append(names, Name{Kind: "dns", DNSName: s})
		}
	}
	return names
}

func appendMailName(names []Name, s string) []Name {
	a, err := message.ParseAddress(s)
	if err != nil {
		return names
	}
	return append(names, Name{Kind: "mail", Address: a})
}

var (
	oidSubjectAltName  = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidSMTPUTF8Mailbox = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 8, 9}
	oidEmailAddress    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
)

// smtpUTF8Mailboxes reads the names of RFC 9598, Section 3, which crypto/x509 passes over:
//
//	otherName  [0] IMPLICIT SEQUENCE {
//	  type-id  OBJECT IDENTIFIER,            -- id-on-SmtpUTF8Mailbox
//	  value    [0] EXPLICIT UTF8String }
func smtpUTF8Mailboxes(cert *x509.Certificate) []string {
	var found []string
	for _, ext := range cert.Extensions {
		if !ext.Id.Equal(oidSubjectAltName) {
			continue
		}
		outer := cryptobyte.String(ext.Value)
		var names cryptobyte.String
		if !outer.ReadASN1(&names, cbasn1.SEQUENCE) {
			return nil
		}
		for !names.Empty() {
			var name cryptobyte.String
			var tag cbasn1.Tag
			if !names.ReadAnyASN1(&name, &tag) {
				return found
			}
			if tag == cbasn1.Tag(0).ContextSpecific().Constructed() {
				if s, ok := smtpUTF8Mailbox(name); ok {
					found = append(found, s)
				}
			}
		}
	}
	return found
}

func smtpUTF8Mailbox(other cryptobyte.String) (string, bool) {
	var id asn1.ObjectIdentifier
	var value, s cryptobyte.String
	if !other.ReadASN1ObjectIdentifier(&id) || !id.Equal(oidSMTPUTF8Mailbox) ||
		!other.ReadASN1(&value, cbasn1.Tag(0).ContextSpecific().Constructed()) || !other.Empty() ||
		!value.ReadASN1(&s, cbasn1.UTF8String) || !value.Empty() {
		return "", false
	}
	return string(s), true
}

func subjectEmailAddresses(subject pkix.Name) []string {
	var found []string
	for _, attr := range subject.Names {
		if s, ok := attr.Value.(string); ok && attr.Type.Equal(oidEmailAddress) {
			found = append(found, s)
		}
	}
	return found
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
