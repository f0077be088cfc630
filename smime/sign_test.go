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

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, msg string
		want      error
	}{
		{"signed", "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=x\r\n\r\n", ErrAlreadySecured},
		{"encrypted", "Content-Type: application/x-pkcs7-mime; smime-type=enveloped-data\r\n\r\n", ErrAlreadySecured},
		{"PGP", "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=x\r\n\r\n", ErrAlreadySecured},
		{"two types", "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx", ErrAmbiguous},
		{"two boundaries", "Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n--a\r\n\r\nx\r\n--a--", ErrAmbiguous},
	} {
		if _, err := Sign(t.Context(), mustRead(t, c.msg), SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestSignLimits(t *testing.T) {
	t.Parallel()
	for msg, what := range map[string]string{
		strings.Repeat("Content-X: y\r\n", 1000) + "\r\nx": "content-fields",
		mixed(make([]string, 10000)...):                    "parts",
		deep(40):                                           "depth",
	} {
		_, err := Sign(t.Context(), mustRead(t, msg), SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt})
		if over, ok := errors.AsType[*LimitError](err); !ok || over.What != what {
			t.Errorf("Sign = %v, want a limit of %s", err, what)
		}
	}
}
