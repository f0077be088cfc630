package dane

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"dnseal/smime/certificate"
)

// Certificate usages (RFC 6698, Section 2.1.1; names of RFC 7218).
const (
	PKIXTA uint8 = 0 // a CA that must be in a path to a PKIX root
	PKIXEE uint8 = 1 // the certificate itself, which must also have a path to a PKIX root
	DANETA uint8 = 2 // a trust anchor of the owner's own
	DANEEE uint8 = 3 // the certificate or key itself; nothing else is asked of it
)

// Selectors (RFC 6698, Section 2.1.2).
const (
	FullCertificate uint8 = 0
	PublicKey       uint8 = 1 // the DER SubjectPublicKeyInfo
)

// Matching types (RFC 6698, Section 2.1.3).
const (
	Exact  uint8 = 0
	SHA256 uint8 = 1
	SHA512 uint8 = 2
)

// The words of MatchResult.Result; "unusable: why" is the third.
const (
	matches        = "match"
	noMatch        = "no-match"
	unusablePrefix = "unusable: "
)

// MatchResult is the comparison of one record with a certificate or key.
type MatchResult struct {
	Record Record
	// Result is "match", "no-match" or "unusable: why".
	Result string
	// Reason says for no-match what was wrong when it was not the data: the name, a date, the path.
	// Empty otherwise.
	Reason string
	// AnchorMissing says for no-match that the record names the certificate of a CA by a digest,
	// and that none with that digest came along: whether the record would match cannot be known.
	AnchorMissing bool
}

// Matched reports whether the record matches.
func (r MatchResult) Matched() bool { return r.Result == matches }

// Usable reports whether the record could be used at all.
func (r MatchResult) Usable() bool { return r.Result == matches || r.Result == noMatch }

// Reasons says why no record matched, for a log.
func Reasons(results []MatchResult) string {
	var b strings.Builder
	for i, r := range results {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%d %d %d %s", r.Record.Usage, r.Record.Selector, r.Record.MatchingType, r.Result)
		if r.Reason != "" {
			b.WriteString(" (" + r.Reason + ")")
		}
	}
	return b.String()
}

// MatchOptions say what is matched. The zero value of each field is safe.
type MatchOptions struct {
	// Certificate is the signer's or client's; nil when only SPKI is known.
	Certificate *x509.Certificate
	// Chain holds the other certificates that came along, in any order. Those after the 16th are
	// not looked at.
	Chain []*x509.Certificate
	// SPKI is the DER SubjectPublicKeyInfo where there is no certificate.
	SPKI []byte
	// NameOK reports whether the certificate carries the name it is used under; needed for usages 0
	// to 2 (RFC 7671, Section 5). Nil: it does not.
	NameOK func(*x509.Certificate) bool
	// Roots are the PKIX roots for usages 0 and 1; nil makes those records unusable.
	Roots []*x509.Certificate
	// KeyUsages are the extended key usages of which the path must allow one, for usages 0 to 2.
	// Nil: any. The purpose of the certificate itself is the caller's to check.
	KeyUsages []x509.ExtKeyUsage
	// At is the time of validation for usages 0 to 2. Zero: they do not match.
	At time.Time
	// Work is what paths for usages 0 to 2 may cost, for all that is matched for one message
	// together; nil: a budget of this one call.
	Work *certificate.Work
}

// maxChain is how many certificates in addition to the signer's are looked at.
const maxChain = 16

// Match compares every record (RFC 6698, Section 2.1; RFC 7671, Sections 4, 5 and 9). matched is
// true when at least one usable record matches; usable when at least one could be used. Records
// with unknown values, or data that cannot be what they say, are unusable and stop nothing. Results
// are in the order of the records.
//
// For usages 0 to 2 it wants a certified path (package certificate), in which the name constraints
// of every CA hold, those of the anchor in the record or in the chain included. When ctx ends,
// records that need a path do not match: look at its error before relying on that.
func Match(ctx context.Context, records []Record, opts MatchOptions) (results []MatchResult, matched, usable bool) {
	if len(opts.Chain) > maxChain {
		opts.Chain = opts.Chain[:maxChain]
	}
	if opts.Work == nil {
		opts.Work = &certificate.Work{}
	}
	results = make([]MatchResult, len(records))
	for i, r := range records {
		results[i].Record = r
		if err := opts.usable(r); err != nil {
			results[i].Result = unusablePrefix + err.Error()
		}
	}
	dropWeaker(results)
	for i := range results {
		if results[i].Result == "" {
			results[i] = opts.matchRecord(ctx, results[i].Record)
		}
		matched = matched || results[i].Matched()
		usable = usable || results[i].Usable()
	}
	return results, matched, usable
}

// Check says why no verifier can use a record: an unknown value, or data that cannot be what its
// numbers say. RFC 6698, Section 2.1.
func (r Record) Check() error {
	if err := r.checkNumbers(); err != nil {
		return err
	}
	return checkData(r)
}

func (r Record) checkNumbers() error {
	switch {
	case r.Usage > DANEEE:
		return fmt.Errorf("unknown usage %d", r.Usage)
	case r.Selector > PublicKey:
		return fmt.Errorf("unknown selector %d", r.Selector)
	case r.MatchingType > SHA512:
		return fmt.Errorf("unknown matching type %d", r.MatchingType)
	}
	return nil
}

// usable says why a record cannot be used.
func (o *MatchOptions) usable(r Record) error {
	if err := r.checkNumbers(); err != nil {
		return err
	}
	switch {
	case r.Usage <= PKIXEE && len(o.Roots) == 0:
		return errors.New("no mail roots configured")
	case o.Certificate == nil && r.Usage != DANEEE:
		return errors.New("it needs a certificate, and there is only a key")
	case o.Certificate == nil && r.Selector == FullCertificate && r.MatchingType != Exact:
		return errors.New("it is the digest of a certificate, and there is only a key")
	}
	return checkData(r)
}

// checkData says why the data of a record cannot be what its numbers say.
func checkData(r Record) error {
	switch {
	case r.MatchingType == SHA256 && len(r.Data) != sha256.Size, r.MatchingType == SHA512 && len(r.Data) != sha512.Size:
		return fmt.Errorf("digest of %d octets", len(r.Data))
	case r.MatchingType != Exact:
		return nil
	}
	_, pub, err := r.key()
	switch {
	case err != nil && r.Selector == FullCertificate:
		return errors.New("its data is no certificate")
	case err != nil:
		return errors.New("its data is no public key")
	}
	return certificate.CheckKey(pub)
}

// SPKI returns the DER SubjectPublicKeyInfo that a record carries whole (x 0 0 and x 1 0); ok is
// false for digests, for data that is no certificate or key, and for a key that is too large to
// compute with (certificate.CheckKey).
func (r Record) SPKI() (spki []byte, ok bool) {
	spki, pub, err := r.key()
	if err != nil || certificate.CheckKey(pub) != nil {
		return nil, false
	}
	return spki, true
}

var errNotWhole = errors.New("the record does not carry a key")

// key reads the key that a record carries whole.
func (r Record) key() (spki []byte, pub crypto.PublicKey, err error) {
	switch {
	case r.MatchingType != Exact:
		return nil, nil, errNotWhole
	case r.Selector == PublicKey:
		pub, err = certificate.ParsePublicKey(r.Data)
		if _, unsupported := errors.AsType[*certificate.UnsupportedKeyError](err); unsupported {
			return r.Data, nil, nil // it can be compared
		}
		return r.Data, pub, err
	case r.Selector != FullCertificate:
		return nil, nil, errNotWhole
	}
	cert, err := certificate.Parse(r.Data)
	if err != nil {
		return nil, nil, err
	}
	return cert.RawSubjectPublicKeyInfo, cert.PublicKey, nil
}

// dropWeaker leaves only the strongest digest per usage and selector, and whole data (RFC 7671,
// Section 9).
func dropWeaker(results []MatchResult) {
	type group struct{ usage, selector uint8 }
	strongest := map[group]uint8{}
	for _, r := range results {
		if g := (group{r.Record.Usage, r.Record.Selector}); r.Result == "" {
			strongest[g] = max(strongest[g], r.Record.MatchingType)
		}
	}
	for i, r := range results {
		if r.Result == "" && r.Record.MatchingType != Exact && r.Record.MatchingType < strongest[group{r.Record.Usage, r.Record.Selector}] {
			results[i].Result = unusablePrefix + "a stronger digest is published beside it"
		}
	}
}

// matchRecord returns the result for a usable record, and why it does not match where the data
// would.
func (o *MatchOptions) matchRecord(ctx context.Context, r Record) MatchResult {
	var err error
	switch r.Usage {
	case DANEEE:
		// RFC 7671, Section 5.1: names, dates and issuer of the certificate do not count.
		if !o.matchesKey(r) {
			err = errNotThis
		}
		return resultOf(r, err)
	case DANETA:
		err = o.pathToAnchor(ctx, r)
	case PKIXEE:
		if !selected(r, o.Certificate) {
			return resultOf(r, errNotThis)
		}
		err = o.pathToRoot(ctx)
	case PKIXTA:
		err = o.pathThroughCA(ctx, r)
	}
	if err == nil {
		err = o.checkName()
	}
	return resultOf(r, err)
}

// resultOf is the result for a usable record, by what is wrong: nil for nothing.
func resultOf(r Record, err error) MatchResult {
	switch {
	case err == nil:
		return MatchResult{Record: r, Result: matches}
	case errors.Is(err, errNotThis):
		return MatchResult{Record: r, Result: noMatch}
	case errors.Is(err, certificate.ErrNoPath):
		err = errNoPath
	}
	return MatchResult{Record: r, Result: noMatch, Reason: err.Error(), AnchorMissing: errors.Is(err, errNoAnchor)}
}

// errNotThis means that the record speaks of another certificate.
var errNotThis = errors.New("another certificate")

// checkName holds usages 0 to 2 to the name (RFC 7671, Section 5.2; RFC 8162, Section 3 leaves only
// usage 3 free of it).
func (o *MatchOptions) checkName() error {
	if o.NameOK == nil || !o.NameOK(o.Certificate) {
		return errors.New("the certificate does not carry the name")
	}
	return nil
}

// matchesKey compares a DANE-EE record with the certificate or the raw key (RFC 7671, Section 5.1).
func (o *MatchOptions) matchesKey(r Record) bool {
	if o.Certificate != nil {
		return selected(r, o.Certificate)
	}
	if r.Selector == FullCertificate {
		spki, ok := r.SPKI()
		return ok && len(o.SPKI) > 0 && bytes.Equal(spki, o.SPKI)
	}
	return len(o.SPKI) > 0 && digestEqual(r, o.SPKI)
}

// selected compares the part of a certificate that a record speaks of with its data (RFC 6698,
// Sections 2.1.2 and 2.1.3). A record of the same key in its usual form is of this key.
func selected(r Record, c *x509.Certificate) bool {
	if r.Selector != PublicKey {
		return digestEqual(r, c.Raw)
	}
	if digestEqual(r, c.RawSubjectPublicKeyInfo) {
		return true
	}
	usual, ok := certificate.UsualKey(c)
	return ok && digestEqual(r, usual)
}

func digestEqual(r Record, data []byte) bool {
	switch r.MatchingType {
	case Exact:
		return bytes.Equal(r.Data, data)
	case SHA256:
		sum := sha256.Sum256(data)
		return bytes.Equal(r.Data, sum[:])
	case SHA512:
		sum := sha512.Sum512(data)
		return bytes.Equal(r.Data, sum[:])
	default:
		return false
	}
}
