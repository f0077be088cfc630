package dnssec

import (
	"strings"
	"testing"
	"time"
)

// TestRootHistory: each key of the root counts in its period, in evidence alone.
func TestRootHistory(t *testing.T) {
	t.Parallel()
	for day, want := range map[string]string{
		"2010-07-14": "", "2010-07-15": "19036", "2017-02-02": "19036 20326", "2019-01-10": "19036 20326",
		"2019-01-11": "20326", "2024-07-18": "20326 38696", "2026-11-29": "20326 38696",
	} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := tags(RootHistory().At(at)); got != want {
			t.Errorf("%s: %q, want %q", day, got, want)
		}
	}
	if got := tags(RootAnchors()); got != "20326 38696" {
		t.Errorf("live answers are held to %q", got)
	}
	if got := tags(builtIn().At(time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC))); got != "20326 38696" {
		t.Errorf("live answers are held to %q", got)
	}
}

func tags(a *Anchors) string {
	var out []string
	for _, r := range a.Records() {
		out = append(out, strings.Fields(r)[3])
	}
	return strings.Join(out, " ")
}

// TestWithHistory: a file with one key of the root stands for that root; another does not.
func TestWithHistory(t *testing.T) {
	t.Parallel()
	at := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct{ text, want string }{
		"the key of today": {". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16", "19036 20326 38696"},
		"another root":     {". IN DS 1 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16", "1"},
		"no root":          {"example. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16", "38696"},
	} {
		a, err := ParseAnchors(tt.text, "test")
		if err != nil {
			t.Fatal(err)
		}
		if got := tags(a.WithHistory().At(at)); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if twice := RootHistory().WithHistory(); len(twice.timed) != 3 {
		t.Errorf("the history of the history: %d keys", len(twice.timed))
	}
	if got := tags((*Anchors)(nil).WithHistory().At(at)); got != "19036 20326" {
		t.Errorf("none: %q", got)
	}
}

// TestAnchorXML reads the file that IANA publishes for the root (RFC 9718).
func TestAnchorXML(t *testing.T) {
	t.Parallel()
	const digest = "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"
	key := func(attributes, digest string) string {
		return "<KeyDigest id=\"x\" " + attributes + "><KeyTag>7</KeyTag><Algorithm>8</Algorithm><DigestType>2</DigestType><Digest>\n" + digest + "\n</Digest><Flags>257</Flags></KeyDigest>"
	}
	file := func(zone, keys string) string {
		return "\ufeff<?xml version=\"1.0\"?>\n<TrustAnchor id=\"y\"><Zone>" + zone + "</Zone>" + keys + "</TrustAnchor>\n"
	}
	a, err := ParseAnchors(file("example.", key(`validFrom="2020-01-01T00:00:00+00:00" validUntil="2021-01-01T00:00:00+00:00"`, digest)), "test")
	if err != nil {
		t.Fatal(err)
	}
	for year, want := range map[int]string{2019: "", 2020: "7", 2021: ""} {
		if got := tags(a.At(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC))); got != want {
			t.Errorf("%d: %q, want %q", year, got, want)
		}
	}
	if zones := a.Zones(); len(zones) != 1 || zones[0] != "example." {
		t.Errorf("zones %q", zones)
	}
	for name, text := range map[string]string{
		"no XML":         "<TrustAnchor>",
		"other XML":      "<html></html>",
		"no zone":        file("", key("", digest)),
		"bad zone":       file("a..b", key("", digest)),
		"no key":         file(".", ""),
		"no digest":      file(".", key("", "")),
		"bad digest":     file(".", key("", "xyz")),
		"a line more":    file(".", key("", "00\n. IN DS 1 8 2 00")),
		"bad time":       file(".", key(`validFrom="2020"`, digest)),
		"too many":       file(".", strings.Repeat(key("", digest), maxAnchors+1)),
		"too long":       file(".", strings.Repeat(" ", maxAnchorXML)),
		"another entity": "<!DOCTYPE x [<!ENTITY e \"y\">]>" + file("&e;", key("", digest)),
	} {
		if _, err := ParseAnchors(text, "test"); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}
