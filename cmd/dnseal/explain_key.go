package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dnseal/receiver"
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

// openReceiver returns the receiver, with the options for saved mail. It is made when the first
// message needs it.
func (e *explainer) openReceiver() (*receiver.Receiver, error) {
	if e.receiver != nil {
		return e.receiver, nil
	}
	client, err := e.dns.client(nil)
	if err != nil {
		return nil, err
	}
	e.client, e.evidence.client = client, client
	e.receiver, err = receiver.New(receiver.Options{Lookup: client, Saved: true})
	return e.receiver, err
}
