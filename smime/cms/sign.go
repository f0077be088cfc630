package cms

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"
)

// Signer makes one SignerInfo.
type Signer struct {
	// Key signs. RSA (2048 to 4096 bit), ECDSA P-256, P-384, P-521, Ed25519, ML-DSA-44, 65 and 87
	// (whose public half is a [*mldsa.PublicKey]).
	Key crypto.Signer
	// Certificate is the key's certificate. Nil: the signer is named by the SubjectKeyIdentifier of
	// the key (RFC 5280, 4.2.1.2, method 1) and signingCertificateV2 is left out.
	Certificate *x509.Certificate
	// PSS signs with RSASSA-PSS (RFC 4056); RSA keys only.
	PSS bool
	// PostQuantum signs the same content beside this signer, by ML-DSA; nil: nobody does. Its
	// SignedData, with its own Certificate and Chain, is an unsigned attribute of this signer's
	// SignerInfo ([OIDPostQuantum]): programs that know nothing of it verify this signer's alone.
	PostQuantum *Signer
	// Chain are further certificates that go with that of a PostQuantum signer. For all other
	// signers they are among SignOptions.Certificates.
	Chain []*x509.Certificate

	ready *signer // what Ready found
}

// Ready returns s for signing often: that its key can sign and is the certificate's is checked now,
// and what is the same in all its signatures is made now. The fields of the result must not be
// changed, but for PostQuantum. Errors: ErrUnsupportedKey, a Certificate of another key, a
// PostQuantum signer whose key is not for ML-DSA or who has one of its own.
func (s Signer) Ready() (Signer, error) {
	if s.ready == nil {
		ready, err := newSigner(s)
		if err != nil {
			return Signer{}, err
		}
		s.ready = ready
	}
	return s.withPostQuantum()
}

// SignOptions are for Sign. The zero value is safe except Signers and Time, which are needed (Time
// not with NoTime).
type SignOptions struct {
	// Signers sign in parallel, at most MaxSigners.
	Signers []Signer
	// Certificates go into the SignedData (the signers' own too: they are not added automatically),
	// at most MaxCertificates.
	Certificates []*x509.Certificate
	// Time is the signingTime attribute.
	Time time.Time
	// NoTime leaves that attribute out; Time is not used then.
	NoTime bool
	// Unsigned are unsigned attributes of the Signers, in the order of these, at most
	// MaxUnsignedSize each; signers beyond its length have none.
	Unsigned [][]Attribute
	// Rand is the source of randomness; nil means crypto/rand.
	Rand io.Reader
}

func (opts *SignOptions) unsigned(signer int) []Attribute {
	if signer >= len(opts.Unsigned) {
		return nil
	}
	return opts.Unsigned[signer]
}

// Sign returns the DER of a detached SignedData over the content read from content (hashed once,
// whatever the number of signers).
//
// Errors: ErrUnsupportedKey, *LimitError, a Signer whose Certificate is of another key, an Unsigned
// attribute that is none, else what content or a key returned.
func Sign(content io.Reader, opts SignOptions) ([]byte, error) {
	signers, d, err := prepare(opts)
	if err != nil {
		return nil, err
	}
	if _, err = io.Copy(d, content); err != nil {
		return nil, fmt.Errorf("cms: reading the content: %w", err)
	}
	m, err := newSignedMessage(signers, d, opts)
	if err != nil {
		return nil, err
	}
	return append(m.head(detached), m.tail...), nil
}

// SignAttached writes the DER of a SignedData with content inside. size is the exact length of
// content from its current offset. It is read twice, once to hash and once to copy: the lengths in
// front of it include that of the signature, which for ECDSA is not known before it is made. Memory
// does not grow with size.
//
// Errors: as Sign, ErrUnsupportedKey and so on before anything is written; io.ErrUnexpectedEOF when
// content is shorter than size; what w returned.
func SignAttached(w io.Writer, content io.ReadSeeker, size int64, opts SignOptions) error {
	signers, d, err := prepare(opts)
	if err != nil {
		return err
	}
	start, err := content.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("cms: reading the content: %w", err)
	}
	if err = copyExactly(d, content, size); err != nil {
		return err
	}
	m, err := newSignedMessage(signers, d, opts)
	if err != nil {
		return err
	}
	if _, err = content.Seek(start, io.SeekStart); err != nil {
		return fmt.Errorf("cms: reading the content: %w", err)
	}
	if _, err = w.Write(m.head(size)); err != nil {
		return err
	}
	if err = copyExactly(w, content, size); err != nil {
		return err
	}
	_, err = w.Write(m.tail)
	return err
}

func copyExactly(w io.Writer, content io.Reader, size int64) error {
	switch n, err := io.Copy(w, io.LimitReader(content, size)); {
	case err != nil:
		return fmt.Errorf("cms: copying the content: %w", err)
	case n != size:
		return fmt.Errorf("cms: the content ends after %d of %d octets: %w", n, size, io.ErrUnexpectedEOF)
	}
	return nil
}

// prepare checks opts before any content is read.
func prepare(opts SignOptions) ([]*signer, *Digests, error) {
	switch {
	case len(opts.Signers) == 0:
		return nil, nil, errors.New("cms: no signer")
	case len(opts.Signers) > MaxSigners:
		return nil, nil, limitSigners.Exceeded()
	case len(opts.Certificates) > MaxCertificates:
		return nil, nil, limitCertificates.Exceeded()
	case opts.Time.IsZero() && !opts.NoTime:
		return nil, nil, errors.New("cms: no signing time")
	}
	d := new(Digests)
	var signers []*signer
	for _, s := range opts.Signers {
		ready, err := s.Ready()
		if err != nil {
			return nil, nil, err
		}
		sr := ready.besidePostQuantum()
		signers = append(signers, sr)
		d.add(sr.hash)
		if sr.postQuantum != nil {
			d.add(sr.postQuantum.hash)
		}
	}
	return signers, d, nil
}
