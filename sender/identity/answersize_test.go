package identity

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest"
)

// TestAnswerSize compares with answers of a name server that signs by ECDSA P-256: to the octet, of
// one record and of two; and TC where AnswerSize says, but for two octets that miekg/dns counts too
// many.
func TestAnswerSize(t *testing.T) {
	t.Parallel()
	server, err := lookuptest.New([]lookuptest.Zone{{Text: zoneOfSizes(t), Origin: "b.test."}}, lookuptest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err = server.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	for _, rrs := range sizes() {
		m := new(dns.Msg)
		m.SetQuestion(rrs[0].Owner, uint16(rrs[0].Type)).SetEdns0(maxUDP, true)
		c := &dns.Client{Timeout: 10 * time.Second, UDPSize: 4096}
		in, _, err := c.Exchange(m, server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		want := AnswerSize(rrs...)
		if in.Truncated != (want > maxUDP) {
			t.Errorf("%s: %d octets, truncated %v", rrs[0].Owner, want, in.Truncated)
		}
		c.Net = "tcp"
		if in, _, err = c.Exchange(m, server.Addr()); err != nil {
			t.Fatal(err)
		}
		in.Ns = nil // the name servers of the zone are not counted
		in.Compress = true
		packed, err := in.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if got := len(packed); got != want {
			t.Errorf("%s: %d octets, computed %d", rrs[0].Owner, got, want)
		}
	}
}

// sizes are RRsets.
func sizes() (out [][]ResourceRecord) {
	for i, octets := range []int{32, 64, 91, 432, 827, 1000, 1010, 1013, 1020, 1339, 4096} {
		owner := fmt.Sprintf("%056x._smimecert.b.test.", i)
		one := testRecord(owner, dane.SMIMEA, octets)
		device := one
		device.Owner, device.Type = fmt.Sprintf("d%d._device.b.test.", i), dane.TLSA
		out = append(out, []ResourceRecord{one}, []ResourceRecord{device})
	}
	a, b := testRecord("two._device.b.test.", dane.TLSA, 432), testRecord("two._device.b.test.", dane.TLSA, 432)
	b.Record.Selector = 1
	return append(out, []ResourceRecord{a, b})
}

func zoneOfSizes(t *testing.T) (text string) {
	t.Helper()
	for _, rrs := range sizes() {
		for _, rr := range rrs {
			line, err := rr.Format(FormatZone)
			if err != nil {
				t.Fatal(err)
			}
			text += line + "\n"
		}
	}
	return text
}
