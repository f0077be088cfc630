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

// unproven explains a message whose signatures hold, and that is no pass all the same: what that
// means, and what would prove it.
var unproven = map[receiver.Code]string{
	receiver.CodeKeyReplaced: "The signature holds, by a key that %s does not publish now; it publishes others. Either the key was replaced after the message was signed, or " +
		"it is another's, in a certificate that anybody can make. The message cannot tell which: its signing time is the signer's claim. " + proofs,
	receiver.CodeNotPublishedNow: "The signature holds, by a key of which %s publishes no record now. Either it was withdrawn after the message was signed, or it was never " +
		"published. The message cannot tell which: its signing time is the signer's claim. " + proofs,
	receiver.CodeHeaderChanged: "The signature of %s holds, over the content and the header as it was signed; the header that readers show was changed on the way. " +
		"The signed fields stand at the start of the signed part.",
}

const proofs = "What would prove it: the old record, published together with the new one for as long as old mail is to be verified (it then vouches for new mail, too); or " +
	"evidence of then: the record with its chain of DNSSEC signatures, kept when the message came, or an Authentication-Results field that a host you trust wrote."

// keys explains what the DNS says of a message whose signatures hold, or that there was nothing to
// ask for.
func (e *explainer) keys(ctx context.Context, name string, m *message.Message) error {
	if smime.Secured(m) != smime.SMIMESigned {
		return nil
	}
	r, err := e.judge()
	if err != nil {
		return err
	}
	report, err := r.Verify(ctx, m)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	why := unproven[report.Code]
	if report.Verdict == receiver.TempError {
		e.untold = true
		why = "The signature holds; whether its key is published could not be told: " + report.Reason + "."
	}
	i := slices.IndexFunc(report.Signatures, func(s *receiver.SignatureReport) bool { return s.Code == report.Code })
	if why == "" || i < 0 {
		return nil
	}
	s := report.Signatures[i]
	if report.Verdict != receiver.TempError {
		e.found++
		why = strings.Replace(why, "%s", s.Identity, 1)
	}
	return e.write(name, explanation{Part: s.Part, Code: string(report.Code), Sentence: why})
}

// judge returns who judges, as for saved mail. Nothing that asks the DNS is made before a message
// needs it.
func (e *explainer) judge() (*receiver.Receiver, error) {
	if e.receiver != nil {
		return e.receiver, nil
	}
	client, err := e.dns.client(nil)
	if err != nil {
		return nil, err
	}
	e.client = client
	e.receiver, err = receiver.New(receiver.Options{Lookup: client, Saved: true})
	return e.receiver, err
}
