package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/smime"
	"dnseal/smime/cms"
)

// Proof adds what proves a seal: a time-stamp token over digest, a signature over content. An
// error means that the file is to be sealed without.
type Proof func(seal *Seal, digest [sha256.Size]byte, content io.ReaderAt) error

// Sign signs what a seal is over.
func Sign(seal *Seal, content io.Reader, signer cms.Signer) error {
	if signer.Certificate == nil {
		return errors.New("evidence: the identity that signs seals has no certificate")
	}
	opts := cms.SignOptions{Signers: []cms.Signer{signer}, Time: seal.Sealed}
	opts.Certificates = append(opts.Certificates, signer.Certificate)
	der, err := cms.Sign(content, opts)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	seal.Signature = der
	return nil
}

// signer finds out who signed the seal of a file: the signature is right, and the records of a name
// in its certificate, which the file holds, were those of its key. An error says why the signature
// proves nothing.
func (a *Archive) signer(f *file, content io.Reader) (name string, err error) {
	sd, err := cms.Read(bytes.NewReader(f.seal.Signature), nil)
	if err != nil || sd.Attached || len(sd.Signers) != 1 {
		return "", errors.New("the signature of its seal cannot be read")
	}
	digests, s := sd.Digests(), sd.Signers[0]
	if _, err = io.Copy(digests, content); err != nil {
		return "", fmt.Errorf("evidence: %s: %w", f.name, err)
	}
	cert := s.Certificate(sd, nil)
	if cert == nil {
		return "", errors.New("the signature of its seal holds no certificate")
	}
	key, err := cms.PublicKey(cert)
	if err == nil {
		err = s.Verify(digests, key)
	}
	if err != nil {
		return "", errors.New("the signature of its seal is wrong")
	}
	l, err := a.answers.lookup(f, f.seal.Lookup)
	if err != nil || len(l.Sets) == 0 || l.At.Before(f.seal.Sealed.Add(-maxCached)) || l.At.After(f.seal.Sealed.Add(maxSkew)) {
		return "", errors.New("its seal is signed, and nothing in it proves by whom")
	}
	r := a.answers.validate(a, f, f.seal.Lookup, l, l.At)
	if r.Status != dnssec.Secure || r.Presence != dane.Present {
		return "", fmt.Errorf("its seal is signed, and the records of the signer are %s", r.Status)
	}
	for _, n := range smime.CertificateNames(cert) {
		owner, name := ownerOf(n)
		if owner != r.Name {
			continue
		}
		opts := dane.MatchOptions{Certificate: cert, Chain: sd.Certificates, At: f.seal.Sealed}
		if _, matched, _ := dane.Match(context.Background(), r.Records, opts); matched {
			return name, nil
		}
	}
	return "", errors.New("its seal is signed by another key than was published for that name")
}

// ownerOf is where the records of a name are, and the name for people.
func ownerOf(n smime.Name) (owner, name string) {
	if n.DNSName != "" {
		owner, _ = dane.TLSAName(n.DNSName)
		return strings.ToLower(owner), n.DNSName
	}
	owner, _ = dane.SMIMEAName(n.Address.Local, n.Address.Domain)
	return owner, n.Address.String()
}

// ask finds out who proves the time of a seal: a time stamp, or else the signer.
func (a *Archive) ask(f *file) (by string, when time.Time, err error) {
	content := func() io.Reader { return io.NewSectionReader(f.src, 0, f.lines[len(f.lines)-1].off) }
	if a.opts.Witness != nil && len(f.seal.Token) > 0 {
		if by, when, err = a.opts.Witness(f.seal, content()); by != "" {
			return by, when.UTC(), nil
		}
	}
	if len(f.seal.Signature) == 0 {
		return "", time.Time{}, err
	}
	name, wrong := a.signer(f, content())
	if wrong != nil {
		return "", time.Time{}, errors.Join(err, wrong)
	}
	return "the signature of " + name, f.seal.Sealed.UTC(), nil
}
