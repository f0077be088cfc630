package certificate

import (
	"context"
	"crypto/x509"
	"errors"
)

// What all paths of one Work may cost together.
const (
	// MaxSignatureChecks counts signatures on certificates. A path has two or three.
	MaxSignatureChecks = 32
	// maxSteps counts certificates that paths were made longer by, maxPaths whole paths that
	// were checked.
	maxSteps = 512
	maxPaths = 64
	// maxCompared counts octets of names and constraints that were compared, and what goes with
	// a comparison.
	maxCompared = 512 << 10
)

// ErrWork says that a Work is used up, so that no more can be decided.
var ErrWork = errors.New("certificate: more work than the certificates of one message may cost")

// Work bounds what strangers' certificates cost, and remembers which signatures hold. One is for
// all certificates of one message. It is not safe for concurrent use. The zero value is ready for
// use.
type Work struct {
	signatures, steps, paths, compared int
	checked                            map[link]bool
	read                               map[*x509.Certificate]*facts
}

// Exhausted reports whether a budget is used up, so that what was not proven may still be right.
func (w *Work) Exhausted() bool {
	return w.signatures >= MaxSignatureChecks || w.steps >= maxSteps || w.paths >= maxPaths || w.compared >= maxCompared
}

// link is a certificate and the key, as SubjectPublicKeyInfo, that may have signed it.
type link struct {
	cert *x509.Certificate
	spki string
}

// spend takes one of a budget.
func spend(used *int, budget int) error {
	if *used >= budget {
		return ErrWork
	}
	*used++
	return nil
}

// compare spends the cost of comparing so many octets.
func (w *Work) compare(octets int) error {
	const each = 16
	if w.compared = min(w.compared+octets+each, maxCompared); w.compared >= maxCompared {
		return ErrWork
	}
	return nil
}

// facts are what is read of a certificate once.
type facts struct {
	// names are those that constraints apply to; readable says that they are all.
	names    []generalName
	readable bool
	// oneAltName: there is one subjectAltName, all of which can be read. Known only where the
	// certificate has extensions that were not understood.
	oneAltName bool
	// constraints are those on certificates below.
	constraints constraints
	selfIssued  bool
}

func (w *Work) factsOf(c *x509.Certificate) *facts {
	if f := w.read[c]; f != nil {
		return f
	}
	f := &facts{constraints: constraintsOf(c), selfIssued: SelfIssued(c)}
	f.names, f.readable = constrainedNames(c)
	f.oneAltName = len(c.UnhandledCriticalExtensions) > 0 && hasOneAltName(c)
	if w.read == nil {
		w.read = map[*x509.Certificate]*facts{}
	}
	w.read[c] = f
	return f
}

// signed reports whether the key of issuer signed cert, which is the same for the same two
// certificates. Errors: ErrWork, and that of ctx.
func (w *Work) signed(ctx context.Context, cert, issuer *x509.Certificate) (bool, error) {
	if CheckKey(issuer.PublicKey) != nil || checkSignatureOn(cert) != nil {
		return false, nil
	}
	l := link{cert, string(issuer.RawSubjectPublicKeyInfo)}
	if holds, known := w.checked[l]; known {
		return holds, nil
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := spend(&w.signatures, MaxSignatureChecks); err != nil {
		return false, err
	}
	var holds bool
	if set := signedByMLDSA(cert); set != nil {
		holds = set.holds(cert, issuer)
	} else {
		holds = issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
	}
	if w.checked == nil {
		w.checked = map[link]bool{}
	}
	w.checked[l] = holds
	return holds, nil
}

// certifies is signed without the algorithms that prove nothing about who certified: with them two
// certificates can be made that have one signature.
func (w *Work) certifies(ctx context.Context, cert, issuer *x509.Certificate) (bool, error) {
	switch cert.SignatureAlgorithm {
	case x509.UnknownSignatureAlgorithm:
		if signedByMLDSA(cert) == nil {
			return false, nil
		}
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return false, nil
	default:
	}
	return w.signed(ctx, cert, issuer)
}
