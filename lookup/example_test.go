package lookup_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// A program asks the resolvers of /etc/resolv.conf, validates from the root of the DNS, and needs
// no more than lookup.New(lookup.Options{}). Here a signed hierarchy on loopback takes their place,
// so that the example needs no network.
func ExampleClient_Lookup() {
	server, err := lookuptest.New([]lookuptest.Zone{{Text: `$ORIGIN example.lab.
@ 300 SOA ns hostmaster 1 7200 3600 1209600 300
@ 300 NS ns
ns 300 A 192.0.2.1
sensor7._device 300 TLSA 3 1 1 6dcc2fd157e8bb5c2de8b2bb3d8b1f4f6dcc2fd157e8bb5c2de8b2bb3d8b1f4f
`}}, lookuptest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err = server.Start("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	anchors, err := dnssec.ParseAnchors(server.Anchor(), "example")
	if err != nil {
		log.Fatal(err)
	}

	client, err := lookup.New(lookup.Options{Resolvers: []string{server.Addr()}, Anchors: anchors})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	// A message can name as many signers as its author likes: all lookups for it share a budget.
	ctx := dnssec.WithBudget(context.Background(), dnssec.NewBudget(dnssec.Limits{}))
	for _, device := range []string{"sensor7._device.example.lab", "sensor8._device.example.lab"} {
		name, err := dane.TLSAName(device)
		if err != nil {
			log.Fatal(err)
		}
		r := client.Lookup(ctx, name, dane.TLSA)
		switch {
		case r.Status != dnssec.Secure: // Its records prove nothing.
			fmt.Printf("%s: %s: %s\n", r.Name, r.Status, r.Reason)
		case r.Presence == dane.Absent:
			fmt.Println(r.Reason)
		default:
			fmt.Printf("%s: %d record, good for %s\n", r.Name, len(r.Records), r.TTL.Round(time.Minute))
		}
	}
	// Output:
	// sensor7._device.example.lab.: 1 record, good for 5m0s
	// sensor8._device.example.lab. has no TLSA record
}
