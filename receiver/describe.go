package receiver

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"

	"dnseal/smime"
	"dnseal/smime/message"
)

// describe starts the report on a signature with what needs no signatureCheck and no key.
func describe(s *smime.Signature) *SignatureReport {
	out := &SignatureReport{
		Part: s.Part, Covers: s.Covers, Binding: BindingNone, Freshness: Unknown,
		HeaderProtection: s.HeaderProtection, Differences: s.Differences,
		HeaderState: smime.HeaderUnprotected, protectedFrom: s.ProtectedFrom,
		inner: s.Inner, protectedSubject: hiddenSubject(s),
	}
	if !s.SigningTime.IsZero() {
		t := s.SigningTime.UTC()
		out.SigningTime = &t
	}
	return out
}

// hiddenSubject is the Subject that an encryption hid (RFC 9788, Section 3.2.1).
func hiddenSubject(s *smime.Signature) string {
	if s.HeaderProtection != smime.ProtectionCipher {
		return ""
	}
	for _, h := range s.Header() {
		if h.Name == "Subject" && len(h.Signed) == 1 {
			return decoded(h.Signed[0].Unfolded())
		}
	}
	return ""
}

// hiddenIn is the Subject that an encryption hid; "" without one.
func hiddenIn(found *smime.Report) string {
	for _, f := range found.Hidden {
		if f.Is("Subject") {
			return decoded(f.Unfolded())
		}
	}
	return ""
}

// decoded is a field's text with encoded words decoded, as a report repeats it.
func decoded(field string) string {
	text, _ := message.DecodeWords(cut(field, 4*maxRepeated))
	return shortened(strings.TrimSpace(text))
}

// InnerSubject is the Subject that an encryption hid, proven or not; "" where the outer one is not
// another, or the inner one is not known.
func (r *Report) InnerSubject() string { return cmp.Or(r.ProtectedSubject, r.DecryptedSubject) }

// subjectText is the Subject for people.
func (r *Report) subjectText() string {
	if r.DecryptedSubject != "" {
		return r.DecryptedSubject + " (was encrypted; no signature proves it)"
	}
	return cmp.Or(r.ProtectedSubject, r.Subject)
}

func describeCertificate(c *x509.Certificate) *CertificateReport {
	if c == nil {
		return nil
	}
	sum := sha256.Sum256(c.Raw)
	return &CertificateReport{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: c.SerialNumber.Text(16),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), SHA256: hex.EncodeToString(sum[:]),
	}
}

// EncryptionReport is one layer of encryption of a Report.
type EncryptionReport struct {
	// Part is the IMAP part number of the encrypted object; empty for the message.
	Part string `json:"part,omitempty"`
	// Algorithm is the cipher of the content, KeyEncryption how the key of it was encrypted for
	// this recipient; both are empty where it was not opened.
	Algorithm     string `json:"algorithm,omitempty"`
	KeyEncryption string `json:"key_encryption,omitempty"`
	// Authenticated says that nothing of the content was changed after it was encrypted.
	Authenticated bool `json:"authenticated"`
	// Recipients counts those that are named in it.
	Recipients int `json:"recipients,omitempty"`
	// Warning says what in the content shows that it was changed.
	Warning string `json:"warning,omitempty"`
	// Error says why it was not opened; empty where it was.
	Error string `json:"error,omitempty"`
}

func describeEncryptions(found *smime.Report) []EncryptionReport {
	var out []EncryptionReport
	for _, e := range found.Encryptions {
		d := EncryptionReport{Part: e.Part, Warning: e.Changed}
		if e.Err != nil {
			d.Error = reasonOf(e.Err)
		}
		if c := e.Content; c != nil {
			d.Algorithm, d.KeyEncryption, d.Authenticated, d.Recipients = string(c.Cipher), c.KeyEncryption, c.Authenticated, c.Recipients
		}
		out = append(out, d)
	}
	return out
}

// reasonOf is the text of an error without the name of the package.
func reasonOf(err error) string {
	_, text, ok := strings.Cut(err.Error(), ": ")
	if !ok {
		return err.Error()
	}
	return text
}

// text is the layer for people; proven says that a signature inside shows that nothing was changed.
func (e *EncryptionReport) text(proven bool) string {
	if e.Error != "" {
		return "not opened: " + e.Error
	}
	text := fmt.Sprintf("%s, key by %s, %d %s", e.Algorithm, e.KeyEncryption, e.Recipients, plural(e.Recipients, "recipient"))
	if !e.Authenticated && !proven {
		text += "; the cipher does not authenticate, and no signature shows that nothing was changed"
	}
	if e.Warning != "" {
		text += "; " + e.Warning
	}
	return text
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
