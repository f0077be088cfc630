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

// unproven explains a message that is no pass although its signatures hold: what that means, and
// what would prove it.
var unproven = map[receiver.Code]string{
	receiver.CodeKeyReplaced: "The signature holds, by a key that %s does not publish now; it publishes others. Either the key was replaced after the message was signed, or " +
		"it is the key of somebody else, in a certificate that anybody can make. The message does not show which: its signing time is the signer's claim. " + proofs,
	receiver.CodeNotPublishedNow: "The signature holds, by a key of which %s publishes no record now. Either it was withdrawn after the message was signed, or it was never " +
		"published. The message does not show which: its signing time is the signer's claim. " + proofs,
	receiver.CodeHeaderChanged: "The signature of %s holds, over the content and the header as it was signed; the header that readers show was changed on the way. " +
		"The signed fields are at the start of the signed part.",
}

const proofs = "What would prove it: the old record, published together with the new one for as long as old mail is to be verified (it then vouches for new mail, too); or " +
	"evidence of then: the record with its chain of DNSSEC signatures, kept when the message came, or an Authentication-Results field that a host you trust wrote."

// keys explains the records of a message whose signatures hold. A message without a signature needs
// no lookup.
func (e *explainer) keys(ctx context.Context, name string, m *message.Message) error {
	if smime.Secured(m) != smime.SMIMESigned {
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
	why := unproven[report.Code]
	if report.Verdict == receiver.TempError {
		e.unknown = true
		why = "The signature holds; whether its key is published is not known: " + report.Reason + "."
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
	e.client = client
	e.receiver, err = receiver.New(receiver.Options{Lookup: client, Saved: true})
	return e.receiver, err
}
