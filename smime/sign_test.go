package smime

import (
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
