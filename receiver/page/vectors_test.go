package page

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

var clock = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const vectors = "../../testdata/vectors/"

// serve reads a .zone file of the vectors.
func serve(tb testing.TB, text []byte) *lookuptest.Server {
	tb.Helper()
	var zones []lookuptest.Zone
	for _, section := range strings.Split(string(text), "; zone ")[1:] {
		head, records, _ := strings.Cut(section, "\n")
		words := strings.Fields(head)
		z := lookuptest.Zone{Origin: words[0], Text: records}
		for _, w := range words[1:] {
			way, broken := strings.CutPrefix(w, "break=")
			if broken {
				z.Break = lookuptest.Break(way)
			}
			z.Unsigned, z.NSEC3 = z.Unsigned || w == "unsigned", z.NSEC3 || w == "nsec3"
		}
		zones = append(zones, z)
	}
	s, err := lookuptest.New(zones, lookuptest.Options{Now: func() time.Time { return clock }})
	if err == nil {
		err = s.Start("127.0.0.1:0")
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// newReceiver verifies with the zones of a vector.
func newReceiver(tb testing.TB, zones []byte, domains ...receiver.Domain) *receiver.Receiver {
	tb.Helper()
	return newReceiverWith(tb, zones, smime.DecryptOptions{}, domains...)
}

// newReceiverWith is newReceiver with keys that decrypt.
func newReceiverWith(tb testing.TB, zones []byte, keys smime.DecryptOptions, domains ...receiver.Domain) *receiver.Receiver {
	tb.Helper()
	s := serve(tb, zones)
	anchors, err := dnssec.ParseAnchors(s.Anchor(), "test")
	if err != nil {
		tb.Fatal(err)
	}
	c, err := lookup.New(lookup.Options{Resolvers: []string{s.Addr()}, Anchors: anchors, Now: func() time.Time { return clock }, Timeout: time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	r, err := receiver.New(receiver.Options{Lookup: c, Domains: domains, Decrypt: keys, Timeout: time.Minute, Now: func() time.Time { return clock }})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// verify verifies a text; m is nil where its header cannot be read.
func verify(tb testing.TB, r *receiver.Receiver, text []byte) (*receiver.Report, *message.Message) {
	tb.Helper()
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	if errors.Is(err, message.ErrMalformed) {
		return receiver.Unreadable(err), nil
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { m.Close() })
	report, err := r.Verify(tb.Context(), m)
	if err != nil {
		tb.Fatal(err)
	}
	return report, m
}

// vector verifies a vector.
func vector(tb testing.TB, name string, domains ...receiver.Domain) (*receiver.Report, *message.Message) {
	tb.Helper()
	return verify(tb, newReceiver(tb, readFile(tb, vectors+name+".zone"), domains...), readFile(tb, vectors+name+".eml"))
}
