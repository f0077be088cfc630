package receiver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/smime"
	"dnseal/smime/message"
)

// Digests name a message by what came in, so that what was kept about it is found again.
type Digests struct {
	// Message is the SHA-256 of the whole message, in lower-case hexadecimal, and Size its octets.
	Message string
	Size    int64
	// Objects are those of the CMS objects of its signatures, as decoded from the message, each
	// once. Mail systems add header fields, and leave these.
	Objects []string
}

// Past is what was kept about a message: what the DNS said when it was checked.
type Past struct {
	// Lookup answers as of At.
	Lookup lookup.Resolver
	// At is the time as of which the message is judged. Zero: nothing is known, and Lookup says
	// why.
	At time.Time
	// Saved is Options.Saved of then.
	Saved bool
	// Evidence is what the report says about it.
	Evidence *EvidenceReport
	// Conclude, where it is not nil, is called with the report, to add to Evidence what follows
	// from the verdict.
	Conclude func(*Report)
}

// EvidenceReport says what a verdict as of a time rests on.
type EvidenceReport struct {
	// File is the file of evidence, Line the line in it that is about the message.
	File string `json:"file"`
	Line int    `json:"line"`
	// CheckedAt is when the message was checked, by the word of whoever wrote the file; Verdict and
	// Code are what was found then.
	CheckedAt time.Time `json:"checked_at"`
	Verdict   Verdict   `json:"verdict"`
	Code      Code      `json:"code"`
	// Witness names who proves that the file is as old as it says, WitnessedAt when; empty: nobody.
	Witness     string     `json:"witness"`
	WitnessedAt *time.Time `json:"witnessed_at,omitempty"`
	// Sealed says that the file was completed by its writer and is unchanged since.
	Sealed bool `json:"sealed"`
	// Identical says that the whole message is the one that was checked then, octet for octet, and
	// not only its signatures.
	Identical bool `json:"identical"`
	// Notes are sentences: what the time rests on, and why the verdict of then was another one,
	// where it was.
	Notes []string `json:"notes,omitempty"`
}

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// verify is Verify for a message that is not too big.
func (r *Receiver) verify(ctx context.Context, m *message.Message) (*Report, error) {
	opts := smime.VerifyOptions{Digests: r.opts.Digests || r.opts.Keep != nil || r.opts.Past != nil}
	found, err := smime.VerifyWith(ctx, m, opts)
	if err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	if !opts.Digests {
		return r.judge(ctx, m, found), nil
	}
	d, err := digest(ctx, m, found)
	if err != nil {
		return nil, err
	}
	var report *Report
	if r.opts.Past == nil || len(d.Objects) == 0 {
		report = r.judge(ctx, m, found)
	} else {
		past := r.opts.Past(ctx, d)
		report = r.asOf(past).judge(ctx, m, found)
		report.by(past, r.opts.Now())
	}
	report.Digests = &d
	return report, nil
}

// digest notes the digests of the message and of its signatures.
func digest(ctx context.Context, m *message.Message, found *smime.Report) (Digests, error) {
	h, buf := sha256.New(), buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buf)
	if _, err := io.CopyBuffer(h, m.Open(), buf[:]); err != nil {
		return Digests{}, fmt.Errorf("receiver: %w", err)
	}
	d := Digests{Message: hex.EncodeToString(h.Sum(nil)), Size: m.Size()}
	seen := map[[sha256.Size]byte]bool{{}: true}
	for _, s := range found.Signatures {
		if !seen[s.Object] {
			seen[s.Object] = true
			d.Objects = append(d.Objects, hex.EncodeToString(s.Object[:]))
		}
	}
	return d, ctx.Err()
}

// unasked answers nothing, where no resolver is to be asked.
type unasked struct{}

func (unasked) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	return &lookup.Result{Name: name, Type: t, Code: dnssec.Code(CodeNoEvidence), Reason: "nothing is looked up here", Answer: new(dnssec.Answer)}
}

func (u unasked) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return u.Lookup(ctx, name, t)
}

// asOf is r as of what is known of the past.
func (r *Receiver) asOf(p *Past) *Receiver {
	then := *r
	then.opts.Lookup, then.opts.Offline = p.Lookup, nil
	if !p.At.IsZero() {
		then.opts.Saved = p.Saved
		then.opts.Now = func() time.Time { return p.At }
	}
	return &then
}

// by adds to the report what it rests on.
func (r *Report) by(p *Past, now time.Time) {
	r.CheckedAt = now.UTC()
	if !p.At.IsZero() {
		at := p.At.UTC()
		r.AsOf = &at
	}
	r.Evidence = p.Evidence
	if p.Conclude != nil {
		p.Conclude(r)
	}
	for _, s := range r.Signatures {
		if s.DNS != nil {
			s.DNS.Source = SourceEvidence
		}
	}
}
