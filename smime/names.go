package smime

import (
	"crypto/x509"
	"strings"

	"dnseal/smime/certificate"
	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// NameKind is what kind of name a Name is.
type NameKind string

// Kinds of names.
const (
	NameMail NameKind = "mail"
	NameDNS  NameKind = "dns"
)

// Name is an identity a certificate states.
type Name struct {
	Kind NameKind
	// Address for mail (rfc822Name or SmtpUTF8Mailbox, RFC 9598); DNSName for dns: lower case,
	// without final dot.
	Address message.Address
	DNSName string
}

// CertificateNames returns the identities in the subjectAltName of cert, mail
// first; an emailAddress of the subject only when there is no subjectAltName
// mail name at all (RFC 8550, Section 3). Names that are not addresses are left out.
func CertificateNames(cert *x509.Certificate) []Name {
	stated := certificate.NamesOf(cert)
	var names []Name
	for _, s := range stated.Mail {
		names = appendMailName(names, s)
	}
	for _, s := range stated.UTF8Mail {
		// RFC 9598, Section 3: only for a local part that needs it, so that an address has one
		// form; and no byte order mark.
		if local, _, _ := strings.Cut(s, "@"); entity.IsASCII(local) || strings.HasPrefix(s, "\ufeff") {
			continue
		}
		names = appendMailName(names, s)
	}
	if len(stated.Mail)+len(stated.UTF8Mail) == 0 {
		for _, s := range stated.SubjectMail {
			names = appendMailName(names, s)
		}
	}
	for _, s := range stated.DNS {
		if s = strings.ToLower(strings.TrimSuffix(s, ".")); s != "" {
			names = append(names, Name{Kind: NameDNS, DNSName: s})
		}
	}
	return names
}

// appendMailName appends a name that is a Mailbox (RFC 5280, Section 4.2.1.6): without the comments
// and the white space that an address in a header may contain. An authority that certified one with
// them certified another name than readers see.
func appendMailName(names []Name, s string) []Name {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s[strings.LastIndexByte(s, '"')+1:], "() \t") {
		return names
	}
	a, err := message.ParseAddress(s)
	if err != nil {
		return names
	}
	return append(names, Name{Kind: NameMail, Address: a})
}
