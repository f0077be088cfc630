package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// Verify says whether alice@example.org wrote a message, by the key that example.org publishes.
func ExampleReceiver_Verify() {
	then := func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }
	dns, client, err := exampleClient(then) // in production: lookup.New(lookup.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer dns.Close()
	defer client.Close()
	r, err := receiver.New(receiver.Options{Lookup: client, Now: then}) // in production without Now
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := os.Open("../testdata/vectors/001-pass.eml")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	m, err := message.Read(file, message.ReadOptions{MaxBytes: 50 << 20})
	if err != nil {
		fmt.Println(err) // receiver.Unreadable makes a report of it
		return
	}
	defer m.Close()
	report, err := r.Verify(context.Background(), m)
	if err != nil {
		fmt.Println(err) // trouble of this machine, not of the message
		return
	}
	fmt.Println(report.Verdict == receiver.Pass, report.From)
	if err := report.WriteText(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// true alice@example.org
	// pass
	// Signer      alice@example.org (name bound), by a self-issued certificate
	// From        alice@example.org (protected)
	// To          team@example.com
	// Subject     The plan for Tuesday
	// Date        2026-11-24 11:00:00 UTC
	// Message-ID  <plan@example.org>
	// Checked     2026-11-24 12:00:00 UTC
	// Header      protected
	// Signature   in part 2, over the whole message: pass
	//   integrity   good: ecdsa-p256-sha256; signed 2026-11-24 11:00:00 UTC (claimed)
	//   DNS         secure, present: SMIMEA 2bd806c9…._smimecert.example.org., TTL 300
	//               3 1 1  match
	//   trust       root -> org. -> example.org. -> SMIMEA 3 1 1 -> key -> signature
	//   binding     the signer is the author in From
	//   freshness   good; certificate from 2026-01-01 to 2036-01-01
	//   header      protected
}

// exampleClient asks a signed hierarchy in memory, in which example.org publishes one key.
func exampleClient(now func() time.Time) (*lookuptest.Server, *lookup.Client, error) {
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
	client, err := lookup.New(lookup.Options{Resolvers: []string{dns.Addr()}, Anchors: anchors, Now: now, Timeout: time.Minute})
	return dns, client, err
}
