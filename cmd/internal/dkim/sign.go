package dkim

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"dnseal/smime/message"
)

// ErrUnsuitable is wrapped by the reasons for which a message gets no signature, whatever the keys:
// it passes without.
var ErrUnsuitable = errors.New("dkim: not a message to sign")

// Signer signs messages as they leave. Safe for concurrent use.
type Signer struct {
	keys     map[string][]Key // by domain
	hostname string
	now      func() time.Time
}

// NewSigner returns a signer with these keys; hostname is the right side of Message-IDs that are
// missing (RFC 5322, Section 3.6.4).
func NewSigner(keys []Key, hostname string) *Signer {
	s := &Signer{keys: map[string][]Key{}, hostname: hostname, now: time.Now}
	for _, k := range keys {
		s.keys[k.Domain] = append(s.keys[k.Domain], k)
	}
	return s
}

// KeysFor returns the keys that sign for the author of a message: those of the domain of its one
// From address, else of the nearest domain above it, with which it is aligned (RFC 7489, Section
// 3.1.1). None where there is no such domain, and where From has not exactly one address.
func (s *Signer) KeysFor(m *message.Message) []Key { return s.keysFor(m.Header()) }

func (s *Signer) keysFor(header []message.Field) []Key {
	if s == nil {
		return nil
	}
	var from []message.Field
	for _, f := range header {
		if f.Is("From") {
			from = append(from, f)
		}
	}
	if len(from) != 1 {
		return nil
	}
	authors, err := message.ParseFrom(from[0].Value())
	if err != nil || len(authors) != 1 {
		return nil
	}
	for domain, more := authors[0].Domain, true; more; _, domain, more = strings.Cut(domain, ".") {
		if keys := s.keys[domain]; len(keys) > 0 {
			return keys
		}
	}
	return nil
}

// Sign returns the edit e with Date and Message-ID where they are missing (an MTA would add them
// later, under a signature that says that there are none) and with one DKIM-Signature for each key,
// on top of all other fields. They are over the message as m.WriteEdited writes it with that edit,
// in the relaxed form of header and body (RFC 6376, Section 3.4), so that folding and white space
// at line ends may change on the way. The body of the new edit is that of e. Without keys for the
// author the edit is e.
//
// DKIM-Signatures of others stay: they prove nothing any more where the body is another, and a
// verifier treats them as if they were not there (RFC 6376, Section 6.1).
//
// Errors: [ErrUnsuitable], that of ctx, those of a key or the spool.
func (s *Signer) Sign(ctx context.Context, m *message.Message, e *message.Edit) (*message.Edit, []Key, error) {
	if len(s.KeysFor(m)) == 0 {
		return e, nil, nil
	}
	full := message.Edit{}
	if e != nil {
		full = *e
	}
	full.Changes = message.AddMissing(full.Changes, m, s.hostname, s.now())
	p := &pass{ctx: ctx, keysFor: s.keysFor}
	_, err := m.WriteEdited(p, &full)
	fields, err := p.end(err)
	if err != nil || len(fields) == 0 {
		return e, nil, err
	}
	full.Changes = slices.Concat(fields, full.Changes)
	return &full, p.keys, nil
}

// maxBlank is the longest run of white space and line ends in a body, in bytes: go-msgauth keeps
// all of it in memory until it sees what follows.
const maxBlank = 1 << 20

// pass is a message on its way through the signers of all keys.
type pass struct {
	ctx     context.Context
	keysFor func([]message.Field) []Key
	head    []byte // as far as it was written, until its end
	keys    []Key
	signers []*dkim.Signer
	body    bool
	afterCR bool
	blank   int // bytes of white space at the end of what was written
}

// Write implements io.Writer.
func (p *pass) Write(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	if p.body {
		return len(b), p.hash(b)
	}
	before := max(0, len(p.head)-3)
	p.head = append(p.head, b...)
	end := endOfHeader(p.head, before)
	if end < 0 {
		return len(b), nil
	}
	if err := p.begin(p.head[:end]); err != nil {
		return 0, err
	}
	return len(b), p.hash(p.head[end:])
}

// endOfHeader is where the body begins, or -1; the header is known to have no end before from.
func endOfHeader(b []byte, from int) int {
	if bytes.HasPrefix(b, []byte("\r\n")) {
		return 2
	}
	if i := bytes.Index(b[from:], []byte("\r\n\r\n")); i >= 0 {
		return from + i + 4
	}
	return -1
}

// begin starts the signers, and gives them the fields that are signed, in one line each: go-msgauth
// takes a time that grows with the square of the lines of a field, and in the relaxed form they are
// the same.
func (p *pass) begin(head []byte) error {
	p.body = true
	if bare(head) {
		return fmt.Errorf("%w: a bare CR or LF, which verifiers read in different ways", ErrUnsuitable)
	}
	fields, _ := message.ParseHeader(head)
	names, err := signedNames(fields)
	if err != nil {
		return err
	}
	for _, k := range p.keysFor(fields) {
		signer, err := dkim.NewSigner(&dkim.SignOptions{
			Domain: k.Domain, Selector: k.Selector, Signer: careful{k.Private}, HeaderKeys: names,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
		if err != nil {
			return fmt.Errorf("dkim: %s: %w", k.Name(), err)
		}
		p.keys, p.signers = append(p.keys, k), append(p.signers, signer)
	}
	return p.send([]byte(oneLineEach(fields) + "\r\n"))
}

// endOfLine reports whether a CR or LF of the body is not one of a CRLF; the end of b may be its
// middle.
func (p *pass) endOfLine(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	if p.afterCR {
		if b[0] != '\n' {
			return true
		}
		b = b[1:]
	}
	p.afterCR = bytes.HasSuffix(b, []byte("\r"))
	if p.afterCR {
		b = b[:len(b)-1]
	}
	return bare(b)
}

// bare reports whether a CR or LF is not one of a CRLF.
func bare(b []byte) bool {
	pairs := bytes.Count(b, []byte("\r\n"))
	return bytes.Count(b, []byte("\r")) != pairs || bytes.Count(b, []byte("\n")) != pairs
}

// careful makes a panic of a key an error: go-msgauth signs in a goroutine of its own, whose panic
// would end the process.
type careful struct{ crypto.Signer }

// Sign implements [crypto.Signer].
func (c careful) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) (sig []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the key failed: %v", r)
		}
	}()
	return c.Signer.Sign(rand, digest, opts)
}

// hash takes a piece of the body.
func (p *pass) hash(b []byte) error {
	if p.endOfLine(b) {
		return fmt.Errorf("%w: a bare CR or LF, which verifiers read in different ways", ErrUnsuitable)
	}
	if rest := len(bytes.TrimRight(b, " \t\r\n")); rest == 0 {
		p.blank += len(b)
	} else {
		p.blank = len(b) - rest
	}
	if p.blank > maxBlank {
		return fmt.Errorf("%w: more than %d bytes of white space together", ErrUnsuitable, maxBlank)
	}
	return p.send(b)
}

func (p *pass) send(b []byte) error {
	for i, s := range p.signers {
		if _, err := s.Write(b); err != nil {
			return fmt.Errorf("dkim: %s: %w", p.keys[i].Name(), err)
		}
	}
	return nil
}

// end ends the signers, also after an error, and returns their fields.
func (p *pass) end(err error) ([]message.Change, error) {
	if err == nil && p.afterCR {
		err = fmt.Errorf("%w: a bare CR at the end", ErrUnsuitable)
	}
	if err == nil && !p.body { // the message ends inside its header
		err = p.begin(p.head)
	}
	var fields []message.Change
	for i, s := range p.signers {
		if failed := s.Close(); failed != nil {
			err = errors.Join(err, fmt.Errorf("dkim: %s: %w", p.keys[i].Name(), failed))
			continue
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(s.Signature(), "\r\n"), ":")
		fields = append(fields, message.Change{Op: message.Insert, Name: name, Value: value})
	}
	if err != nil {
		return nil, err
	}
	return fields, nil
}

var _ io.Writer = (*pass)(nil)
