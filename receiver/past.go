package receiver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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
	// Message is the SHA-256 of the whole message, in lower-case hexadecimal, and Size how many
	// octets it is over: a last line without line end counts with one. Message
	// is empty where only Options.Keep wants digests and the message has 64 KiB or more.
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
	opts := smime.VerifyOptions{Digests: r.opts.Digests || r.opts.Keep != nil || r.opts.Past != nil, Decrypt: r.opts.Decrypt}
	whole := func() (string, int64, error) { return "", m.Size(), nil }
	// What is delivered gets more fields at an entry point, so that the digest of the whole is
	// worth little there.
	if r.opts.Digests || r.opts.Past != nil || opts.Digests && m.Size() < aside {
		whole = digest(m)
	}
	found, err := smime.VerifyWith(ctx, m, opts)
	sum, size, failed := whole()
	if err = errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	if !opts.Digests {
		return r.judge(ctx, m, found), nil
	}
	d := Digests{Message: sum, Size: size, Objects: objects(found)}
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

// digest computes that of a whole message, and how many octets it is over; of a large one while the
// caller does something else. The function that it returns waits for it.
func digest(m *message.Message) func() (string, int64, error) {
	var sum string
	var size int64
	once := sync.OnceValue(func() (err error) { sum, size, err = sumOf(m); return err })
	if m.Size() < aside {
		return func() (string, int64, error) { err := once(); return sum, size, err }
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = once() // it is asked for again
	}()
	return func() (string, int64, error) {
		<-done
		return sum, size, once()
	}
}

// sumOf is the digest of m with a line end after its last line: a file of one message may leave
// that out, an mbox and SMTP cannot.
func sumOf(m *message.Message) (sum string, size int64, err error) {
	h, buf := sha256.New(), buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buf)
	size, err = io.CopyBuffer(h, m.Open(), buf[:])
	var last [2]byte
	if n, _ := m.Open().ReadAt(last[:], max(0, size-2)); err == nil && string(last[:n]) != "\r\n" {
		_, _ = h.Write([]byte("\r\n")) // never fails
		size += 2
	}
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// aside is the size from which on it is worth a goroutine.
const aside = 64 << 10

// objects are the digests of the CMS objects that were found.
func objects(found *smime.Report) []string {
	var out []string
	seen := map[[sha256.Size]byte]bool{{}: true}
	for _, s := range found.Signatures {
		if !seen[s.Object] {
			seen[s.Object] = true
			out = append(out, hex.EncodeToString(s.Object[:]))
		}
	}
	return out
}

// unasked answers nothing, where no resolver is to be asked. The zero value has no other reason.
type unasked struct {
	code   Code
	reason string
}

func (u unasked) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	return &lookup.Result{
		Name: name, Type: t, Code: dnssec.Code(cmp.Or(u.code, CodeNoEvidence)), Reason: cmp.Or(u.reason, "nothing is looked up here"), Answer: new(dnssec.Answer),
	}
}

func (u unasked) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return u.Lookup(ctx, name, t)
}

// asOf is r as of what is known of the past. Nothing is known of what is still to come: signatures
// of the DNS hold for days in advance, also over what is withdrawn until then.
func (r *Receiver) asOf(p *Past) *Receiver {
	then := *r
	then.opts.Lookup, then.opts.Offline = p.Lookup, nil
	if now := r.opts.Now(); p.At.After(now.Add(maxAhead)) {
		then.opts.Lookup = unasked{CodeEvidenceTime, fmt.Sprintf("evidence proves nothing about %s, which is in the future: it is %s", stamp(p.At), stamp(now))}
	}
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

// Basis says in short what the verdict rests on where that is not what the DNS says now: "as of"
// and the time of kept evidence, or the chain that the signer sent; "" for lookups.
func (r *Report) Basis() string {
	if r.AsOf != nil {
		return "as of " + stamp(*r.AsOf)
	}
	for _, s := range r.Signatures {
		if s.DNS != nil && s.DNS.Source == SourceStaple {
			return "by the DNSSEC chain that the signer sent"
		}
	}
	return ""
}

// Witness says who witnesses the time AsOf, for people; "" where AsOf is not set.
func (r *Report) Witness() string {
	e := r.Evidence
	switch {
	case r.AsOf == nil:
		return ""
	case e == nil || e.Witness == "":
		return "time not witnessed"
	case e.WitnessedAt != nil:
		return "time witnessed by " + e.Witness + " at " + stamp(*e.WitnessedAt)
	}
	return "time witnessed by " + e.Witness
}
