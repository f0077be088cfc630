package page

import (
	"context"
	"testing"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
)

// silent is a DNS that does not answer.
type silent struct{}

func (silent) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	return &lookup.Result{Name: name, Type: t, Code: dnssec.CodeTimeout, Reason: "no answer", Answer: &dnssec.Answer{EDE: -1}}
}

func (s silent) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return s.Lookup(ctx, name, t)
}

// FuzzWrite: the page of any message is whole, within its size, and holds nothing but what this
// package makes.
func FuzzWrite(f *testing.F) {
	for _, name := range []string{"001-pass", "002-pass-opaque", "016-list-footer", "164-pass-signed-again", "400-hs-subject", "466-f-nul-in-value"} {
		f.Add(readFile(f, vectors+name+".eml"))
	}
	for _, p := range payloads {
		f.Add([]byte("Subject: " + oneLine(p) + "\r\nContent-Type: text/html; name=\"" + oneLine(p) + "\"\r\n\r\n" + p))
	}
	r, err := receiver.New(receiver.Options{Lookup: silent{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 {
			return
		}
		report, m := verify(t, r, text)
		checkPage(t, "page", write(t, report, m))
	})
}
