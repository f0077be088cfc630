package smime

import (
	"io"
	"strings"
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
			if sig.HeaderProtection != "clear" || len(sig.ProtectedFrom) != 1 || sig.ProtectedFrom[0].Local != "alice" || len(sig.Differences) > 0 {
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
			edit, err := Sign(m, SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt, Opaque: opaque})
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
