//go:build !submit

package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/sender/identity"
	"dnseal/smime/cms"
)

// scribe writes messages that alice signed as other programs do, which encode nothing for the way,
// and answers for her in the DNS.
type scribe struct {
	id     *identity.Identity
	record dane.Record
}

func newScribe(t *testing.T) *scribe {
	t.Helper()
	id, err := identity.Create(t.TempDir(), "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	record, err := id.Record(3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &scribe{id, record}
}

// Lookup implements lookup.Resolver.
func (s *scribe) Lookup(_ context.Context, name string, typ dane.Type) *lookup.Result {
	return &lookup.Result{Name: name, Type: typ, Status: dnssec.Secure, Presence: dane.Present, Records: []dane.Record{s.record}}
}

// LookupFresh implements lookup.Resolver.
func (s *scribe) LookupFresh(ctx context.Context, name string, typ dane.Type) *lookup.Result {
	return s.Lookup(ctx, name, typ)
}

// Lines that are taken for the beginning of a message by one reader or another.
var hardLines = []string{
	"Dear Bob,", "", "", "From now on please use the new account.", "From the office", "From alice@example.org", "from alice@example.org" + asctime,
	"\t", " From x", "From", "From alice@example.org" + asctime + "\nand no field", "Content-Length: 3", "--S", "X-Note: 1", "-- ", "...", "> From x",
	"From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\nFrom: Bob <bob@example.org>\nSubject: [PATCH] x", "From -", "x: y",
}

// Lines that a form keeps apart from its own, by quoting or by length.
var (
	separatorLines = []string{"From alice@example.org" + asctime + "\nFrom: Eve <eve@example.net>\nSubject: not a message\n", "From -" + asctime + "\nFrom: x@example.net"}
	quotedLines    = []string{">From x", ">>From y", ">From alice@example.org" + asctime}
)

// message returns a message as f writes it, and its verdict: some are changed, some not signed.
func (s *scribe) message(t *testing.T, random *rand.Rand, f form, signed bool) (text, verdict string) {
	t.Helper()
	lines := hardLines
	if f.quote != "" || f.length {
		lines = append(slices.Clip(lines), separatorLines...)
	}
	if f.quote != "mboxo" {
		lines = append(slices.Clip(lines), quotedLines...)
	}
	content := "Content-Type: text/plain\n\n"
	for range random.IntN(12) {
		line := lines[random.IntN(len(lines))]
		content += line + "\n"
	}
	content += strings.Repeat("\n", random.IntN(3))
	header := "From: Alice <alice@example.org>\nTo: bob@example.org\nSubject: Invoice\nMIME-Version: 1.0\n"
	kind := random.IntN(10)
	switch {
	case signed:
		kind = 9
	case kind == 0:
		return f.write(header, content[len("Content-Type: text/plain\n\n"):]), "none"
	}
	der := s.sign(t, content)
	verdict = "pass"
	if kind == 1 {
		content, verdict = content+"Changed.\n", "fail"
	}
	return f.write(header+multipartSigned, enclose(content, der)), verdict
}

func (s *scribe) sign(t *testing.T, content string) []byte {
	t.Helper()
	der, err := cms.Sign(strings.NewReader(strings.ReplaceAll(content, "\n", "\r\n")), cms.SignOptions{Signers: []cms.Signer{s.id.Signer()}, Certificates: append(s.id.Chain, s.id.Certificate), Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

const multipartSigned = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=\"=_S\"\n"

// enclose is the body of a message of the type multipartSigned.
func enclose(content string, der []byte) string {
	return fmt.Sprintf("--=_S\n%s\n--=_S\nContent-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\n%s\n--=_S--\n", content, wrap(base64.StdEncoding.EncodeToString(der)))
}

func wrap(text string) string {
	var out strings.Builder
	for len(text) > 64 {
		out.WriteString(text[:64] + "\n")
		text = text[64:]
	}
	return out.String() + text
}
