package certificate

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// checkPath checks a whole path, leaf first, whose signatures are right. anchored says that its
// last certificate is the anchor; otherwise a key above it is.
func (s *search) checkPath(path []*x509.Certificate, anchored bool) error {
	for i, c := range path {
		if err := s.checkCertificate(c); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		if err := s.isAuthority(c, path[1:i], anchored && i == len(path)-1); err != nil {
			return err
		}
	}
	if s.opts.Through != nil && !slices.ContainsFunc(path[1:], s.opts.Through) {
		return ErrNoPath
	}
	if !allowsUsage(path, s.opts.KeyUsages) {
		return errors.New("the path is not for this purpose")
	}
	below := path
	if anchored {
		below = path[:len(path)-1]
	}
	if err := s.opts.Work.checkPolicies(below); err != nil {
		return err
	}
	return s.checkNames(path)
}

// checkCertificate checks what does not depend on the other certificates.
func (s *search) checkCertificate(c *x509.Certificate) error {
	const day = time.DateOnly + " 15:04"
	switch {
	// RFC 5280, Section 6.1.3, (a) (2).
	case s.opts.At.Before(c.NotBefore):
		return fmt.Errorf("the certificate of %q is not valid before %s", c.Subject, c.NotBefore.UTC().Format(day))
	case s.opts.At.After(c.NotAfter):
		return fmt.Errorf("the certificate of %q expired on %s", c.Subject, c.NotAfter.UTC().Format(day))
	}
	switch {
	case !hasKey(c):
		return fmt.Errorf("the key of %q cannot be read", c.Subject)
	// RFC 5480, Section 2.1.1: the parameters name the curve.
	case writesOutCurve(c):
		return fmt.Errorf("the key of %q does not name its curve", c.Subject)
	// RFC 5280, Section 4.2.1.3: at least one bit is set.
	case c.KeyUsage == UnreadableKeyUsage:
		return fmt.Errorf("the key usage of %q names none, or cannot be read", c.Subject)
	}
	for _, id := range c.UnhandledCriticalExtensions {
		// RFC 5280, Sections 6.1.4, (o), and 6.1.5, (f). Names of every form are read here, and
		// every constraint holds or refuses.
		f := s.opts.Work.factsOf(c)
		if id.Equal(oidNameConstraints) && !f.constraints.unreadable || id.Equal(oidSubjectAltName) && f.oneAltName {
			continue
		}
		return fmt.Errorf("extension %v of %q is critical and not understood, occurs twice or cannot be read", id, c.Subject)
	}
	return nil
}

// isAuthority checks that a certificate may certify those below it (RFC 5280, Sections 4.2.1.3,
// 4.2.1.9 and 6.1.4, (k) to (n)). An anchor may be of a version that has no extensions to say so.
func (s *search) isAuthority(c *x509.Certificate, below []*x509.Certificate, anchor bool) error {
	between := 0
	for _, b := range below {
		if !s.opts.Work.factsOf(b).selfIssued {
			between++
		}
	}
	bounded := c.BasicConstraintsValid && (c.MaxPathLen > 0 || c.MaxPathLenZero)
	switch old := anchor && c.Version < 3; {
	// RFC 5280, Section 6.1.4, (k).
	case c.BasicConstraintsValid && !c.IsCA, !c.BasicConstraintsValid && !old:
		return fmt.Errorf("%q is no certification authority", c.Subject)
	// RFC 5280, Section 6.1.4, (n).
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
		return fmt.Errorf("the key of %q may not sign certificates", c.Subject)
	// RFC 5280, Section 6.1.4, (l) and (m).
	case bounded && between > c.MaxPathLen:
		return fmt.Errorf("%q allows %d authorities below it, and there are %d", c.Subject, c.MaxPathLen, between)
	}
	return nil
}

// allowsUsage reports whether all certificates that name extended key usages name the same one of
// wanted (RFC 5280, Section 4.2.1.12).
func allowsUsage(path []*x509.Certificate, wanted []x509.ExtKeyUsage) bool {
	if len(wanted) == 0 {
		return true
	}
	return slices.ContainsFunc(wanted, func(u x509.ExtKeyUsage) bool {
		return !slices.ContainsFunc(path, func(c *x509.Certificate) bool {
			none := len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0
			return !none && !slices.Contains(c.ExtKeyUsage, u) && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
		})
	})
}

// checkNames checks every name below an authority against its constraints, those of the anchor
// included (RFC 5280, Section 6.1.3, (b) and (c)).
func (s *search) checkNames(path []*x509.Certificate) error {
	work := s.opts.Work
	for i, ca := range path[1:] {
		if work.factsOf(ca).constraints.empty() {
			continue
		}
		for k, c := range path[:i+1] {
			// RFC 5280, Section 6.1.3, (b): an intermediate self-issued certificate, as of a
			// key rollover, is not checked.
			if k > 0 && work.factsOf(c).selfIssued {
				continue
			}
			if err := work.allowed(ca, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// allowed says why a CA may not certify some name of a certificate.
func (w *Work) allowed(ca, c *x509.Certificate) error {
	held, stated := w.factsOf(ca).constraints, w.factsOf(c)
	refuse := func(n generalName, err error) error {
		return &ConstraintError{Form: string(n.form), Name: string(n.value), CA: ca.Subject.String(), Reason: err.Error()}
	}
	if !stated.readable {
		return refuse(generalName{form: "subject or subjectAltName"}, errUnreadableName)
	}
	for _, n := range stated.names {
		err := held.allow(n, w)
		if errors.Is(err, ErrWork) {
			return err
		}
		if err != nil {
			return refuse(n, err)
		}
	}
	return nil
}
