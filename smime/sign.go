package smime

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"time"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// SignOptions are for Sign. The zero value of each field but Signers and Time is the safe default.
type SignOptions struct {
	// Signers sign in parallel; the first is the main one. One with a PostQuantum signer has two
	// signatures over the same content, of which the other stands beside the first
	// ([cms.OIDPostQuantum]).
	Signers []cms.Signer
	// Chain contains further certificates to send (no roots needed).
	Chain []*x509.Certificate
	// Unsigned are unsigned attributes of the Signers, in the order of these; signers beyond its
	// length have none. No signature covers them, and whoever forwards the message may remove them.
	Unsigned [][]cms.Attribute
	// Time is the signing time. Required. It is not stated where Date is more than an hour from it,
	// or cannot be read.
	Time time.Time
	// Opaque makes application/pkcs7-mime instead of multipart/signed.
	Opaque bool
	// NoCertificates leaves all certificates out (the records must carry them).
	NoCertificates bool
	// NoHeaderProtection leaves out RFC 9788 header protection.
	NoHeaderProtection bool
	// FullSelfCheck also verifies the signature values of the result, and checks what is the same
	// in every message.
	FullSelfCheck bool
	// RefuseOpaque fails with ErrNotTransitProof where content cannot be made transit-proof without
	// touching a signed part, instead of going opaque.
	RefuseOpaque bool
	// Again signs also what is signed or encrypted already (RFC 2634, Section 1.1: triple
	// wrapping); its bytes stay as they are.
	Again bool
	// Encrypt encrypts what was signed, for these recipients (RFC 8551, Section 3.7). Header
	// protection then hides what [Encrypt] hides. Nil: it is not encrypted.
	Encrypt *EncryptOptions
	// Result, where it is not nil, is filled in by Sign with what it made.
	Result *SignResult
}

// SignResult says in what form a message was signed, and why.
type SignResult struct {
	// Opaque is set for application/pkcs7-mime. Cause is then what prevented multipart/signed;
	// nil where the form was requested.
	Opaque bool
	Cause  *ContentError
	// Unprotected are the header fields without a protected copy, because they cannot be made
	// transit-proof; each name is short and printable.
	Unprotected []string
	// Fragile are parts of a message in clear form that systems which take a message apart and
	// write it again change, and that are kept as they are: another signature covers them, or they
	// are not well-formed. At most eight are named.
	Fragile []*ContentError
	// NoSigningTime is set where the signature does not state its time.
	NoSigningTime bool
}

// Sign returns the edit that turns m into a signed message: its content made
// transit-proof, its header fields protected (RFC 9788), and the whole
// checked as a verifier would before it is handed out. The caller closes the edit.
//
// Errors: ErrAlreadySecured, *ContentError, *LimitError (these are about the message),
// ErrSelfCheck, those of package cms about the signers, of the key and of the spool, and ctx's when
// it ends: reading and writing content stops then.
func Sign(ctx context.Context, m *message.Message, opts SignOptions) (*message.Edit, error) {
	if Secured(m) != NotSecured && !opts.Again {
		return nil, ErrAlreadySecured
	}
	s := &signing{ctx: ctx, m: m, src: m.Open(), opts: opts, certificates: opts.sent()}
	edit, err := s.run()
	if err != nil {
		return nil, err
	}
	if opts.Result != nil {
		*opts.Result = s.result
	}
	return edit, nil
}

// run makes the signed message.
func (s *signing) run() (*message.Edit, error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	edit := &message.Edit{Body: message.NewSpool(0)}
	var err error
	if s.opaque {
		err = s.makeOpaque(edit.Body)
	} else {
		err = s.makeClear(edit.Body)
	}
	if err == nil {
		err = s.selfCheck(edit.Body)
	}
	if err == nil && s.opts.Encrypt != nil {
		err = s.encrypt(edit)
	}
	if err != nil {
		return nil, errors.Join(err, edit.Close())
	}
	edit.Changes = append(s.removed, s.fields...)
	return edit, nil
}

// signing is one run of Sign.
type signing struct {
	ctx  context.Context
	m    *message.Message
	src  *io.SectionReader
	opts SignOptions
	// certificates are sent.
	certificates []*x509.Certificate

	root   *entity.Part
	plan   transit.Plan
	header []byte // of the signed entity
	opaque bool
	result SignResult
	// The changes of the fields that describe the body.
	removed, fields []message.Change
	// The size of the signed entity, and its offset in the new body (not for the opaque form).
	size, off int64
}

// prepare plans what is done to each part, and makes the header of the signed entity (RFC 8551,
// Section 3.1).
func (s *signing) prepare() error {
	fields := s.m.Header()
	root, err := entity.Walk(s.ctx, s.src, fields, s.m.BodyOffset(), s.m.Size(), true)
	if err != nil {
		return err
	}
	if root.Malformed != "" {
		return transit.TypeFault(root)
	}
	if err = transit.HeaderFault(fields); err != nil {
		return err
	}
	// RFC 2045, Section 3: the fields that describe the body.
	if s.removed = message.RemoveAll(fields, s.replaced); len(s.removed) > maxStructural {
		return &LimitError{What: "content-fields", Max: maxStructural}
	}
	s.root = root
	s.plan = transit.Plan{}
	pl := transit.Planner{Ctx: s.ctx, Src: s.src, Steps: s.plan}
	if pl.Plan(root, false); pl.Err != nil {
		return pl.Err
	}
	charset := "us-ascii" // RFC 2045, Section 5.2
	if root.Type.Name == "" {
		if charset, err = transit.AssumedCharset(s.ctx, s.src, root); err != nil {
			return err
		}
	}
	s.header = pl.EntityHeader(root, charset, s.protection())
	if pl.Blocked != nil && s.opts.RefuseOpaque {
		return pl.Blocked
	}
	// RFC 8551, Section 3.5.1 prefers multipart/signed.
	s.opaque = s.opts.Opaque || pl.Blocked != nil
	s.result = SignResult{Opaque: s.opaque, Unprotected: pl.Unprotected}
	s.result.NoSigningTime = !s.opts.Time.IsZero() && offDate(s.m.Date(), s.opts.Time)
	if !s.opts.Opaque {
		s.result.Cause = pl.Blocked
	}
	if !s.opaque {
		s.result.Fragile = pl.Fragile
	}
	return nil
}

// protection is the form of header protection.
func (s *signing) protection() transit.Protection {
	switch {
	case s.opts.NoHeaderProtection:
		return transit.ProtectNone
	case s.opts.Encrypt != nil:
		return transit.ProtectCipher
	}
	return transit.ProtectClear
}

// replaced reports whether a field does not stay in the header: it describes the old body, or is
// hidden.
func (s *signing) replaced(f message.Field) bool {
	if s.opts.Encrypt != nil && f.Is("Bcc", "Resent-Bcc") {
		return true // RFC 5322, Sections 3.6.3 and 3.6.6: nobody is to learn of him
	}
	return transit.Structural(f) || s.protection() == transit.ProtectCipher && transit.Confidential(f)
}

// maxOff is how far Date may be from the signing time: Thunderbird calls a signature invalid where
// it is more, in either direction, or where there is no Date. A message that waited, or is sent
// later, is signed without a time, as RFC 5652, Section 11.3, allows.
const maxOff = time.Hour

// offDate reports whether the signing time is left out.
func offDate(date, signing time.Time) bool {
	return date.IsZero() || date.Sub(signing.Truncate(time.Second)).Abs() > maxOff
}

// sent returns the certificates to send (RFC 8550, Section 2.3).
func (opts *SignOptions) sent() []*x509.Certificate {
	if opts.NoCertificates {
		return nil
	}
	certs := make([]*x509.Certificate, 0, len(opts.Signers)+len(opts.Chain))
	for _, s := range opts.Signers {
		if s.Certificate != nil {
			certs = append(certs, s.Certificate)
		}
	}
	return append(certs, opts.Chain...)
}
