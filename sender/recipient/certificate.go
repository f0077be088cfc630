package recipient

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"dnseal/smime/certificate"
	"dnseal/smime/cms"
	"dnseal/smime/cms/enveloped"
)

// FromCertificate is the key of a certificate, of which nothing is asked but that it can be
// encrypted to at that time: its key, dates and usage (RFC 5280, Sections 4.1.2.5, 4.2.1.3 and
// 4.2.1.12). Whose it is is for the caller to know. Errors: what keeps it from being used.
func FromCertificate(c *x509.Certificate, at time.Time) (Key, error) {
	pub, err := cms.PublicKey(c)
	if err != nil {
		return Key{}, inWords(err)
	}
	key, err := keyOf(pub, c.RawSubjectPublicKeyInfo)
	if err == nil {
		err = errors.Join(checkDates(c, at), checkUsage(c, key))
	}
	if err != nil {
		return Key{}, err
	}
	key.Recipient = enveloped.Recipient{Certificate: c}
	for _, cipher := range capabilities(c) {
		if !slices.Contains(key.Reads, cipher) {
			key.Reads = append(key.Reads, cipher)
		}
	}
	return key, nil
}

func checkDates(c *x509.Certificate, at time.Time) error {
	switch {
	case at.After(c.NotAfter):
		return fmt.Errorf("its certificate expired on %s", day(c.NotAfter))
	case at.Before(c.NotBefore):
		return fmt.Errorf("its certificate is not valid before %s", day(c.NotBefore))
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// checkUsage wants a certificate that may be encrypted to. One without the extension may (RFC 5280,
// Section 4.2.1.3).
func checkUsage(c *x509.Certificate, key Key) error {
	// RFC 8550, Section 4.4.2; RFC 5480, Section 3; RFC 8410, Section 5; RFC 9935, Section 5.
	need, name := x509.KeyUsageKeyAgreement, "keyAgreement"
	if key.isRSA() || key.class == postQuantum {
		need, name = x509.KeyUsageKeyEncipherment, "keyEncipherment"
	}
	switch {
	case c.KeyUsage == certificate.UnreadableKeyUsage:
		return errors.New("the key usage of its certificate names none, or cannot be read")
	case c.KeyUsage != 0 && c.KeyUsage&need == 0:
		return fmt.Errorf("the key usage of its certificate does not allow %s: it is not for encryption", name)
	case certificate.UnreadableExtKeyUsage(c):
		return errors.New("the extended key usage of its certificate names none, or cannot be read")
	// RFC 8550, Section 4.4.4.
	case len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 && !slices.ContainsFunc(c.ExtKeyUsage, forMail):
		return errors.New("the extended key usage of its certificate does not allow mail")
	}
	return nil
}

// forMail: RFC 5280, Section 4.2.1.12.
func forMail(u x509.ExtKeyUsage) bool {
	return u == x509.ExtKeyUsageEmailProtection || u == x509.ExtKeyUsageAny
}
