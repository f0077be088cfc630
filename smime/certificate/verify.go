package certificate

import (
	"context"
	"crypto/x509"
	"errors"
	"time"
)

// Options say what a path may consist of, and what it must be. The zero value of each field is
// safe: without an anchor there is no path, and without a time it does not hold.
type Options struct {
	// Certificates are those that came along, in any order. Those after the 16th are
	// ignored.
	Certificates []*x509.Certificate
	// Anchors are where a path may end.
	Anchors []*x509.Certificate
	// Key, a DER SubjectPublicKeyInfo, is an anchor of which nothing but the key is known; nil
	// for none.
	Key []byte
	// Through reports whether a certificate above the leaf is one that the path must hold; nil:
	// any path is accepted.
	Through func(*x509.Certificate) bool
	// KeyUsages are the extended key usages of which the path must allow one; nil: any.
	KeyUsages []x509.ExtKeyUsage
	// At is the time at which every certificate of the path must be valid.
	At time.Time
	// Work is what the path may cost; nil: a budget of its own.
	Work *Work
}

const (
	// maxCertificates is how many certificates that came along are looked at.
	maxCertificates = 16
	// maxPath is how many certificates a path may have, both ends included.
	maxPath = 10
)

// ErrNoPath says that no path ends at an anchor.
var ErrNoPath = errors.New("certificate: no path to an anchor")

var errNoTime = errors.New("no time to check the certificate at")

// Verify finds a valid path from leaf to an anchor (RFC 5280, Section 6.1): nil, or why there is
// none. A leaf is no path to itself. The caller checks that leaf states the name it is used under.
//
// Errors: [ErrNoPath]; [ErrWork] and the error of ctx, with which nothing is decided about leaf; a
// [*ConstraintError]; else what is wrong with the first path that was found.
func Verify(ctx context.Context, leaf *x509.Certificate, opts Options) error {
	if opts.At.IsZero() {
		return errNoTime
	}
	if opts.Work == nil {
		opts.Work = &Work{}
	}
	if len(opts.Certificates) > maxCertificates {
		opts.Certificates = opts.Certificates[:maxCertificates]
	}
	s := search{opts: opts}
	if opts.Key != nil {
		key, err := ParsePublicKey(opts.Key)
		if err != nil {
			return ErrNoPath
		}
		s.key = &x509.Certificate{PublicKey: key, RawSubjectPublicKeyInfo: opts.Key}
	}
	return s.run(ctx, leaf)
}
