package smime

import (
	"bytes"
	"crypto"
	"errors"
	"io"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// wrongSigner is a key that signs something else than it is given, as a defective token does.
type wrongSigner struct{ crypto.Signer }

func (s wrongSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	other := bytes.Repeat([]byte{1}, len(digest))
	return s.Signer.Sign(rand, other, opts)
}

var errToken = errors.New("token removed")

type brokenSigner struct{ crypto.Signer }

func (brokenSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errToken }

func TestSelfCheckFull(t *testing.T) {
	t.Parallel()
	defective := cms.Signer{Key: wrongSigner{alice().Key}, Certificate: alice().Certificate}
	for _, opaque := range []bool{false, true} {
		opts := SignOptions{Signers: []cms.Signer{defective}, Time: signedAt, Opaque: opaque, FullSelfCheck: true}
		if _, err := Sign(t.Context(), mustRead(t, crlf(simple)), opts); !errors.Is(err, ErrSelfCheck) {
			t.Errorf("opaque %v: %v, want %v", opaque, err, ErrSelfCheck)
		}
	}
	opts := SignOptions{Signers: []cms.Signer{{Key: brokenSigner{alice().Key}, Certificate: alice().Certificate}}, Time: signedAt}
	if _, err := Sign(t.Context(), mustRead(t, crlf(simple)), opts); !errors.Is(err, errToken) {
		t.Errorf("Sign = %v, want %v", err, errToken)
	}
}

// The self-check finds whatever is not what a verifier needs.
func TestSelfCheckFinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		opaque bool
		do     func(s *signing, body string) string
	}{
		{"a changed octet", false, func(_ *signing, b string) string { return strings.Replace(b, "trailing", "Trailing", 1) }},
		{"an octet less", false, func(_ *signing, b string) string { return strings.Replace(b, "trailing", "trailin", 1) }},
		{"a third part", false, func(_ *signing, b string) string {
			boundary, _, _ := strings.Cut(b[strings.Index(b, "------"):], "\r\n")
			return b[:len(b)-4] + "\r\n\r\nx\r\n" + boundary + "--\r\n"
		}},
		{"another type", false, func(_ *signing, b string) string {
			return strings.Replace(b, "application/pkcs7-signature", "text/plain", 1)
		}},
		{"no end", false, func(_ *signing, b string) string { return b[:len(b)-4] }},
		{"a broken signature", false, func(_ *signing, b string) string { return strings.Replace(b, "MII", "MIJ", 1) }},
		{"another micalg", false, func(s *signing, b string) string {
			s.fields[1].Value = strings.Replace(s.fields[1].Value, "sha-256", "sha-512", 1)
			return b
		}},
		{"another signer", false, func(s *signing, b string) string {
			s.opts.Signers = []cms.Signer{newSigner(alice().Key, "alice@example.org")}
			return b
		}},
		{"a signer more", false, func(s *signing, b string) string {
			s.opts.Signers = append(s.opts.Signers, alice())
			return b
		}},
		{"a truncated object", true, func(_ *signing, b string) string { return b[:len(b)/2] }},
		{"another type of the message", true, func(s *signing, b string) string {
			s.fields[1].Value = " text/plain"
			return b
		}},
		{"other content", true, func(s *signing, b string) string {
			s.size++
			return b
		}},
		{"content changed inside", true, func(_ *signing, b string) string { return strings.Replace(b, b[800:804], "AAAA", 1) }},
	} {
		m := mustRead(t, crlf(simple))
		opts := SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt, Opaque: c.opaque}
		s := &signing{ctx: t.Context(), m: m, src: m.Open(), opts: opts, certificates: opts.sent()}
		if err := s.prepare(); err != nil {
			t.Fatal(err)
		}
		body := message.NewSpool(0)
		make := s.makeClear
		if c.opaque {
			make = s.makeOpaque
		}
		if err := make(body); err != nil {
			t.Fatal(err)
		}
		if err := s.selfCheck(body); err != nil {
			t.Errorf("%s: before: %v", c.name, err)
		}
		raw, err := io.ReadAll(body.Open())
		if err != nil {
			t.Fatal(err)
		}
		changed := message.NewSpool(0)
		io.WriteString(changed, c.do(s, string(raw)))
		if err := s.selfCheck(changed); !errors.Is(err, ErrSelfCheck) {
			t.Errorf("%s: %v, want %v", c.name, err, ErrSelfCheck)
		}
		body.Close()
		changed.Close()
	}
}
