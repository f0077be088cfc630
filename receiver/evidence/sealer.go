package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/smime"
	"dnseal/smime/cms"
)

// Proof adds what proves a seal: a time-stamp token over digest, a signature over content. An
// error means that the file is to be sealed without.
type Proof func(seal *Seal, digest [sha256.Size]byte, content io.ReaderAt) error

// Sign signs what a seal is over, as of Seal.Sealed. chain are the certificates of the CAs of the
// signer, where its record names one of them.
func Sign(seal *Seal, content io.Reader, signer cms.Signer, chain ...*x509.Certificate) error {
	if signer.Certificate == nil {
		return errors.New("evidence: the identity that signs seals has no certificate")
	}
	opts := cms.SignOptions{Signers: []cms.Signer{signer}, Time: seal.Sealed}
	opts.Certificates = append([]*x509.Certificate{signer.Certificate}, chain...)
	der, err := cms.Sign(content, opts)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	seal.Signature = der
	return nil
}

// signer finds out who signed the seal of a file, and when: the signature is right, and the records
// of a name in its certificate, which the file holds, were those of its key. An error says why the
// signature proves nothing.
func (a *Archive) signer(f *file, content io.Reader) (name string, when time.Time, err error) {
	sd, cert, err := signature(f, content)
	if err == nil {
		when, err = signedAt(f.seal, sd.Signers[0])
	}
	var records *lookup.Result
	if err == nil {
		records, err = a.signerRecords(f, when)
	}
	if err == nil {
		name, err = publishedName(sd, cert, records, when)
	}
	return name, when, err
}

// signature checks the signature of a seal, and returns the certificate of who made it.
func signature(f *file, content io.Reader) (*cms.SignedData, *x509.Certificate, error) {
	sd, err := cms.Read(bytes.NewReader(f.seal.Signature), nil)
	if err != nil || sd.Attached || len(sd.Signers) != 1 {
		return nil, nil, errors.New("the signature of its seal cannot be read")
	}
	digests, s := sd.Digests(), sd.Signers[0]
	if _, err = io.Copy(digests, content); err != nil {
		return nil, nil, fmt.Errorf("evidence: %s: %w", f.name, err)
	}
	cert := s.Certificate(sd, nil)
	if cert == nil {
		return nil, nil, errors.New("the signature of its seal holds no certificate")
	}
	// RFC 5035, Section 1: else a stranger can put this key into a certificate of his own.
	if !s.HashesCertificate() {
		return nil, nil, errors.New("the signature of its seal does not say which certificate its signer has")
	}
	key, err := cms.PublicKey(cert)
	if err == nil {
		err = s.Verify(digests, key)
	}
	if err != nil {
		return nil, nil, errors.New("the signature of its seal is wrong")
	}
	return sd, cert, nil
}

// signedAt is the signing time that the signature covers. The time in the seal itself is covered by
// nothing, and must not say anything else.
func signedAt(seal *Seal, s *cms.SignerInfo) (time.Time, error) {
	at := s.SigningTime.UTC()
	switch {
	case s.SigningTime.IsZero():
		return at, errors.New("the signature of its seal does not say when it was made")
	case at.Sub(seal.Sealed).Abs() > maxSkew:
		return at, fmt.Errorf("the signature of its seal is of %s, and the seal says that it was made on %s", stamp(at), stamp(seal.Sealed))
	}
	return at, nil
}

// signerRecords are the records of the signer of a seal as of when it signed.
func (a *Archive) signerRecords(f *file, when time.Time) (*lookup.Result, error) {
	l, err := a.answers.lookup(f, f.seal.Lookup)
	if err != nil || len(l.Sets) == 0 || l.At.Before(when.Add(-maxCached)) || l.At.After(when.Add(maxSkew)) {
		return nil, errors.New("its seal is signed, and nothing in it proves by whom")
	}
	r := a.answers.validate(a, f, f.seal.Lookup, l, l.At)
	switch {
	case r.Status != dnssec.Secure:
		return nil, fmt.Errorf("its seal is signed, and the records of the signer are %s", r.Status)
	case r.Presence != dane.Present:
		return nil, errors.New("its seal is signed, and the records of the signer were absent")
	case when.After(r.Answer.Expiration.Add(maxSkew)):
		return nil, fmt.Errorf("its seal is signed on %s, and what proves the records of the signer held until %s", stamp(when), stamp(r.Answer.Expiration))
	}
	return r, nil
}

// publishedName is the name in a certificate whose records are these, and name its key.
func publishedName(sd *cms.SignedData, cert *x509.Certificate, records *lookup.Result, when time.Time) (string, error) {
	for _, n := range smime.CertificateNames(cert) {
		owner, typ, name := ownerOf(n)
		if owner != records.Name || typ != records.Type {
			continue
		}
		carried := func(*x509.Certificate) bool { return true } // it is one of its names
		opts := dane.MatchOptions{Certificate: cert, Chain: sd.Certificates, NameOK: carried, At: when}
		if _, matched, _ := dane.Match(context.Background(), records.Records, opts); matched {
			return name, nil
		}
	}
	return "", errors.New("its seal is signed by another key than was published for that name")
}

// ownerOf is where the records of a name are, of what type, and the name for people.
func ownerOf(n smime.Name) (owner string, typ dane.Type, name string) {
	if n.DNSName != "" {
		owner, _ = dane.TLSAName(n.DNSName)
		return owner, dane.TLSA, n.DNSName
	}
	owner, _ = dane.SMIMEAName(n.Address.Local, n.Address.Domain)
	return owner, dane.SMIMEA, n.Address.String()
}

// ask finds out who proves the time of a seal: a time stamp, or else the signer. doubt says what in
// the seal proves nothing, also where something else does.
func (a *Archive) ask(f *file) (by string, when time.Time, doubt error) {
	content := func() io.Reader { return io.NewSectionReader(f.src, 0, f.lines[len(f.lines)-1].off) }
	if a.opts.Witness != nil && len(f.seal.Token) > 0 {
		if by, when, doubt = a.opts.Witness(f.seal, content()); doubt != nil {
			by = ""
		}
	}
	if len(f.seal.Signature) == 0 {
		return by, when.UTC(), doubt
	}
	name, signed, wrong := a.signer(f, content())
	switch {
	case wrong != nil && doubt != nil:
		doubt = fmt.Errorf("%w; %w", doubt, wrong)
	case wrong != nil:
		doubt = wrong
	case by == "":
		by, when = "the signature of "+name, signed
	}
	return by, when.UTC(), doubt
}
