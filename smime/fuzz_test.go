package smime

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
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
		crlf(nested), crlf(fragile), crlf(simple),
		"Content-Type: multipart/digest; boundary=\"a b\"\r\n\r\n--a b\r\n\r\nFrom: x\r\n\r\ny\r\n--a b--\r\n",
		strings.ReplaceAll(crlf(nested), "\r\n", "\n"),
	}
}

// checkParts holds what is true of every tree of parts: ranges lie inside one another, in order,
// and what stands between them belongs to the part around.
func checkParts(t *testing.T, p *entity.Part, size int64) {
	t.Helper()
	if p.Start < 0 || p.Body < p.Start || p.Body > size || p.End > size {
		t.Fatalf("part %s from %d, body from %d to %d of %d", p.Number, p.Start, p.Body, p.End, size)
	}
	at := min(p.Body, p.End) // for a part without a body the end comes first: see part
	for _, k := range p.Kids {
		if k.Start < at || max(k.Start, k.End) > max(p.Body, p.End) || k.Parent != p {
			t.Fatalf("part %s from %d to %d in %s from %d to %d", k.Number, k.Start, k.End, p.Number, p.Body, p.End)
		}
		at = max(k.Start, k.End)
		checkParts(t, k, size)
	}
}

// FuzzWalk splits an entity into its parts, and writes them again: byte for byte the same.
func FuzzWalk(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		src := bytes.NewReader(b)
		root, err := entity.WalkEntity(t.Context(), src, int64(len(b)), "")
		if err != nil {
			if _, ok := errors.AsType[*LimitError](err); !ok {
				t.Fatal(err)
			}
			return
		}
		checkParts(t, root, int64(len(b)))
		out := message.NewSpool(0)
		defer out.Close()
		e := transit.Emitter{Ctx: t.Context(), Src: src, W: out}
		if err := e.Copy(0, root.Body); err != nil {
			t.Fatal(err)
		}
		if _, err := writeAgain(&e, root, root.Body); err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(out.Open()); !bytes.Equal(got, b) {
			t.Fatalf("written again:\n%q\nwant\n%q", got, b)
		}
		sameWhenMeasured(t, b, root)
	})
}

// writeAgain writes from at to the end of a part by the ranges of the parts in it, and returns how
// far it came: a part without a body may end before the empty line behind its header, which then is
// the line end of the boundary too.
func writeAgain(e *transit.Emitter, p *entity.Part, at int64) (int64, error) {
	for _, k := range p.Kids {
		if err := e.Copy(at, max(0, k.Start-at)); err != nil {
			return 0, err
		}
		var err error
		if at, err = writeAgain(e, k, max(at, k.Start)); err != nil {
			return 0, err
		}
	}
	end := max(at, p.Body, p.End)
	return end, e.Copy(at, end-at)
}

// sameWhenMeasured wants the parts that are found line by line.
func sameWhenMeasured(t *testing.T, b []byte, want *entity.Part) {
	t.Helper()
	w := &entity.Walker{Root: &entity.Part{Body: int64(len(b))}, Reading: true, Parts: 1, Measure: true}
	w.Open = []*entity.Part{w.Root}
	root, err := w.Run(t.Context(), bytes.NewReader(b), 0, int64(len(b)))
	if err != nil || shape(root) != shape(want) {
		t.Fatalf("measured: %v, %s, want %s", err, shape(root), shape(want))
	}
}

func shape(p *entity.Part) string {
	if p == nil {
		return ""
	}
	s := p.Type.Name + "["
	for _, k := range p.Kids {
		off, n := k.SignedRange()
		s += string(rune('0'+off%10)) + string(rune('0'+n%10)) + shape(k)
	}
	return s + "]"
}

// FuzzVerify takes whole messages: always a report, good only over what was signed.
func FuzzVerify(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s))
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
		for _, field := range fields {
			checkSafeField(t, field)
		}
	})
}

// checkSafeField wants a field that survives transit to be one field of the same name, and safe
// when it is looked at again.
func checkSafeField(t *testing.T, f message.Field) {
	t.Helper()
	raw, err := transit.CopyOfField(f)
	if err != nil || f.Name() == "" {
		return
	}
	again, _ := message.ParseHeader(raw)
	if len(again) != 1 || !again[0].Is(f.Name()) {
		t.Fatalf("%q became %q", f.Raw, raw)
	}
	if h := transit.FieldHazards(raw) & entity.Breaking &^ entity.Has8bit; h != 0 {
		t.Fatalf("%q became %q: %s", f.Raw, raw, h)
	}
}

// FuzzMediaType reads and writes Content-Type values.
func FuzzMediaType(f *testing.F) {
	for _, s := range []string{
		"text/plain", "text/plain; charset=utf-8", `multipart/mixed; boundary="a\"b"; x=y`, "a/b; (c) n*0=x; n*1=y", "a/b; n*=utf-8''%C3%BC", "text/plain (c; hp=clear", ";", "a/b; n=\"x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := entity.ParseMediaType(s)
		if a.Ambiguous || a.Name == "" || strings.ContainsAny(s, "\r\n\x00") {
			return
		}
		b := entity.ParseMediaType(a.String())
		if b.Name != a.Name || b.Ambiguous {
			t.Fatalf("%q became %q", s, a.String())
		}
		for _, p := range a.Params {
			if !strings.Contains(p.Name, "*") && entity.IsASCII(p.Value) && b.Get(p.Name) != p.Value {
				t.Fatalf("%q became %q: %s", s, a.String(), p.Name)
			}
		}
	})
}

// FuzzQuotedPrintable wants the encoder's output to decode to its input, and to be safe.
func FuzzQuotedPrintable(f *testing.F) {
	for _, s := range []string{"Grüße \r\n", "From x\r\n.\r\n", strings.Repeat("x ", 60), "a=b=\r\n=3d\r\n", "\x00\xff\r"} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, repair bool) {
		var out bytes.Buffer
		q := transit.QPWriter{W: &out, Repair: repair}
		lines := entity.NewLineReader(context.Background(), strings.NewReader(s), 0, int64(len(s)))
		defer lines.Close()
		var canonical strings.Builder
		for {
			l, err := lines.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err = errors.Join(err, q.Line(l), transit.WriteCanonical(&canonical, l)); err != nil {
				t.Fatal(err)
			}
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		var m entity.Meter
		check := entity.NewLineReader(context.Background(), bytes.NewReader(out.Bytes()), 0, int64(out.Len()))
		defer check.Close()
		for l, err := check.Next(); err == nil; l, err = check.Next() {
			m.Add(l)
		}
		if m.Hazards != 0 {
			t.Fatalf("%q became %q: %s", s, out.String(), m.Hazards)
		}
		if repair {
			return
		}
		got, err := io.ReadAll(quotedprintable.NewReader(&out))
		if err != nil || string(got) != canonical.String() {
			t.Fatalf("%q decodes to %q, %v", canonical.String(), got, err)
		}
	})
}
