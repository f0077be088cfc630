package lint

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"dnseal/sender/identity"
	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// checkKey compares key and certificate.
func (l *linter) checkKey() {
	certified, err := cms.PublicKey(l.cert)
	if err != nil || l.id.Public == nil {
		return // Load says so
	}
	if k, ok := certified.(interface{ Equal(crypto.PublicKey) bool }); ok && k.Equal(l.id.Public) {
		return
	}
	// A key for RSASSA-PSS only compares with one for both.
	if k, ok := l.id.Public.(interface{ Equal(crypto.PublicKey) bool }); ok && k.Equal(certified) {
		return
	}
	// The keys of crypto/mlkem have no Equal.
	if spki, err := cms.MarshalPublicKey(l.id.Public); err == nil && bytes.Equal(spki, l.cert.RawSubjectPublicKeyInfo) {
		return
	}
	l.add(Wrong, KeyMismatch, "key and certificate do not belong together", "no signature would verify", "import the certificate of this key, or the key of this certificate")
}

// checkName compares the names, which receivers judge by (RFC 8550, Section 3).
func (l *linter) checkName() {
	names := certificate.NamesOf(l.cert)
	if names.Unreadable {
		l.add(Warning, UnreadableNames, "not all names in the certificate can be read", "receivers may see another name than is meant", newCertificate)
	}
	l.checkASCII(names)
	wrong := l.id.CheckName()
	switch {
	case wrong == nil && l.id.Kind == identity.Mail && len(names.Mail)+len(names.UTF8Mail) == 0:
		l.add(Note, SubjectNameAlone, "the address stands in the subject of the certificate and not in its subjectAltName", "newer programs look at the latter only (RFC 8550, Section 3)", newCertificate)
	case wrong == nil:
	case len(names.Mail)+len(names.UTF8Mail)+len(names.SubjectMail)+len(names.DNS) == 0:
		l.manufacturer()
	default:
		what := strings.TrimPrefix(wrong.Error(), "identity: "+l.id.Name+": ")
		l.findings = append(l.findings, Finding{Wrong, OtherName, what, "a record at the name of " + l.id.Name + " does not make them another", identity.Hint(wrong)})
	}
}

// manufacturer is for a certificate without mail and DNS name, as IEEE 802.1AR has them: they name
// the device by its serial number.
func (l *linter) manufacturer() {
	what := "the certificate states neither a mail address nor a DNS name"
	if serial := l.cert.Subject.SerialNumber; serial != "" {
		what = fmt.Sprintf("the certificate is a manufacturer's: it names the device %q and states neither a mail address nor a DNS name", clip(serial))
	}
	l.add(Wrong, OtherName, what,
		"records of it can be published (3 1 1, 3 0 0, with its CA 2 x x), and under usage 3 the name does not count (RFC 7671, Section 5.1): a TLS server that goes by the record accepts it. Mail does not pass, because receivers that run dnseal take the name from the certificate",
		"for mail make a request for the same key, and import what your CA answers: dnseal identity csr "+identity.Quote(l.id.Name))
}

// checkASCII looks at rfc822Names, which are IA5String (RFC 9598, Section 3).
func (l *linter) checkASCII(names certificate.Names) {
	notASCII := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
	}
	if !slices.ContainsFunc(l.cert.EmailAddresses, notASCII) && !slices.ContainsFunc(names.SubjectMail, notASCII) && !l.rawNonASCII() {
		return
	}
	l.add(Warning, NonASCIIName, "the certificate has an address that is not ASCII as rfc822Name or emailAddress", "those are ASCII, and no two programs read it alike", "get one with the address as SmtpUTF8Mailbox (RFC 9598): dnseal identity csr asks for it")
}

// rawNonASCII looks for an rfc822Name ([1]) with other octets in the subjectAltName, which parsers
// leave out.
func (l *linter) rawNonASCII() bool {
	for _, e := range l.cert.Extensions {
		if e.Id.Equal([]int{2, 5, 29, 17}) {
			return mailNameNotASCII(e.Value)
		}
	}
	return false
}

// checkUsage says whether the certificate is for mail, and for what the key is for (RFC 8550,
// Sections 4.4.2 and 4.4.4).
func (l *linter) checkUsage() {
	const signing = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	c := l.cert
	switch {
	case l.id.Use() == identity.UseEncrypt:
		if !l.id.Decrypts() {
			l.add(Wrong, KeyUsage, "its keyUsage does not allow to encrypt to its key", "it needs keyEncipherment for RSA and ML-KEM, keyAgreement for EC and X25519 (RFC 8550, Section 4.4.2), and senders pass it over", newCertificate)
		}
	case c.KeyUsage != 0 && c.KeyUsage&signing == 0:
		l.add(Wrong, KeyUsage, "its keyUsage allows neither digitalSignature nor nonRepudiation", "it is not for signatures (RFC 8550, Section 4.4.2)", newCertificate)
	}
	forMail := func(u x509.ExtKeyUsage) bool {
		return u == x509.ExtKeyUsageEmailProtection || u == x509.ExtKeyUsageAny
	}
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 && !slices.ContainsFunc(c.ExtKeyUsage, forMail) {
		l.add(Wrong, ExtKeyUsage, "its extKeyUsage does not name emailProtection", "it is for something else than mail (RFC 8550, Section 4.4.4)", newCertificate)
	}
}

// checkDates says for which records dates count (RFC 7671, Section 5.1).
func (l *linter) checkDates() {
	const where = "dates do not count under a record of usage 3 and do under usages 0, 1 and 2 and in other programs"
	for _, c := range l.all() {
		do := "renew it: dnseal identity csr"
		if c != l.cert {
			do = "ask the CA for certificates under a newer one"
		}
		switch {
		case l.now.After(c.NotAfter) && l.id.Use() == identity.UseEncrypt:
			l.add(Warning, Expired, l.describe(c)+" expired on "+day(c.NotAfter), "senders do not encrypt to it", "make another key for encryption, and publish it")
		case l.now.After(c.NotAfter):
			l.add(Warning, Expired, l.describe(c)+" expired on "+day(c.NotAfter), where, do)
		case l.now.Before(c.NotBefore):
			l.add(Warning, NotYetValid, l.describe(c)+" is valid from "+day(c.NotBefore), where, "wait, or check the clock of this machine")
		}
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// checkForm looks at what some programs refuse (RFC 5280, Sections 4.1.2.1, 4.1.2.2 and 4.2.1.2).
func (l *linter) checkForm() {
	c := l.cert
	switch {
	case c.Version < 3:
		l.add(Warning, Version1, fmt.Sprintf("the certificate is of version %d", c.Version), "it has no extensions, and so no subjectAltName and no usage, and programs refuse it", newCertificate)
	case len(c.SubjectKeyId) == 0:
		l.add(Note, NoKeyIdentifier, "the certificate has no subjectKeyIdentifier", "programs that look for certificates by it do not find this one (RFC 5280, Section 4.2.1.2)", "")
	}
	// RFC 5280, Section 4.1.2.2.
	if n := c.SerialNumber; n != nil && (n.Sign() <= 0 || len(n.Bytes()) > 20 || n.BitLen() == 160) {
		l.add(Warning, Serial, "its serial number is "+serialFault(n.Sign()), "several programs refuse it (RFC 5280, Section 4.1.2.2: positive, at most 20 octets)", newCertificate)
	} else if _, err := x509.ParseCertificate(c.Raw); err != nil {
		l.add(Warning, Unreadable, fmt.Sprintf("programs that are written in Go cannot read the certificate (%s)", strings.TrimPrefix(err.Error(), "x509: ")), "they say that the message has no valid signature", newCertificate)
	}
}

func serialFault(sign int) string {
	switch {
	case sign < 0:
		return "negative"
	case sign == 0:
		return "zero"
	}
	return "longer than 20 octets"
}

// checkStrength looks at key and signature.
func (l *linter) checkStrength() {
	for _, c := range l.all() {
		l.checkKeyOf(c)
		// The signature of a root proves nothing.
		if !bytes.Equal(c.RawIssuer, c.RawSubject) && weak(c.SignatureAlgorithm) {
			l.add(Warning, WeakSignature, l.describe(c)+" is signed by "+c.SignatureAlgorithm.String(), "such signatures can be forged, and programs refuse them", newCertificate)
		}
	}
}

func weak(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	default:
		return false
	}
}
