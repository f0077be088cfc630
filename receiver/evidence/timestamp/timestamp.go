// Package timestamp gets time-stamp tokens for a digest from a service (RFC 3161), and checks them:
// [Request] and [Verify].
//
// A token proves that the digest existed at its time, by the word of a time-stamping authority.
// What is checked of it:
//
//   - it is over this digest, by SHA-256, and nothing else (TSTInfo, RFC 3161, Section 2.4.2);
//   - one signer signed it, with signed attributes, and its certificate is in the token and is the
//     one that signingCertificate or signingCertificateV2 hashes (RFC 3161, Section 2.4.1; RFC
//     5816), so that no other certificate of the same key can take its place;
//   - that certificate is for time stamps alone: extendedKeyUsage is critical and names nothing but
//     id-kp-timeStamping (RFC 3161, Section 2.3);
//   - a certified path leads from it to a root of the caller's, and was valid at the time in the
//     token. That time counts, and not today: a token is kept for years and outlives the
//     certificate, and what it says is what the authority said then;
//   - its form leaves room for nothing that none of this covers: each certificate in it has a path
//     to a root too, and there are neither unsigned attributes nor revocation lists.
//
// [Request] also checks nonce and policy, and removes unsigned attributes and revocation lists.
//
// # Limitations
//
// Whether the certificate of an authority was revoked is not checked, neither by CRL nor by OCSP:
// what a stolen key stamps is believed until the caller takes that authority's root out of the
// roots, which ends what its honest tokens prove as well. A token of an authority whose algorithms
// are broken by now proves nothing either: stamp the evidence anew before that. Only SHA-256
// digests are stamped; tokens have to be DER.
package timestamp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// MaxToken is the largest token that is read, in octets.
const MaxToken = 64 << 10

// maxAhead is how far the clocks of an authority and of this machine may differ.
const maxAhead = 5 * time.Minute

// Timestamp is what a token says.
type Timestamp struct {
	// Time is genTime, and Accuracy by how much it may be wrong (0: the token does not say).
	Time     time.Time
	Accuracy time.Duration
	// Policy is the authority's policy.
	Policy asn1.ObjectIdentifier
	Serial *big.Int
	// Nonce is that of the request; nil: none.
	Nonce *big.Int
	// Signer is the certificate of the authority.
	Signer *x509.Certificate
}

var (
	oidTSTInfo       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidExtKeyUsage   = asn1.ObjectIdentifier{2, 5, 29, 37}
	errNoToken       = errors.New("timestamp: it is no time-stamp token")
	errOtherDigest   = errors.New("timestamp: the token is over another digest")
	errNotAuthority  = errors.New("timestamp: the signer's certificate is not for time stamps alone")
	errNotForContent = errors.New("timestamp: what the token signs is no TSTInfo")
)

// Verify checks a token over digest, in DER: by a path to one of the roots that was valid at the
// time in the token. now is the clock: a token from the future is refused. Without roots nothing is
// proven, which is an error.
//
// Errors say what is wrong; that of ctx means that nothing was decided.
func Verify(ctx context.Context, token []byte, digest [sha256.Size]byte, roots []*x509.Certificate, now time.Time) (*Timestamp, error) {
	if len(roots) == 0 {
		return nil, errors.New("timestamp: there is no root of a time-stamping authority")
	}
	t, sd, err := read(token, digest)
	if err != nil {
		return nil, err
	}
	if t.Time.After(now.Add(maxAhead)) {
		return nil, fmt.Errorf("timestamp: the token is of %s, in the future", t.Time.UTC().Format(time.RFC3339))
	}
	if err := checkPaths(ctx, t, sd, roots); err != nil {
		return nil, err
	}
	if !sparse(token) {
		return nil, errors.New("timestamp: the token holds something that no signature covers")
	}
	return t, nil
}

// read checks everything but the path.
func read(token []byte, digest [sha256.Size]byte) (*Timestamp, *cms.SignedData, error) {
	if len(token) > MaxToken {
		return nil, nil, fmt.Errorf("timestamp: a token of %d octets, at most %d are read", len(token), MaxToken)
	}
	var content bytes.Buffer
	sd, err := cms.Read(bytes.NewReader(token), &content)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errNoToken, err)
	}
	// RFC 3161, Section 2.4.2: id-ct-TSTInfo, and one signer. A detached one has no TSTInfo.
	if !sd.ContentType.Equal(oidTSTInfo) || len(sd.Signers) != 1 {
		return nil, nil, errNotForContent
	}
	t, err := readInfo(content.Bytes(), digest)
	if err != nil {
		return nil, nil, err
	}
	if t.Signer, err = signerOf(sd); err != nil {
		return nil, nil, err
	}
	return t, sd, nil
}

// signerOf checks the signature, and returns the certificate of who made it.
func signerOf(sd *cms.SignedData) (*x509.Certificate, error) {
	si := sd.Signers[0]
	cert := si.Certificate(sd, nil)
	switch {
	case cert == nil:
		return nil, errors.New("timestamp: the signer's certificate is not in the token")
	// RFC 3161, Section 2.4.1: the attribute is there, and so are signed attributes.
	case !si.HashesCertificate():
		return nil, errors.New("timestamp: the token does not say which certificate its signer has (signingCertificate)")
	}
	if err := certificate.CheckCost(cert); err != nil {
		return nil, fmt.Errorf("timestamp: the signer's certificate: %w", err)
	}
	key, err := cms.PublicKey(cert)
	if err != nil {
		return nil, fmt.Errorf("timestamp: the signer's certificate: %w", err)
	}
	if err := si.Verify(sd.Digests(), key); err != nil {
		return nil, fmt.Errorf("timestamp: the signature of the token: %w", err)
	}
	return cert, forTimeStamps(cert)
}

// forTimeStamps: RFC 3161, Section 2.3.
func forTimeStamps(cert *x509.Certificate) error {
	critical := slices.IndexFunc(cert.Extensions, func(e pkixExtension) bool { return e.Id.Equal(oidExtKeyUsage) && e.Critical })
	if critical < 0 || len(cert.UnknownExtKeyUsage) > 0 || !slices.Equal(cert.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}) {
		return errNotAuthority
	}
	// RFC 5280, Section 4.2.1.3.
	if signs := x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment; cert.KeyUsage != 0 && cert.KeyUsage&signs == 0 {
		return errNotAuthority
	}
	return nil
}

// checkPaths checks the path from the signer's certificate, and that each other certificate in the
// token has one as well: nothing is in it that the roots do not vouch for.
func checkPaths(ctx context.Context, t *Timestamp, sd *cms.SignedData, roots []*x509.Certificate) error {
	if len(sd.Certificates) != len(sd.RawCertificates) {
		return errors.New("timestamp: a certificate in the token cannot be read")
	}
	opts := certificate.Options{Certificates: sd.Certificates, Anchors: roots, At: t.Time, Work: new(certificate.Work)}
	for _, c := range sd.Certificates {
		if c != t.Signer && slices.ContainsFunc(roots, c.Equal) {
			continue
		}
		opts.KeyUsages = nil
		if c == t.Signer {
			opts.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}
		}
		if err := certificate.Verify(ctx, c, opts); err != nil {
			return fmt.Errorf("timestamp: no root given vouches for the certificate of %q in the token, as of %s: %w", c.Subject, t.Time.UTC().Format(time.RFC3339), err)
		}
	}
	return nil
}
