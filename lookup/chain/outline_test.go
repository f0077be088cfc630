package chain

import (
	"fmt"
	"strings"
	"testing"

	"dnseal/lookup/dnssec"
)

func TestOutline(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i, s := range goldenResult(t, dnssec.Secure).Outline(goldenTime) {
		fmt.Fprintf(&b, "%d below %d: %s %s%s: %s", i, s.Above, s.Status, s.Name, strings.TrimRight(" "+s.Set, " "), s.Note)
		if s.Asked {
			b.WriteString(" (asked)")
		}
		b.WriteString("\n")
	}
	const want = `
0 below -1: secure .: key 1, named by the trust anchor
1 below 0: secure example.lab.: key 11, named by the zone above
2 below 1: insecure plain.example.lab.: example.lab. proves that plain.example.lab. is not signed (no DS)
3 below 1: secure alias.example.lab. CNAME: leads to sensor._device.other.lab.
4 below 1: secure d.example.lab. DNAME: leads to other.lab.
5 below 0: secure other.lab.: no key fits
6 below 5: secure a.other.lab. NSEC: proof of what does not exist
7 below 5: secure 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM.other.lab. NSEC3: proof of what does not exist
8 below 5: secure sensor._device.other.lab. TLSA: 3 TLSA records (asked)
`
	if got := b.String(); got != want[1:] {
		t.Errorf("got:\n%s", got)
	}
	if steps := (&Result{}).Outline(goldenTime); steps != nil {
		t.Errorf("without a chain: %v", steps)
	}
}
