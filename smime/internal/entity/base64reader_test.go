package entity

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func readBase64(text string) (data []byte, tail bool, err error) {
	lines := NewLineReader(context.Background(), strings.NewReader(text), 0, int64(len(text)))
	defer lines.Close()
	r := newBase64Reader(lines)
	defer r.Close()
	if data, err = io.ReadAll(iotest.HalfReader(r)); err != nil {
		return nil, false, err
	}
	tail, err = r.tailed()
	return data, tail, err
}

// Base64 in lines of any length, with any line ends, gives the octets it was made of.
func TestBase64Reader(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), 1, 60).Draw(t, "seed")
		want := bytes.Repeat(seed, rapid.IntRange(1, 3000).Draw(t, "times"))
		width := rapid.SampledFrom([]int{1, 3, 4, 60, 64, 73, 76, 77, 1000, 70000, 1 << 20}).Draw(t, "width")
		eol := rapid.SampledFrom([]string{"\r\n", "\n", " \r\n", "\t\n"}).Draw(t, "line end")
		text := base64.StdEncoding.EncodeToString(want)
		if rapid.Bool().Draw(t, "no padding") {
			text = strings.TrimRight(text, "=")
		}
		var b strings.Builder
		b.WriteString(rapid.SampledFrom([]string{"", "\r\n", "\n\n"}).Draw(t, "start"))
		for len(text) > width {
			b.WriteString(text[:width] + eol)
			text = text[width:]
		}
		b.WriteString(text)
		footer := rapid.SampledFrom([]string{"", "\r\n", "\r\n\r\n\r\n", "\r\n\r\nfooter\r\n", "\r\n-- \r\nlist\r\n"}).Draw(t, "footer")
		got, tail, err := readBase64(b.String() + footer)
		if err != nil || !bytes.Equal(got, want) || tail != (strings.TrimSpace(footer) != "") {
			t.Fatalf("%d octets, tail %v, %v, want %d octets", len(got), tail, err, len(want))
		}
	})
}

func TestBase64ReaderRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"A", "AAAA\r\nA"} {
		got, _, err := readBase64(text)
		if err == nil && len(got) > 3 {
			t.Errorf("%q: %q", text, got)
		}
	}
	if _, _, err := readBase64("A"); !errors.Is(err, ErrBase64) {
		t.Errorf("one character: %v, want %v", err, ErrBase64)
	}
	// Lines as long as the first, of which one is none.
	good := strings.Repeat("A", 76) + "\r\n"
	for _, bad := range []string{strings.Repeat("!", 76), strings.Repeat("A", 75) + "!", strings.Repeat("A", 70) + "\nAAAAA"} {
		got, _, err := readBase64(good + good + good + bad + "\r\n" + good)
		if err == nil && len(got) == 5*57 {
			t.Errorf("%q was taken", bad)
		}
	}
}

// A footer behind base64 without padding is none of it, however long its lines are.
func TestBase64ReaderFooter(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"AA\r\n-- \r\nlist\r\n", "AAA\r\n---\r\n", "AAAA\r\n----\r\n", "AAAA\r\nAA\r\n----\r\n"} {
		want := strings.Count(text, "A") * 3 / 4
		got, tail, err := readBase64(text)
		if err != nil || len(got) != want || !tail {
			t.Errorf("%q: %d octets, tail %v, %v, want %d octets", text, len(got), tail, err, want)
		}
	}
}
