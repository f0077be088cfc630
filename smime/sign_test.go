package smime

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"dnseal/smime/cms"
)

const simple = `From: Alice <alice@example.org>
To: bob@example.net
Bcc: secret@example.net
Subject: Grüße
Date: Tue, 24 Nov 2026 10:00:00 +0000
Message-ID: <1@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Hällo,
From here on: trailing ` + `
.
end
`

func TestSignVerify(t *testing.T) {
	t.Parallel()
	for _, opaque := range []bool{false, true} {
		for _, s := range []cms.Signer{alice(), bob(), carol(), dave()} {
			out := sign(t, crlf(simple), SignOptions{Signers: []cms.Signer{s}, Opaque: opaque, FullSelfCheck: true})
			sig := holds(t, out).Signatures[0]
			if sig.HeaderProtection != ProtectionClear || len(sig.ProtectedFrom) != 1 || sig.ProtectedFrom[0].Local != "alice" || len(sig.Differences) > 0 {
				t.Errorf("header protection %q of %v, differences %q", sig.HeaderProtection, sig.ProtectedFrom, sig.Differences)
			}
		}
	}
}

// The message that is signed stays as it is in memory.
func TestSignChangesNothing(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{simple, strings.Replace(simple, "charset=utf-8", "charset=utf-8"+strings.Repeat(";", 40), 1), nested} {
		m, err := readString(crlf(raw))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for _, opaque := range []bool{false, true} {
			edit, err := Sign(t.Context(), m, SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt, Opaque: opaque})
			if err != nil {
				t.Fatal(err)
			}
			edit.Close()
			var now strings.Builder
			for _, f := range m.Header() {
				now.Write(f.Raw)
			}
			now.WriteString("\r\n")
			if _, err := io.Copy(&now, m.Body()); err != nil {
				t.Fatal(err)
			}
			if now.String() != crlf(raw) {
				t.Errorf("the message became %q", now.String())
			}
		}
	}
}

// cancelling ends a context after some bytes were read.
type cancelling struct {
	io.ReaderAt
	left   atomic.Int64
	cancel context.CancelFunc
}

func (c *cancelling) ReadAt(p []byte, off int64) (int, error) {
	if c.left.Add(-int64(len(p))) < 0 {
		c.cancel()
	}
	return c.ReaderAt.ReadAt(p, off)
}

// TestSignEnds wants the end of a context to end a signing, also in the middle of a large body, in
// both forms.
func TestSignEnds(t *testing.T) {
	t.Parallel()
	text := crlf("From: alice@example.org\nSubject: x\n\n") + strings.Repeat("a line of text \r\n", 1<<17)
	for _, opaque := range []bool{false, true} {
		for _, after := range []int64{0, 1 << 20, 3 << 20} {
			m := mustRead(t, text)
			ctx, cancel := context.WithCancel(t.Context())
			src := &cancelling{ReaderAt: m.Open(), cancel: cancel}
			src.left.Store(after)
			s := &signing{
				ctx: ctx, m: m, src: io.NewSectionReader(src, 0, m.Size()),
				opts: SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt, Opaque: opaque},
			}
			if edit, err := s.run(); !errors.Is(err, context.Canceled) || edit != nil {
				t.Errorf("opaque %v, after %d bytes: %v, %v, want %v", opaque, after, edit, err, context.Canceled)
			}
			cancel()
		}
	}
}
