//go:build unix

package lifetest

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

var zoneNames = flag.Int("names", 3000, "how many names the large zone of BenchmarkZoneSize has")

// few is how many devices of a zone sign, and how many names a small zone has.
const few = 10

// fleetZone is a zone of devices at a name server of its own, and mail of some of them.
type fleetZone struct {
	lookup  lookup.Options
	mail    [few][]byte
	domains []receiver.Domain
	client  *lookup.Client // of all verifications that are warm
}

// newFleetZone has n names: those of few devices that sign, and made-up ones.
func newFleetZone(b *testing.B, n int) *fleetZone {
	b.Helper()
	zone := fmt.Sprintf("knot%d.lab", n)
	z := &fleetZone{domains: []receiver.Domain{{Names: []string{zone}, Devices: map[string][]string{"*._device." + zone: {"alerts@" + zone}}}}}
	var records strings.Builder
	for i := range z.mail {
		id, err := identity.Create(b.TempDir(), fmt.Sprintf("real%d._device.%s", i, zone), identity.CreateOptions{})
		must(b, err)
		z.mail[i] = deviceMail(b, id, "alerts@"+zone)
		r, err := id.Record(3, 1, 1)
		must(b, err)
		fmt.Fprintf(&records, "real%d._device TLSA 3 1 1 %x\n", i, r.Data)
	}
	for i := range n - few {
		fmt.Fprintf(&records, "made%07d._device TLSA 3 1 1 %064x\n", i, i)
	}
	s := authority.Start(b, authority.Knot, zone, authority.Options{TTL: 3600, Records: records.String(), Big: true})
	anchors, err := dnssec.ParseAnchors(s.Anchor, "anchor")
	must(b, err)
	z.lookup = lookup.Options{Resolvers: []string{authority.Resolver(b, s)}, Anchors: anchors, Timeout: time.Minute}
	z.client, err = lookup.New(z.lookup)
	must(b, err)
	b.Cleanup(func() { z.client.Close() })
	return z
}

// deviceMail is a message that a device signed.
func deviceMail(b *testing.B, id *identity.Identity, from string) []byte {
	b.Helper()
	m, err := message.Read(strings.NewReader("From: "+from+"\r\nSubject: Report\r\n\r\n21.5 C\r\n"), message.ReadOptions{})
	must(b, err)
	defer m.Close()
	edit, err := sender.SignMessage(b.Context(), m, []*identity.Identity{id}, smime.SignOptions{Time: time.Now()})
	must(b, err)
	defer edit.Close()
	var out bytes.Buffer
	_, err = m.WriteEdited(&out, edit)
	must(b, err)
	return out.Bytes()
}

// verify verifies the mail of each device, which has to pass; cold: with no answer in a cache of
// ours.
func (z *fleetZone) verify(b *testing.B, cold bool) time.Duration {
	b.Helper()
	begin := time.Now()
	for _, mail := range z.mail {
		client := z.client
		if cold {
			var err error
			client, err = lookup.New(z.lookup)
			must(b, err)
			defer client.Close()
		}
		r, err := receiver.New(receiver.Options{Lookup: client, Domains: z.domains, Timeout: time.Minute})
		must(b, err)
		m, err := message.Read(bytes.NewReader(mail), message.ReadOptions{})
		must(b, err)
		report, err := r.Verify(b.Context(), m)
		m.Close()
		if err != nil || report.Verdict != receiver.Pass {
			b.Fatalf("%+v, %v", report, err)
		}
	}
	return time.Since(begin)
}

// BenchmarkZoneSize verifies mail of devices whose zone has many names (-names), and of devices
// whose zone has ten, by turns: the first takes what the second does, within a fifth.
func BenchmarkZoneSize(b *testing.B) {
	small, large := newFleetZone(b, few), newFleetZone(b, *zoneNames)
	for _, how := range []struct {
		name string
		cold bool
	}{{"warm", false}, {"cold", true}} {
		b.Run(how.name, func(b *testing.B) {
			var ofSmall, ofLarge time.Duration
			for b.Loop() {
				ofSmall += small.verify(b, how.cold)
				ofLarge += large.verify(b, how.cold)
			}
			b.ReportMetric(float64(ofLarge.Microseconds())/float64(b.N*few), "µs/message")
			b.ReportMetric(float64(ofLarge)/float64(ofSmall), "large/small")
		})
	}
}
