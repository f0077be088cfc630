package certificate

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"slices"
)

// search looks for paths: certificates of which each is signed by the next. The other checks are
// made on a whole path, so that "no path" and "a path that does not hold" stay two answers.
type search struct {
	opts Options
	key  *x509.Certificate // holds the key that is an anchor, and nothing else
	// wrong is the error of the first path that was found.
	wrong error
}

// errFound ends the search.
var errFound = errors.New("found")

func (s *search) run(ctx context.Context, leaf *x509.Certificate) error {
	err := s.extend(ctx, []*x509.Certificate{leaf})
	switch {
	case errors.Is(err, errFound):
		return nil
	case err != nil:
		return err
	case s.wrong != nil:
		return s.wrong
	}
	return ErrNoPath
}

// extend tries all paths that begin with these certificates. Errors: errFound, or what ends the
// search without a result.
func (s *search) extend(ctx context.Context, path []*x509.Certificate) error {
	if err := spend(&s.opts.Work.steps, maxSteps); err != nil {
		return err
	}
	last := path[len(path)-1]
	if err := s.end(ctx, path, last); err != nil || len(path) >= maxPath-1 {
		return err
	}
	for _, issuer := range issuersOf(last, s.opts.Certificates, path) {
		// RFC 5280, Section 6.1.3, (a) (1).
		ok, err := s.opts.Work.certifies(ctx, last, issuer)
		if err == nil && ok {
			err = s.extend(ctx, append(slices.Clip(path), issuer))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// end tries the anchors that may have signed the last certificate.
func (s *search) end(ctx context.Context, path []*x509.Certificate, last *x509.Certificate) error {
	for _, anchor := range issuersOf(last, s.opts.Anchors, path) {
		ok, err := s.opts.Work.certifies(ctx, last, anchor)
		if err == nil && ok {
			err = s.try(append(slices.Clip(path), anchor), true)
		}
		if err != nil {
			return err
		}
	}
	if s.key == nil {
		return nil
	}
	ok, err := s.opts.Work.certifies(ctx, last, s.key)
	if err == nil && ok {
		err = s.try(path, false)
	}
	return err
}

// try checks a whole path. Errors: as extend.
func (s *search) try(path []*x509.Certificate, anchored bool) error {
	if err := spend(&s.opts.Work.paths, maxPaths); err != nil {
		return err
	}
	err := s.checkPath(path, anchored)
	switch {
	case err == nil:
		return errFound
	case errors.Is(err, ErrWork):
		return err
	case s.wrong == nil || errors.Is(s.wrong, ErrNoPath):
		s.wrong = err
	}
	return nil
}

// issuersOf are those whose subject is the issuer of cert (RFC 5280, Section 6.1.3, (a) (4)),
// without those whose name and key are in the path already; first those whose key it names
// (RFC 5280, Section 4.2.1.1).
func issuersOf(cert *x509.Certificate, among, path []*x509.Certificate) []*x509.Certificate {
	var named, others []*x509.Certificate
	for _, c := range among {
		inPath := func(p *x509.Certificate) bool {
			return bytes.Equal(p.RawSubject, c.RawSubject) && bytes.Equal(p.RawSubjectPublicKeyInfo, c.RawSubjectPublicKeyInfo)
		}
		switch {
		case !bytes.Equal(c.RawSubject, cert.RawIssuer) || slices.ContainsFunc(path, inPath):
		case len(cert.AuthorityKeyId) > 0 && bytes.Equal(cert.AuthorityKeyId, c.SubjectKeyId):
			named = append(named, c)
		default:
			others = append(others, c)
		}
	}
	return append(named, others...)
}
