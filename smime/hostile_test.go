package smime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// A message cut off anywhere is judged, and no signature is good before all of what is signed and
// of it is there.
func TestTruncated(t *testing.T) {
	t.Parallel()
	sig := p7s + detached(t, content, alice())
	opaque := head + p7m + "\r\n" + attached(t, content, alice())
	for _, c := range []struct{ whole, last string }{
		{head + clearPart(content, sig), "--S--"},
		{opaque, strings.TrimRight(opaque, "=\r\n")}, // padding says nothing
		{mixed(clearPart(content, sig), "\r\nfooter"), "--S--"},
	} {
		needed := strings.Index(c.whole, c.last) + len(c.last)
		for n := 1; n <= len(c.whole); n++ {
			m, err := readString(c.whole[:n])
			if err != nil {
				t.Fatalf("the first %d octets: %v", n, err)
			}
			r, err := Verify(t.Context(), m)
			if err != nil {
				t.Fatalf("the first %d octets: %v", n, err)
			}
			good := slices.ContainsFunc(r.Signatures, func(s *Signature) bool { return s.Integrity == IntegrityGood })
			if good && n < needed || !good && n == len(c.whole) {
				t.Errorf("the first %d octets of %d, where %d are needed: good is %v in %s", n, len(c.whole), needed, good, summary(r))
			}
			m.Close()
		}
	}
}

// Every octet of what is signed counts.
func TestEveryOctetCounts(t *testing.T) {
	t.Parallel()
	sig := p7s + detached(t, content, alice())
	whole := head + clearPart(content, sig)
	at := strings.Index(whole, content)
	for i := at; i < at+len(content); i++ {
		changed := []byte(whole)
		changed[i] ^= 0x20
		if broken(verify(t, string(changed))) == "" {
			t.Errorf("with octet %d changed: %q holds", i-at, changed[at:at+len(content)])
		}
	}
}

// An endless line, an endless header, NULs: a verdict in bounded memory and time.
func TestEndless(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, start, repeat string
	}{
		{"line", head + "\r\n", "x"},
		{"line in multipart/signed", head + signedType + "\r\n--S\r\n\r\n", "x"},
		{"part header", head + signedType + "\r\n--S\r\n", "x"},
		{"part header fields", head + signedType + "\r\n--S\r\n", "X: y\r\n"},
		{"NUL", head + "\r\n", "\x00"},
		{"dashes", head + signedType + "\r\n--S\r\n\r\n", "-"},
		{"boundaries", head + signedType + "\r\n", "--S\r\n\r\n"},
		{"opaque", head + p7m + "\r\n", "MIAG"},
		{"opaque, one line of base64", head + p7m + "\r\nMII", "A"},
		{"empty lines", head + signedType + "\r\n--S\r\n\r\n", "\r\n"},
		{"white space", head + "Content-Transfer-Encoding: quoted-printable\r\n\r\n", " "},
		{"equals signs", head + "Content-Transfer-Encoding: quoted-printable\r\n\r\n", "="},
	} {
		m, err := message.Read(io.LimitReader(io.MultiReader(strings.NewReader(c.start), endless(c.repeat)), 8<<20), message.ReadOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		start := time.Now()
		r, err := Verify(t.Context(), m)
		if err != nil || broken(r) == "" {
			t.Errorf("%s: Verify: %v", c.name, err)
		}
		edit, err := Sign(t.Context(), m, SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt})
		if _, over := errors.AsType[*LimitError](err); err != nil && !over && !errors.Is(err, ErrAlreadySecured) {
			t.Errorf("%s: Sign: %v", c.name, err)
		}
		edit.Close()
		// a guard against hanging: it is some seconds at most
		if d := time.Since(start); d > 5*time.Minute {
			t.Errorf("%s: %v", c.name, d)
		}
		m.Close()
	}
}

// A header of nothing but parameters, in pieces of RFC 2231 or not: what takes time with the cube
// of their number would take minutes, and run into the time limit of the test run.
func TestManyParameters(t *testing.T) {
	t.Parallel()
	pieces, many := "", ""
	for i := range 3500 {
		pieces += fmt.Sprintf(";\r\n name*%d=a", i)
		many += fmt.Sprintf(";\r\n p%d=a", i)
	}
	whole := head + clearPart(content, p7s+detached(t, content, alice()))
	for _, params := range []string{pieces, many} {
		for _, place := range []string{"boundary=S", "name=smime.p7s"} {
			text := strings.Replace(whole, place, place+params, 1)
			if r := verify(t, text); broken(r) == "" {
				t.Errorf("parameters after %s: %s", place, summary(r))
			}
			edit, err := Sign(t.Context(), mustRead(t, strings.Replace(text, "multipart/signed", "multipart/mixed", 1)), SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt})
			if err == nil {
				edit.Close()
			}
		}
	}
}

// endless repeats a string for ever.
func endless(s string) io.Reader {
	return &repeater{bytes.Repeat([]byte(s), 64<<10/len(s)), 0}
}

type repeater struct {
	data []byte
	at   int
}

func (r *repeater) Read(p []byte) (int, error) {
	n := copy(p, r.data[r.at:])
	r.at = (r.at + n) % len(r.data)
	return n, nil
}

func TestVerifyStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := mustRead(t, head+clearPart(content, p7s+detached(t, content, alice())))
	if _, err := Verify(ctx, m); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify = %v, want %v", err, context.Canceled)
	}
	if _, err := Explain(ctx, m); !errors.Is(err, context.Canceled) {
		t.Errorf("Explain = %v, want %v", err, context.Canceled)
	}
}

// brokenDisk is a source that cannot be read to its end.
type brokenDisk struct{ io.ReaderAt }

var errDisk = errors.New("input/output error")

func (d brokenDisk) ReadAt(p []byte, off int64) (int, error) {
	if off >= 64<<10 {
		return 0, errDisk
	}
	return d.ReaderAt.ReadAt(p, off)
}

func TestTroubleOfThisMachine(t *testing.T) {
	t.Parallel()
	text := head + clearPart(strings.Repeat("x", 100<<10), "")
	src := brokenDisk{strings.NewReader(text)}
	if _, err := entity.WalkEntity(t.Context(), src, int64(len(text)), ""); !errors.Is(err, errDisk) {
		t.Errorf("walkEntity = %v, want %v", err, errDisk)
	}
	if err := entity.CopyRange(t.Context(), io.Discard, src, 0, int64(len(text))); !errors.Is(err, errDisk) {
		t.Errorf("copyRange = %v, want %v", err, errDisk)
	}
	if err := entity.CopyRange(t.Context(), io.Discard, strings.NewReader("x"), 0, 2); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("copyRange beyond the end = %v, want %v", err, io.ErrUnexpectedEOF)
	}
	p := &entity.Part{Body: 70 << 10, End: 80 << 10, CTE: "base64"}
	if _, _, err := entity.ReadCMS(t.Context(), src, p, nil); !errors.Is(err, errDisk) {
		t.Errorf("readCMS = %v, want %v", err, errDisk)
	}
}

// Memory does not grow with the message: not parallel, because the heap is everybody's.
func TestConstantMemory(t *testing.T) { //nolint:paralleltest // see above
	const size, most = 16 << 20, 8 << 20
	line := strings.Repeat("QUJD", 19) + "\r\n"
	for _, opaque := range []bool{false, true} {
		for _, c := range []struct{ name, start, repeat string }{
			{"text", head + "\r\n", "The quick brown fox jumps over the lazy dog.\r\n"},
			{"8-bit text", head + "Content-Type: text/plain; charset=utf-8\r\n\r\n", "Zwölf Boxkämpfer jagen Viktor quer über den Deich. \r\n"},
			{"base64", head + "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n", line},
			{"binary", head + "Content-Type: application/pdf\r\n\r\n", "\x00\xff\n"},
		} {
			m, err := message.Read(io.LimitReader(io.MultiReader(strings.NewReader(c.start), endless(c.repeat)), size), message.ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			peak := peakHeap(t, func() {
				edit, err := Sign(t.Context(), m, SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt, Opaque: opaque})
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				defer edit.Close()
				signed := message.NewSpool(0)
				if _, err = m.WriteEdited(signed, edit); err != nil {
					t.Fatal(err)
				}
				out, err := message.FromSpool(signed, message.ReadOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer out.Close()
				r, err := Verify(t.Context(), out)
				if err != nil || broken(r) != "" {
					t.Fatalf("%s: %v", c.name, err)
				}
			})
			m.Close()
			t.Logf("%s: %d KiB", c.name, peak>>10)
			if peak > most {
				t.Errorf("%s, opaque %v: %d MiB of heap for a message of %d MiB", c.name, opaque, peak>>20, size>>20)
			}
		}
	}
}

// peakHeap is how far the heap grew while do ran.
func peakHeap(t *testing.T, do func()) uint64 {
	t.Helper()
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	peak := uint64(0)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return peak
		case <-ticker.C:
			runtime.ReadMemStats(&now)
			if now.HeapAlloc > before.HeapAlloc {
				peak = max(peak, now.HeapAlloc-before.HeapAlloc)
			}
		}
	}
}
