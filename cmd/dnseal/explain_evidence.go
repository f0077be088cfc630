package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// Limits of a file of evidence: octets, and answers in it.
const (
	maxEvidenceFile = 16 << 20
	maxEvidence     = 1000
)

// kept is evidence that was read from files, one after the other.
type kept struct {
	files  []string
	all    []*evidence.Evidence
	client *lookup.Client // for its trust anchors
}

// read reads the files: JSON objects, as "dnseal lookup --evidence" writes them.
func (k *kept) read() error {
	for _, name := range k.files {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("evidence file %s does not exist", name)
		}
		if err != nil {
			return err
		}
		err = k.decode(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return cli.Hint(fmt.Errorf("%s cannot be read as evidence: %w", name, err), "evidence is written by: dnseal lookup NAME --evidence FILE")
		}
	}
	return nil
}

func (k *kept) decode(r io.Reader) error {
	d := json.NewDecoder(io.LimitReader(r, maxEvidenceFile))
	for n := 0; ; n++ {
		e := new(evidence.Evidence)
		switch err := d.Decode(e); {
		case errors.Is(err, io.EOF) && n == 0:
			return errors.New("it is empty")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case e.Version == 0 || len(e.Sets) == 0:
			return errors.New("it is JSON of another kind")
		case len(k.all) >= maxEvidence:
			return fmt.Errorf("more than %d answers", maxEvidence)
		}
		k.all = append(k.all, e)
	}
}

// explain judges signature number i of m, which records at name are to vouch for, by the evidence
// about that name, as of then, and says what is known of it.
func (k *kept) explain(ctx context.Context, m *message.Message, i int, name string) string {
	for _, e := range k.all {
		if e.Name != name {
			continue
		}
		r, err := receiver.New(receiver.Options{Lookup: &past{kept: k, evidence: e}, Saved: true, Now: func() time.Time { return e.At }})
		if err != nil {
			continue
		}
		report, err := r.Verify(ctx, m)
		if err == nil && i < len(report.Signatures) && report.Signatures[i].Verdict == receiver.Pass {
			return fmt.Sprintf(" By the evidence of %s the record of this key was published then: DNSSEC signatures from the root to %s hold from %s to %s. With them the message is a pass.",
				stamp(e.At), e.Name, stamp(e.Inception), stamp(e.Expiration))
		}
	}
	if len(k.all) > 0 {
		return " The evidence given does not show it: " + k.why(name) + "." + proofs
	}
	return proofs
}

// why says why the evidence does not show a record of the key.
func (k *kept) why(name string) string {
	why := "none of it is about " + name
	for _, e := range k.all {
		if e.Name != name {
			continue
		}
		r, err := k.client.VerifyEvidence(e, e.At)
		switch {
		case err != nil:
			return err.Error()
		case r.Status != dnssec.Secure:
			return fmt.Sprintf("its chain of DNSSEC signatures does not hold from the trust anchor (%s, %s)", r.Status, r.Code)
		}
		why = "no record in it matches the key"
	}
	return why
}

// past answers by one piece of evidence, as of when it was made.
type past struct {
	kept     *kept
	evidence *evidence.Evidence
}

func (p *past) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	if name != p.evidence.Name || t.String() != p.evidence.Type {
		return &lookup.Result{Name: name, Type: t, Status: dnssec.Indeterminate}
	}
	r, err := p.kept.client.VerifyEvidence(p.evidence, p.evidence.At)
	if err != nil {
		return &lookup.Result{Name: name, Type: t, Status: dnssec.Indeterminate}
	}
	return r
}

func (p *past) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return p.Lookup(ctx, name, t)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
