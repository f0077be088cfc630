package message

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mustRead(tb testing.TB, s string) *Message {
	tb.Helper()
	m, err := Read(strings.NewReader(s), ReadOptions{})
	if err != nil {
		tb.Fatalf("Read(%q): %v", s, err)
	}
	tb.Cleanup(func() { m.Close() })
	return m
}

func text(tb testing.TB, r io.Reader) string {
	tb.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in, out, body string
		fields              []string
	}{
		{"crlf", "From: a\r\nTo: b\r\n\r\nx\ny\r\n", "From: a\r\nTo: b\r\n\r\nx\ny\r\n", "x\ny\r\n", []string{"From", "To"}},
		{"unix", "From: a\nTo: b\n\nx\ny\r\n\rz", "From: a\r\nTo: b\r\n\r\nx\r\ny\r\n\rz", "x\r\ny\r\n\rz", []string{"From", "To"}},
		{"folded", "A: 1\r\n\t2\r\nB: 3\r\n\r\n", "A: 1\r\n\t2\r\nB: 3\r\n\r\n", "", []string{"A", "B"}},
		{"junk", "From x@y Mon\r\nA: 1\r\nB : 2\r\nno field\r\nC: 3\r\n\r\nb", "From x@y Mon\r\nA: 1\r\nB : 2\r\nno field\r\nC: 3\r\n\r\nb", "no field\r\nC: 3\r\n\r\nb", []string{"", "A", "B"}},
		{"no header", "\r\nbody", "\r\nbody", "body", nil},
		{"no body", "A: 1\r\nB: 2", "A: 1\r\nB: 2", "", []string{"A", "B"}},
		{"continuation first", " x\r\nA: 1\r\n\r\n", " x\r\nA: 1\r\n\r\n", " x\r\nA: 1\r\n\r\n", nil},
		{"one byte", "x", "x", "x", nil},
		{"bare LF in a header", "A: 1\r\nFrom: a\nFrom: b\r\n\r\n", "A: 1\r\nFrom: a\nFrom: b\r\n\r\n", "", []string{"A", "From", "From"}},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
			m, err := Read(r, ReadOptions{})
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			var names []string
			for _, f := range m.Header() {
				names = append(names, f.Name())
			}
			if diff := cmp.Diff(c.fields, names); diff != "" {
				t.Errorf("%s: fields (-want +got):\n%s", c.name, diff)
			}
			if got := text(t, m.Open()); got != c.out {
				t.Errorf("%s: whole = %q, want %q", c.name, got, c.out)
			}
			if got := text(t, m.Body()); got != c.body {
				t.Errorf("%s: body = %q, want %q", c.name, got, c.body)
			}
			m.Close()
		}
	}
}

func TestReadLimits(t *testing.T) {
	t.Parallel()
	header := "A: " + strings.Repeat("x", 1<<20-7) + "\r\n"
	for _, c := range []struct {
		name string
		in   io.Reader
		opts ReadOptions
		want error
	}{
		{"empty", strings.NewReader(""), ReadOptions{}, ErrMalformed},
		{"whole", strings.NewReader("A: 1\r\n\r\nxx"), ReadOptions{MaxBytes: 9}, ErrTooBig},
		{"whole fits", strings.NewReader("A: 1\r\n\r\nx"), ReadOptions{MaxBytes: 9}, nil},
		{"header", strings.NewReader(header + "B:" + "\r\n\r\n"), ReadOptions{}, ErrTooBig},
		{"header fits", strings.NewReader(header + "\r\n\r\n"), ReadOptions{}, nil},
		{"endless line", io.LimitReader(zeros{}, 3<<20), ReadOptions{}, ErrTooBig},
		{"reader", iotest.ErrReader(io.ErrClosedPipe), ReadOptions{}, io.ErrClosedPipe},
	} {
		m, err := Read(c.in, c.opts)
		if !errors.Is(err, c.want) {
			t.Errorf("Read(%s) = %v, want %v", c.name, err, c.want)
		}
		m.Close()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestFieldValues(t *testing.T) {
	t.Parallel()
	m := mustRead(t, "Subject :  one\r\n two \r\nTo:x\r\n\r\n")
	if got := m.First("subject"); got != "one two" {
		t.Errorf("First(subject) = %q", got)
	}
	if got := m.Header()[0].Value(); got != "  one\r\n two " {
		t.Errorf("Value = %q", got)
	}
	if m.First("Nothing") != "" || len(m.Fields("TO")) != 1 {
		t.Error("Fields or First")
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	m := mustRead(t, "From: A <a@example.org>\r\nFROM: b@example.org\r\nfrom: broken\r\n\r\n")
	as, err := m.From()
	if err == nil || len(as) != 2 || as[1].Local != "b" {
		t.Errorf("From = %v, %v", as, err)
	}
}

func TestWriteEdited(t *testing.T) {
	t.Parallel()
	body := NewSpool(0)
	io.WriteString(body, "new\r\n")
	for _, c := range []struct {
		name, in string
		edit     *Edit
		want     string
	}{
		{"nil", "A: 1\r\n\r\nb", nil, "A: 1\r\n\r\nb"},
		{"zero", "A: 1\r\n\r\nb", &Edit{}, "A: 1\r\n\r\nb"},
		{"order", "A: 1\r\nB: 1\r\na: 2\r\n\r\nb", &Edit{Changes: []Change{
			{Op: Insert, Name: "X", Value: " 1"},
			{Op: Append, Name: "Y", Value: " 1\r\n 2"},
			{Op: Delete, Name: "A", Index: 2},
			{Op: Insert, Name: "X", Value: " 2"},
			{Op: Append, Name: "Z", Value: " 3"},
		}}, "X: 1\r\nX: 2\r\nA: 1\r\nB: 1\r\nY: 1\r\n 2\r\nZ: 3\r\n\r\nb"},
		{"body", "A: 1\r\n\r\nb", &Edit{Body: body}, "A: 1\r\n\r\nnew\r\n"},
		{"body on none", "A: 1", &Edit{Body: body}, "A: 1\r\n\r\nnew\r\n"},
		{"no blank", "A: 1", &Edit{Changes: []Change{{Op: Append, Name: "B", Value: " 2"}}}, "A: 1\r\nB: 2\r\n"},
		{"stray line", "A: 1\r\nthe text\r\nB: 2\r\n", &Edit{Changes: []Change{{Op: Append, Name: "C", Value: " 3"}}}, "A: 1\r\nC: 3\r\n\r\nthe text\r\nB: 2\r\n"},
		{"stray line, new body", "A: 1\r\nthe text", &Edit{Body: body}, "A: 1\r\n\r\nnew\r\n"},
		{"stray line as it is", "A: 1\r\nthe text", nil, "A: 1\r\nthe text"},
		{"no header at all", "the text\r\n", &Edit{}, "\r\nthe text\r\n"},
		{"From with a space", "From : a\r\nA: 1\r\n\r\n", &Edit{Changes: []Change{{Op: Insert, Name: "B", Value: " 2"}, {Op: Delete, Name: "From", Index: 1}}}, "B: 2\r\nA: 1\r\n\r\n"},
		{"mbox line", "From x\r\nA: 1\r\n\r\n", &Edit{Changes: []Change{{Op: Insert, Name: "B", Value: " 2"}}}, "From x\r\nB: 2\r\nA: 1\r\n\r\n"},
	} {
		m := mustRead(t, c.in)
		var out bytes.Buffer
		n, err := m.WriteEdited(&out, c.edit)
		if err != nil || out.String() != c.want || n != int64(out.Len()) {
			t.Errorf("%s: %d, %v, %q, want %q", c.name, n, err, out.String(), c.want)
		}
	}
}

func TestSpool(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := NewSpool(0)
		defer s.Close()
		var want []byte
		for range rapid.IntRange(0, 6).Draw(t, "writes") {
			p := bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, rapid.IntRange(0, 200<<10).Draw(t, "size")*rapid.IntRange(1, 2).Draw(t, "times"))
			var n int64
			var err error
			switch rapid.SampledFrom([]string{"bytes", "text", "reader"}).Draw(t, "from") {
			case "bytes":
				n, err = count(s.Write(p))
			case "text":
				n, err = count(s.WriteString(string(p)))
			case "reader":
				rest := strings.NewReader(string(p) + "not this")
				if n, err = s.CopyN(iotest.HalfReader(rest), int64(len(p))); rest.Len() != len("not this") {
					t.Fatalf("%d bytes are left to be read", rest.Len())
				}
			}
			if n != int64(len(p)) || err != nil {
				t.Fatal(n, err)
			}
			want = append(want, p...)
			if len(s.tail) > spoolMemory {
				t.Fatalf("%d bytes in memory", len(s.tail))
			}
		}
		if rapid.Bool().Draw(t, "settle") {
			if err := s.finish(); err != nil || s.file != nil && s.block != nil {
				t.Fatalf("settle: %v, %d bytes in memory", err, len(s.tail))
			}
		}
		off := rapid.IntRange(0, len(want)).Draw(t, "offset")
		got, err := io.ReadAll(io.NewSectionReader(s, int64(off), s.Size()-int64(off)))
		if err != nil || !bytes.Equal(got, want[off:]) {
			t.Fatalf("%d bytes from %d: %v", len(got), off, err)
		}
		var out bytes.Buffer
		long := rapid.IntRange(0, len(want)-off).Draw(t, "length")
		if n, err := s.WriteRange(&out, int64(off), int64(long)); n != int64(long) || err != nil || !bytes.Equal(out.Bytes(), want[off:off+long]) {
			t.Fatalf("WriteRange(%d, %d) = %d, %v", off, long, n, err)
		}
	})
}

func count(n int, err error) (int64, error) { return int64(n), err }

// TestSpoolLimits wants what does not fit or is not there to be an error, and nothing to be taken
// for more than it is.
func TestSpoolLimits(t *testing.T) {
	t.Parallel()
	s := NewSpool(10)
	defer s.Close()
	r := strings.NewReader("12345678901")
	if n, err := s.CopyN(r, 11); n != 0 || r.Len() != 11 || !errors.Is(err, ErrTooBig) {
		t.Errorf("CopyN of 11 = %d, %v, %d bytes left", n, err, r.Len())
	}
	if n, err := s.CopyN(strings.NewReader("123"), 4); n != 3 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("CopyN beyond the end = %d, %v", n, err)
	}
	if n, err := s.CopyN(iotest.ErrReader(os.ErrDeadlineExceeded), 4); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("CopyN of a broken reader = %d, %v", n, err)
	}
	if n, err := s.WriteString("12345678"); n != 0 || !errors.Is(err, ErrTooBig) {
		t.Errorf("WriteString over the limit = %d, %v", n, err)
	}
	for _, c := range [][2]int64{{0, 4}, {-1, 1}, {3, 1}, {4, 0}, {0, -1}} {
		if n, err := s.WriteRange(io.Discard, c[0], c[1]); n != 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("WriteRange(%d, %d) of 3 bytes = %d, %v", c[0], c[1], n, err)
		}
	}
}

// TestSpoolMemoryPerMessage wants a message of a mail's usual size to be written out without memory
// of its own.
func TestSpoolMemoryPerMessage(t *testing.T) {
	m := mustRead(t, "From: a@example.org\r\n\r\n"+strings.Repeat("text\r\n", 700))
	if n := testing.AllocsPerRun(100, func() {
		if _, err := m.WriteEdited(io.Discard, nil); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	s := NewSpool(0)
	defer s.Close()
	s.Grow(1 << 10)
	if n := testing.AllocsPerRun(10, func() { s.WriteString("some text of a part\r\n") }); n > 0 {
		t.Errorf("WriteString: %v allocations", n)
	}
}

// TestSpoolMemory writes and closes many spools at a time: memory that one gives back is never
// another's.
func TestSpoolMemory(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for seed := range byte(4) {
		wg.Go(func() {
			var open []*Spool
			for n := range 200 {
				s := NewSpool(0)
				s.Grow(int64(n))
				for range n % 7 {
					if _, err := s.Write(bytes.Repeat([]byte{seed, byte(n)}, 137*n)); err != nil {
						t.Error(err)
					}
				}
				open = append(open, s)
				if len(open) < 5 {
					continue
				}
				last := n - len(open) + 1
				got, err := io.ReadAll(open[0].Open())
				if want := bytes.Repeat([]byte{seed, byte(last)}, 137*last*(last%7)); err != nil || !bytes.Equal(got, want) {
					t.Errorf("spool %d has %d other bytes, %v", last, len(got), err)
				}
				if err := errors.Join(open[0].Close(), open[0].Close()); err != nil {
					t.Error(err)
				}
				open = open[1:]
			}
		})
	}
	wg.Wait()
}

func TestSpoolClosed(t *testing.T) {
	t.Parallel()
	var none *Spool
	if none.Close() != nil || (*Edit)(nil).Close() != nil || (&Edit{}).Close() != nil {
		t.Error("Close of nil")
	}
	s := NewSpool(0)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error("Close:", err)
		}
	}
	if _, err := s.Write([]byte("x")); err == nil {
		t.Error("Write after Close")
	}
	if n, err := s.CopyN(strings.NewReader("x"), 1); n != 0 || err == nil {
		t.Errorf("CopyN after Close = %d, %v", n, err)
	}
	if _, err := s.ReadAt(make([]byte, 1), 0); err == nil || errors.Is(err, io.EOF) {
		t.Error("ReadAt after Close:", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("From: a\r\n b\r\nTo: c\r\n\r\nbody\r\n"))
	f.Add([]byte("From: a\n\nbody\n\r"))
	f.Add([]byte("\r\n"))
	f.Add([]byte(": :\r\n \r\nx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(bytes.NewReader(b), ReadOptions{})
		if err != nil {
			if header, ok := errors.AsType[*HeaderError](err); len(b) > 0 && (!ok || !bytes.Contains(b, []byte{header.Octet})) {
				t.Fatal(err)
			}
			return
		}
		defer m.Close()
		one, err := Read(iotest.OneByteReader(bytes.NewReader(b)), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer one.Close()
		whole := text(t, m.Open())
		if got := text(t, one.Open()); got != whole {
			t.Fatalf("one byte at a time %q, at once %q", got, whole)
		}
		var fields strings.Builder
		for _, h := range m.Header() {
			fields.Write(h.Raw)
			if !h.Is(h.Name()) && h.Name() != "" {
				t.Fatalf("Is(%q) of %q", h.Name(), h.Raw)
			}
		}
		if got := fields.String() + whole[fields.Len():m.BodyOffset()] + text(t, m.Body()); got != whole {
			t.Fatalf("fields, empty line and body are %q, the whole %q", got, whole)
		}
		m.From()
		var out bytes.Buffer
		if _, err := m.WriteEdited(&out, &Edit{}); err != nil {
			t.Fatal(err)
		}
		// A message that ends inside its header gets its last line end, and one without an
		// empty line that.
		want := whole
		if m.Stray() != "" {
			want = whole[:m.BodyOffset()] + "\r\n" + whole[m.BodyOffset():]
		}
		if got := out.String(); got != want && got != want+"\r\n" {
			t.Fatalf("unchanged edit gives %q, want %q", got, want)
		}
	})
}
