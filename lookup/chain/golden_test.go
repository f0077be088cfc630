package chain

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

var update = flag.Bool("update", false, "write what comes out to testdata")

// goldenTime is inside the time of the signatures of goldenRecords, but for one that has expired.
var goldenTime = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// goldenRecords are what an answer can rest on, by set.
const goldenRecords = `
alias.example.lab. 60 IN CNAME sensor._device.other.lab.
alias.example.lab. 60 IN RRSIG CNAME 13 3 60 20260601000000 20260401000000 11 example.lab. AAAA

d.example.lab. 60 IN DNAME other.lab.

sensor._device.other.lab. 300 IN TLSA 3 1 1 0102030405060708091011121314151617181920212223242526272829303132
sensor._device.other.lab. 300 IN TLSA 2 0 0 3082010030820100308201003082010030820100308201003082010030820100ff
sensor._device.other.lab. 300 IN TLSA 9 9 9 00
sensor._device.other.lab. 300 IN RRSIG TLSA 13 4 300 20260401000000 20260301000000 12 other.lab. AAAA

a.other.lab. 300 IN NSEC c.other.lab. A RRSIG NSEC
a.other.lab. 300 IN RRSIG NSEC 13 3 300 20260801000000 20260701000000 12 other.lab. AAAA

0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM.other.lab. 300 IN NSEC3 1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR
`

// goldenResult shows each kind of zone and of set, as status.
func goldenResult(t *testing.T, status dnssec.Status) *Result {
	t.Helper()
	var sets []dnssec.RRset
	for text := range strings.SplitSeq(strings.TrimSpace(goldenRecords), "\n\n") {
		var set dnssec.RRset
		for line := range strings.SplitSeq(text, "\n") {
			rr, err := dns.NewRR(line)
			if err != nil {
				t.Fatal(err)
			}
			if sig, ok := rr.(*dns.RRSIG); ok {
				set.Signatures = append(set.Signatures, sig)
			} else {
				set.Records = append(set.Records, rr)
			}
		}
		sets = append(sets, set)
	}
	keys := func(k ...dnssec.Key) []dnssec.Key { return k }
	a := &dnssec.Answer{
		Name: "alias.example.lab.", Type: dns.TypeTLSA, Status: status, Exists: true, TTL: 90 * time.Minute, EDE: -1,
		Aliases: []string{"sensor._device.other.lab."}, Records: sets[2].Records, RRsets: sets,
		Inception: goldenTime.Add(-time.Hour), Expiration: goldenTime.Add(time.Hour),
		Links: []dnssec.Link{
			{
				Zone: ".", Status: dnssec.Secure, Signature: sets[0].Signatures[0], Warning: "the root has a key that no trust anchor knows (4711)",
				Keys: keys(dnssec.Key{Tag: 1, Algorithm: 8, SEP: true, Matched: true}, dnssec.Key{Tag: 2, Algorithm: 8, SEP: true, Revoked: true}),
			},
			{Zone: "example.lab.", Status: dnssec.Secure, Keys: keys(dnssec.Key{Tag: 11, Algorithm: 13, Matched: true})},
			{
				Zone: "other.lab.", Status: dnssec.Secure, Keys: keys(dnssec.Key{Tag: 12, Algorithm: 99}), Reason: "no key fits",
				DS: []*dns.DS{{KeyTag: 13, Algorithm: 13, DigestType: 2, Digest: "00FF"}, {KeyTag: 14, Algorithm: 99, DigestType: 99, Digest: "01"}},
			},
			{Zone: "plain.example.lab.", Status: dnssec.Insecure, Reason: "example.lab. proves that plain.example.lab. is not signed (no DS)"},
		},
	}
	if status != dnssec.Secure {
		a.Code, a.Reason, a.EDE = dnssec.CodeBadSignature, "the signature over sensor._device.other.lab. TLSA does not fit", 6
	}
	return New(a.Name, dane.TLSA, a)
}

// TestGolden writes one chain as text and as JSON. The JSON form is stable: a change of its file
// must only add fields.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, status := range []dnssec.Status{dnssec.Secure, dnssec.Bogus} {
		r := goldenResult(t, status)
		var text bytes.Buffer
		if err := r.WriteTree(&text, goldenTime, 80); err != nil {
			t.Fatal(err)
		}
		compareGolden(t, status.String()+".txt", text.Bytes())
		out, err := json.MarshalIndent(r, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		compareGolden(t, status.String()+".json", append(out, '\n'))
	}
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is\n%s\nwant\n%s%v", name, got, want, err)
	}
}
