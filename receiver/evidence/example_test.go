package evidence_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/smime/message"
)

// What a verdict rests on is kept, and gives the verdict again, years later and without a network.
func Example() {
	then := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	file, anchors, err := exampleFile(then)
	if err != nil {
		log.Fatal(err)
	}

	archive := evidence.New(evidence.Options{Anchors: anchors}) // of the DNS root: without Anchors
	if err = archive.Add("mail.evidence", bytes.NewReader(file), int64(len(file))); err != nil {
		log.Fatal(err)
	}
	defer archive.Close()
	agent, err := receiver.New(receiver.Options{Past: archive.Past})
	if err != nil {
		log.Fatal(err)
	}
	report, err := verifyExample(agent)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Verdict, "as of", report.AsOf)
	fmt.Println("witnessed by:", report.Evidence.Witness)
	// Output:
	// pass as of 2026-11-24 12:00:00 +0000 UTC
	// witnessed by:
}

// exampleFile verifies a message as of then, by a DNS in memory, and keeps what that rested on.
func exampleFile(then time.Time) ([]byte, *dnssec.Anchors, error) {
	now := func() time.Time { return then }
	dns, err := lookuptest.New([]lookuptest.Zone{{
		Origin: "example.org.",
		Text:   "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db._smimecert 300 IN SMIMEA 3 1 1 8aa24eed6f5d4e9d7bbad8e75a8c8a81d93815a69c402826307e18a9215b0c20\n",
	}}, lookuptest.Options{Now: now})
	if err != nil {
		return nil, nil, err
	}
	anchors, err := dnssec.ParseAnchors(dns.Anchor(), "example")
	if err = errors.Join(err, dns.Start("127.0.0.1:0")); err != nil {
		return nil, nil, err
	}
	defer dns.Close()
	client, err := lookup.New(lookup.Options{Resolvers: []string{dns.Addr()}, Anchors: anchors, Now: now, Timeout: time.Minute})
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	opts := receiver.Options{Lookup: client, Now: now, Digests: true}
	agent, err := receiver.New(opts)
	if err != nil {
		return nil, nil, err
	}
	report, err := verifyExample(agent)
	if err != nil {
		return nil, nil, err
	}
	var file bytes.Buffer
	w, err := evidence.NewWriter(&file, "example", then)
	if err != nil {
		return nil, nil, err
	}
	err = w.Add(report, evidence.JudgedBy(anchors, evidence.PolicyOf(&opts)))
	return file.Bytes(), anchors, errors.Join(err, w.Seal(evidence.Seal{Sealed: then}))
}

func verifyExample(agent *receiver.Receiver) (*receiver.Report, error) {
	f, err := os.Open("../../testdata/vectors/001-pass.eml")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := message.Read(f, message.ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return agent.Verify(context.Background(), m)
}
