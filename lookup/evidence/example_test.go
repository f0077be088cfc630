package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
	"dnseal/lookup/lookuptest"
)

// Evidence of a lookup is kept, and validated again without a network.
func Example() {
	then := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	result, anchors, err := exampleLookup(then)
	if err != nil {
		log.Fatal(err)
	}
	kept, err := evidence.Of(result)
	if err != nil {
		log.Fatal(err)
	}

	// Of the DNS root it needs no Validator.
	again, err := evidence.Verify(kept, then.Add(24*time.Hour), &dnssec.Validator{Anchors: anchors})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(kept.Name, kept.Type, again.Status)
	kept.Sets[0].Wire[20] ^= 1 // one bit
	if again, err = evidence.Verify(kept, then, &dnssec.Validator{Anchors: anchors}); err == nil {
		fmt.Println("altered:", again.Status)
	}
	// Output:
	// sensor7._device.example.org. TLSA secure
	// altered: bogus
}

// exampleLookup asks a DNS in memory.
func exampleLookup(then time.Time) (*lookup.Result, *dnssec.Anchors, error) {
	now := func() time.Time { return then }
	dns, err := lookuptest.New([]lookuptest.Zone{{
		Origin: "example.org.",
		Text:   "sensor7._device 300 IN TLSA 3 1 1 8aa24eed6f5d4e9d7bbad8e75a8c8a81d93815a69c402826307e18a9215b0c20\n",
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
	return client.Lookup(context.Background(), "sensor7._device.example.org.", dane.TLSA), anchors, nil
}
