package check

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/sender/identity"
)

// BenchmarkCheck checks 5,000 identities against a resolver that has every answer: s/check is to be
// at most 3.
func BenchmarkCheck(b *testing.B) {
	const identities = 5000
	w := newWorld(b)
	must(b, os.RemoveAll(w.Path("keys")))
	var zone strings.Builder
	for i := range identities {
		name := fmt.Sprintf("u%04d@example.org", i)
		id, err := identity.Create(w.Path("keys"), name, identity.CreateOptions{})
		must(b, err)
		owner, typ, err := id.OwnerName()
		must(b, err)
		record, err := id.Record(3, 1, 1)
		must(b, err)
		line, err := identity.FormatRecord(owner, typ, record, time.Minute, "zone")
		must(b, err)
		zone.WriteString(line + "\n")
	}
	must(b, w.DNS.Replace([]lookuptest.Zone{{Text: zone.String(), Origin: "example.org."}}))
	w.Write("dnseal.toml", strings.ReplaceAll(`
identities = "DIR/keys"
[dns]
resolvers = ["`+w.DNS.Addr()+`"]
trust-anchor = "DIR/anchor"
[[sign.rule]]
who = ["user:*"]
from = ["{user}@example.org"]
[[milter]]
role = "sign"
listen = "unix:DIR/sign.sock"
`, "DIR", w.Dir))
	check := func() { must(b, Run(b.Context(), io.Discard, w.Path("dnseal.toml"), Options{})) }
	check() // the zone signs its answers when they are asked for
	for b.Loop() {
		check()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/check")
}
