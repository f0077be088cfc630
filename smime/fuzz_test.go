package smime

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// seeds are messages of all kinds, for the fuzz targets that take whole ones.
func seeds(tb testing.TB) []string {
	tb.Helper()
	sig := p7s + detached(tb, content, alice())
	return []string{
		head + "\r\nHello\r\n",
		head + clearPart(content, sig),
		head + p7m + "\r\n" + attached(tb, content, alice()),
		head + clearPart(clearPart(content, sig), p7s+detached(tb, clearPart(content, sig), bob())),
		mixed(clearPart(content, sig), "\r\nfooter"),
		mixed("Content-Type: message/rfc822\r\n\r\n" + head + clearPart(content, sig)),
		head + p7m + "\r\n" + certsOnly(tb),
		crlf(nested), "MIME-Version: 1.0\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe=\r\n, a=20\r\n", crlf(simple),
		"Content-Type: multipart/digest; boundary=\"a b\"\r\n\r\n--a b\r\n\r\nFrom: x\r\n\r\ny\r\n--a b--\r\n",
		strings.ReplaceAll(crlf(nested), "\r\n", "\n"),
	}
}

// FuzzVerify takes whole messages: always a report, good only over what was signed.
func FuzzVerify(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s))
	}
	for _, opaque := range []bool{false, true} {
		f.Add([]byte(sign(f, crlf(simple), SignOptions{Signers: []cms.Signer{hybrid(f)}, Opaque: opaque})))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := message.Read(bytes.NewReader(b), message.ReadOptions{})
		if err != nil {
			return
		}
		defer m.Close()
		r, err := Verify(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Signatures {
			if s.Integrity == IntegrityGood && (s.PublicKey == nil || s.Code != "") || s.Integrity != IntegrityGood && s.Code == "" || s.Part == "" || s.Covers == "" {
				t.Fatalf("%+v", s)
			}
		}
		Secured(m)
		if _, err := Explain(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzSign signs whatever it is given, or says why not; what it signed holds.
func FuzzSign(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s), false)
	}
	signer := dave()
	f.Fuzz(func(t *testing.T, b []byte, opaque bool) {
		m, err := message.Read(bytes.NewReader(b), message.ReadOptions{})
		if err != nil {
			return
		}
		defer m.Close()
		edit, err := Sign(t.Context(), m, SignOptions{Signers: []cms.Signer{signer}, Time: signedAt, Opaque: opaque})
		if err != nil {
			if _, ok := errors.AsType[*LimitError](err); !ok && !errors.Is(err, ErrAlreadySecured) && !errors.Is(err, ErrAmbiguous) {
				t.Fatal(err)
			}
			return
		}
		defer edit.Close()
		var out bytes.Buffer
		if _, err := m.WriteEdited(&out, edit); err != nil {
			t.Fatal(err)
		}
		r := verify(t, out.String())
		if len(r.Signatures) == 0 || r.Signatures[0].Integrity != IntegrityGood || r.Signatures[0].Covers != CoversMessage {
			t.Fatalf("%s of\n%s", summary(r), out.String())
		}
	})
}

// FuzzHeaderProtection compares arbitrary inner and outer headers.
func FuzzHeaderProtection(f *testing.F) {
	f.Add("Content-Type: text/plain; hp=\"clear\"\r\nFrom: a@example.org\r\n", "From: A <a@example.org>\r\nSubject: x\r\n")
	f.Add("Content-Type: text/plain; protected-headers=v1\r\nSubject: =?utf-8?q?=C3=BC?=\r\n", "Subject: ü\r\n")
	f.Add("Content-Type: message/rfc822\r\n\r\nFrom: b@example.org\r\n", "From: a@example.org\r\n")
	f.Fuzz(func(t *testing.T, inner, outer string) {
		entity, err := entity.WalkEntity(t.Context(), strings.NewReader(inner), int64(len(inner)), "")
		if err != nil {
			return
		}
		fields, _ := message.ParseHeader([]byte(outer))
		var s Signature
		p := readProtection(&layer{entity: entity, outer: fields})
		p.apply(&s)
		if s.HeaderProtection == ProtectionNone && (s.ProtectedFrom != nil || s.Differences != nil) {
			t.Fatalf("%+v", s)
		}
		same := readProtection(&layer{entity: entity, outer: p.fields})
		same.apply(&s)
		if len(s.Differences) != 0 {
			t.Fatalf("%q differ from themselves", s.Differences)
		}
	})
}
