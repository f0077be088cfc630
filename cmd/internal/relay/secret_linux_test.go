package relay

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/smime"
	"dnseal/smime/message"
)

// TestSevenBitSecret: what was decrypted is on disk in no form that can be read, also where it is
// converted for the next hop.
func TestSevenBitSecret(t *testing.T) {
	t.Parallel()
	const secret = "R3LDvMOfZSBmcm9tIHRoZSBodW50"
	body := message.NewSecretSpool(0)
	_, err := body.WriteString("Content-Type: application/octet-stream\r\n\r\n" + strings.Repeat(secret+"\r\n", 40_000))
	if err == nil {
		_, err = body.WriteString("Grüße\r\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Read(strings.NewReader("From: a@example.org\r\nMIME-Version: 1.0\r\n\r\n"), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e := &message.Edit{Body: body}
	defer e.Close()
	s := &session{srv: &Server{opts: Options{SevenBit: smime.SevenBit}}}
	whole, edit, err := s.to7Bit(t.Context(), m, e)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	defer edit.Close()
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		target, err := os.Readlink(name)
		if err != nil || !strings.HasSuffix(target, "(deleted)") {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			continue // another test closed it
		}
		text, err := io.ReadAll(f)
		_ = f.Close()
		if err == nil && bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s has what was decrypted", target)
		}
	}
}
