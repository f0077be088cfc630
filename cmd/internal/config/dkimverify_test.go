package config

import (
	"testing"

	"dnseal/lookup"
)

// TestDKIMVerify: DKIM is checked where [dkim] verify wants it, and by nothing else.
func TestDKIMVerify(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": false, "[dkim]\nverify = false\n": false, "[dkim]\nverify = true\n": true} {
		c, err := Load(write(t, t.TempDir(), text))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.ReceiverOptions(&lookup.Client{}, Verifying{}).DKIM != nil; got != want {
			t.Errorf("%q: checked %v", text, got)
		}
	}
}
