package certificate

import "crypto/x509"

// Names are the names a certificate states, unchanged and in their order. The caller checks their
// form: a Mail need not be an address. A name that cannot be read is left out.
type Names struct {
	// Mail are the rfc822Names, UTF8Mail the SmtpUTF8Mailboxes (RFC 9598, Section 3) of the
	// subjectAltName.
	Mail, UTF8Mail []string
	// SubjectMail are the emailAddress attributes of the subject: names only where the
	// subjectAltName holds no mail name (RFC 8550, Section 3).
	SubjectMail []string
	// DNS are the dNSNames.
	DNS []string
}

// NamesOf reads the names of cert from its subjectAltName (RFC 5280, Section 4.2.1.6) and subject.
func NamesOf(cert *x509.Certificate) Names {
	var out Names
	names, _ := alternativeNames(cert) // those before what cannot be read
	for _, n := range names {
		switch n.form {
		case formMail:
			out.Mail = append(out.Mail, string(n.value))
		case formUTF8Mail:
			if n.value != nil {
				out.UTF8Mail = append(out.UTF8Mail, string(n.value))
			}
		case formDNS:
			out.DNS = append(out.DNS, string(n.value))
		default:
		}
	}
	if subject, ok := readDirectoryName(cert.RawSubject); ok {
		out.SubjectMail = subject.addresses()
	}
	return out
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
