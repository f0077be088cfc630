package message

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// What a secret spool writes to its file is not what was written to it, and is read back as it was
// at every place.
func TestSecretSpool(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("Attack at dawn. "), 60_000)
	s := NewSecretSpool(0)
	defer s.Close()
	for p := text; len(p) > 0; {
		n := min(len(p), 1+rand.IntN(100_000))
		if _, err := s.Write(p[:n]); err != nil {
			t.Fatal(err)
		}
		p = p[n:]
	}
	file := make([]byte, s.flushed)
	if _, err := s.file.ReadAt(file, 0); err != nil {
		t.Fatal(err)
	}
	if len(file) < 256<<10 || bytes.Contains(file, []byte("dawn")) {
		t.Fatalf("%d octets in the file, in clear: %t", len(file), bytes.Contains(file, []byte("dawn")))
	}
	for range 200 {
		off, n := rand.IntN(len(text)), rand.IntN(70_000)
		got := make([]byte, n)
		k, err := s.ReadAt(got, int64(off))
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if want := text[off:min(len(text), off+n)]; !bytes.Equal(got[:k], want) {
			t.Fatalf("at %d, %d octets: not what was written", off, n)
		}
	}
	var all bytes.Buffer
	if _, err := s.WriteRange(&all, 0, s.Size()); err != nil || !bytes.Equal(all.Bytes(), text) {
		t.Fatal("not what was written", err)
	}
}

// The memory of a secret spool is empty when another spool has it.
func TestSecretSpoolWipes(t *testing.T) {
	t.Parallel()
	block := []byte("Attack at dawn.") // of a size that goes to no other spool
	s := NewSecretSpool(0)
	s.block, s.tail = &block, block
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(block, []byte("dawn")) {
		t.Fatal("the memory still has the text")
	}
}
