package chain

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

// txtOf is a TXT record as it comes from the wire.
func txtOf(tb testing.TB, strs ...string) dns.RR {
	tb.Helper()
	var data []byte
	for _, s := range strs {
		data = append(append(data, byte(len(s))), s...)
	}
	wire := append([]byte{1, 's', 0, 0, 16, 0, 1, 0, 0, 0, 60, byte(len(data) >> 8), byte(len(data))}, data...)
	rr, _, err := dns.UnpackRR(wire, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return rr
}

// TestTexts: a text is the octets of its character-strings in a row, whatever they are.
// RFC 6376, Section 3.6.2.2.
func TestTexts(t *testing.T) {
	t.Parallel()
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	all := string(every)
	for _, strs := range [][]string{
		{"v=DKIM1; p=abc"},
		{"v=DKIM1; p=", "abc", "", "def"},
		{},
		{""},
		{`\`, `065`, `"`, `\"`},
		{all[:128], all[128:]},
		{strings.Repeat("x", 255), strings.Repeat("y", 255)},
	} {
		got, ok := textOf(txtOf(t, strs...))
		if want := strings.Join(strs, ""); !ok || got != want {
			t.Errorf("text of %q is %q, %v; want %q", strs, got, ok, want)
		}
	}
	if _, ok := textOf(&dns.TLSA{}); ok {
		t.Error("a TLSA record has a text")
	}
}

// TestTextResult: the forms of a result with texts, which hold no control characters.
func TestTextResult(t *testing.T) {
	t.Parallel()
	rr := txtOf(t, "v=DKIM1; \x1b[31m p=", strings.Repeat("A", 200))
	r := New("s1._domainkey.example.org.", dane.TXT, &dnssec.Answer{
		Status: dnssec.Secure, Exists: true, Records: []dns.RR{rr}, EDE: -1, TTL: time.Minute,
		RRsets: []dnssec.RRset{{Records: []dns.RR{rr}}},
	})
	if len(r.Texts) != 1 || len(r.Records) != 0 || r.Presence != dane.Present {
		t.Fatalf("result %+v", r)
	}
	encoded, err := json.Marshal(r)
	if err != nil || !bytes.Contains(encoded, []byte(`"type":"TXT"`)) || !bytes.Contains(encoded, []byte(`"texts":["v=DKIM1; \u001b[31m p=AAAA`)) {
		t.Errorf("JSON %s, %v", encoded, err)
	}
	var text bytes.Buffer
	if err := r.WriteTree(&text, time.Now(), 80); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "\x1b") || !strings.Contains(text.String(), "1 record, validated") {
		t.Errorf("tree\n%s", text.String())
	}
	if n := (&Node{Set: &r.Answer.RRsets[0]}).setNote(); !strings.HasPrefix(n, `"v=DKIM1; \x1b`) {
		t.Errorf("note %q", n)
	}
	absent := New("s1._domainkey.example.org.", dane.TXT, &dnssec.Answer{Status: dnssec.Secure, EDE: -1})
	if absent.Advice() != "" || absent.Reason != "s1._domainkey.example.org. has no TXT record" {
		t.Errorf("absent: %q, %q", absent.Advice(), absent.Reason)
	}
}
