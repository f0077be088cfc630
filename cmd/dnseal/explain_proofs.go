//go:build !submit

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
	"dnseal/receiver"
	files "dnseal/receiver/evidence"
	"dnseal/smime"
	"dnseal/smime/message"
)

// unproven explains a message that does not pass although its signatures hold: what that means, and
// what would prove it.
var unproven = map[receiver.Code]string{
	receiver.CodeKeyReplaced: "The signature holds, by a key that %s does not publish now; it publishes others. Either the key was replaced after the message was signed, or " +
		"it is the key of somebody else, in a certificate that anybody can make. The message does not show which: its signing time is the signer's claim.",
	receiver.CodeNotPublishedNow: "The signature holds, by a key of which %s publishes no record now. Either it was withdrawn after the message was signed, or it was never " +
		"published. The message does not show which: its signing time is the signer's claim.",
}

const proofs = " What would prove it: the old record, published together with the new one for as long as old mail is to be verified (it then vouches for new mail, too); or " +
	"evidence of then: the record with its chain of DNSSEC signatures, kept when the message came (dnseal lookup --evidence), or an Authentication-Results field that a host you trust wrote."

// keys explains the signatures of a message that hold and do not pass, by what the DNS says now and
// by evidence of then. found is what was explained without the DNS. A message without a signature
// needs no lookup.
func (e *explainer) keys(ctx context.Context, name string, m *message.Message, found []smime.Explanation) error {
	wrapped := func(x smime.Explanation) bool { return x.Change == smime.ChangeWrapped }
	if smime.Secured(m) != smime.SMIMESigned && !slices.ContainsFunc(found, wrapped) {
		return nil
	}
	r, err := e.openReceiver()
	if err != nil {
		return err
	}
	report, err := r.Verify(ctx, m)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for i, s := range report.Signatures {
		explained := slices.ContainsFunc(found, func(x smime.Explanation) bool { return x.Part == s.Part })
		why, known := because(s, explained)
		switch {
		case why == "":
			continue
		case known:
			e.found++
		default:
			e.unknown = true
		}
		if unproven[s.Code] != "" {
			why += e.evidence.explain(ctx, m, i, ownerOf(s))
		}
		if err := e.write(name, explanation{Part: s.Part, Code: string(s.Code), Sentence: why}); err != nil {
			return err
		}
	}
	return nil
}

// because says why a signature that holds does not pass, or "". What was explained without the DNS
// is not repeated. known is false where the DNS gave no answer.
func because(s *receiver.SignatureReport, explained bool) (why string, known bool) {
	switch {
	case s.Integrity != receiver.Good || s.Verdict == receiver.Pass:
		return "", true
	case s.Verdict == receiver.TempError:
		return "The signature holds; whether its key is published is not known: " + s.Reason + ".", false
	case unproven[s.Code] != "":
		return strings.Replace(unproven[s.Code], "%s", s.Identity, 1) + published(s.DNS), true
	case explained && (s.Code == receiver.CodePartial || s.Code == receiver.CodeHeaderChanged):
		return "", true
	}
	return fmt.Sprintf("The signature holds, but is not a pass: %s.", s.Reason), true
}

// ownerOf is the name that was looked up for a signature.
func ownerOf(s *receiver.SignatureReport) string {
	if s.DNS == nil {
		return ""
	}
	return s.DNS.Name
}

// published lists the records that are there now.
func published(d *receiver.DNSReport) string {
	if d == nil || len(d.Records) == 0 {
		return ""
	}
	var records []string
	for _, r := range d.Records {
		records = append(records, fmt.Sprintf("%d %d %d (%s)", r.Usage, r.Selector, r.Matching, r.Result))
	}
	return " Published now: " + strings.Join(records, ", ") + "."
}

// openReceiver returns the receiver, with the options of verify. It is made when the first message
// needs it.
func (e *explainer) openReceiver() (*receiver.Receiver, error) {
	if e.receiver != nil {
		return e.receiver, nil
	}
	opts, client, err := e.flags.options(e.cmd)
	if err != nil {
		return nil, err
	}
	e.client, e.evidence.client, e.evidence.opts = client, client, opts
	e.receiver, err = receiver.New(opts)
	return e.receiver, err
}

// Limits of a file of evidence: octets, and answers in it.
const (
	maxEvidenceFile = 16 << 20
	maxEvidence     = 1000
)

// kept is evidence that was read from files, one after the other.
type kept struct {
	files   []string
	all     []*evidence.Evidence
	client  *lookup.Client // for its trust anchors
	opts    receiver.Options
	archive *files.Archive // of those about messages; nil: none
}

// read reads the files: JSON objects, as "dnseal lookup --evidence" writes them, and, where anchors
// is not nil, files and folders of dnseal-evidence(5).
func (k *kept) read(anchors func() (*dnssec.Anchors, error)) error {
	for _, name := range k.files {
		if about, err := k.aboutMessages(name, anchors); about || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		f, err := cli.Open(name)
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

// aboutMessages opens what dnseal verify --save-evidence, or [evidence] dir, has kept.
func (k *kept) aboutMessages(name string, anchors func() (*dnssec.Anchors, error)) (bool, error) {
	info, err := os.Stat(name)
	if err != nil || anchors == nil || !info.IsDir() && filepath.Ext(name) != files.Extension {
		return false, nil //nolint:nilerr // the error is found again
	}
	if k.archive == nil {
		trusted, err := anchors()
		if err != nil {
			return true, err
		}
		k.archive = files.New(files.Options{Anchors: trusted})
	}
	return true, k.archive.Open(name)
}

// recall judges signature number i of m by what was kept about m; "" where that does not vouch for
// it.
func (k *kept) recall(ctx context.Context, m *message.Message, i int) string {
	if k.archive == nil {
		return ""
	}
	opts := k.opts
	opts.Lookup, opts.Past = nil, k.archive.Past
	r, err := receiver.New(opts)
	if err != nil {
		return ""
	}
	report, err := r.Verify(ctx, m)
	if err != nil || i >= len(report.Signatures) || report.Signatures[i].Verdict != receiver.Pass || report.AsOf == nil {
		return ""
	}
	witness := "nothing but its own word proves that time"
	if w := report.Evidence.Witness; w != "" {
		witness = fmt.Sprintf("%s proves that it existed on %s", w, stamp(*report.Evidence.WitnessedAt))
	}
	return fmt.Sprintf(" By the evidence in %s of %s the record of this key was published then: DNSSEC signatures from the root to %s hold; %s. With them the message is a pass.",
		report.Evidence.File, stamp(*report.AsOf), ownerOf(report.Signatures[i]), witness)
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
		opts := k.opts
		opts.Lookup, opts.Now = &past{kept: k, evidence: e}, func() time.Time { return e.At }
		r, err := receiver.New(opts)
		if err != nil {
			continue
		}
		report, err := r.Verify(ctx, m)
		if err == nil && i < len(report.Signatures) && report.Signatures[i].Verdict == receiver.Pass {
			return fmt.Sprintf(" By the evidence of %s the record of this key was published then: DNSSEC signatures from the root to %s hold from %s to %s. With them the message is a pass.",
				stamp(e.At), e.Name, stamp(e.Inception), stamp(e.Expiration))
		}
	}
	if by := k.recall(ctx, m, i); by != "" {
		return by
	}
	if len(k.all) > 0 || k.archive != nil {
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
