package smime_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

// published answers every question with the keys of some people, as 3 1 0 records of a secure zone.
type published []*peerIdentity

func (p published) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	res := &lookup.Result{Name: name, Type: t, Status: dnssec.Secure, Presence: dane.Present}
	for _, id := range p {
		res.Records = append(res.Records, dane.Record{
			Usage: dane.DANEEE, Selector: dane.PublicKey, MatchingType: dane.Exact, Data: id.signer.Certificate.RawSubjectPublicKeyInfo,
		})
	}
	return res
}

func (p published) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return p.Lookup(ctx, name, t)
}

// receiveMessage has a receiver judge what a peer signed, with the keys published: nil when it
// passes. The certificates are a CA's, so that a name is bound only where the peer hashes the
// certificate.
func receiveMessage(t *testing.T, text []byte, ids []*peerIdentity) error {
	t.Helper()
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	must(t, err)
	defer m.Close()
	found, err := smime.Verify(t.Context(), m)
	must(t, err)
	r, err := receiver.New(receiver.Options{Lookup: published(ids)})
	must(t, err)
	report, err := r.Verify(t.Context(), m)
	must(t, err)
	if report.Verdict != receiver.Pass {
		return fmt.Errorf("received as %s: %s (%s)", report.Verdict, report.Reason, report.Code)
	}
	for i, s := range report.Signatures {
		// The CA has the key of one of those it certifies, whose certificate so is signed
		// by its own key.
		cert := found.Signatures[i].Certificate
		own := cert != nil && cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
		if want := found.Signatures[i].CertificateHashed || own; s.NameBound != want {
			return fmt.Errorf("name bound: %t, want %t", s.NameBound, want)
		}
	}
	return nil
}
