package smime

import "testing"

// The examples of RFC 6376, Section 3.4.5 and 3.4.3.
func TestCanonicalBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body, relaxed, simple string
	}{
		{" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n", " C \r\nD \t E\r\n"},
		{"", "", "\r\n"},
		{"\r\n\r\n", "", "\r\n"},
		{"x", "x\r\n", "x\r\n"},
		{"x\t", "x\r\n", "x\t\r\n"},
	} {
		if got := string(canonicalBody([]byte(c.body), true)); got != c.relaxed {
			t.Errorf("relaxed of %q = %q, want %q", c.body, got, c.relaxed)
		}
		if got := string(canonicalBody([]byte(c.body), false)); got != c.simple {
			t.Errorf("simple of %q = %q, want %q", c.body, got, c.simple)
		}
	}
}

func TestSealTags(t *testing.T) {
	t.Parallel()
	const (
		ofNothing = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
		ofCRLF    = "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="
		ofX       = "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE="
	)
	for _, c := range []struct {
		value, body string
		fits        bool
	}{
		{"v=1; a=rsa-sha256; bh=" + ofNothing + "; c=relaxed/relaxed", "", true},
		{"v=1; a=ed25519-sha256; bh=47DEQpj8 HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; c=x/relaxed; l=5", "\r\n", true},
		{"v=1; a=rsa-sha256; bh=" + ofNothing, "", false},
		{"v=1; a=rsa-sha256; bh=" + ofCRLF, "", true},
		{"v=1; a=rsa-sha256; l=1; bh=" + ofX, "x\r\nmore", true},
		{"v=1; a=rsa-sha256; l=2; bh=" + ofX, "x\r\nmore", false},
	} {
		s, ok := parseBodyHash(c.value)
		if got := s.matches([]byte(c.body)); !ok || got != c.fits {
			t.Errorf("%s: read %v, fits %q: %v, want %v", c.value, ok, c.body, got, c.fits)
		}
	}
	for _, value := range []string{"", "a=rsa-sha1; bh=" + ofX, "bh=x", "bh=" + ofX + "; l=-1", "bh=" + ofX + "; l=x"} {
		if _, ok := parseBodyHash(value); ok {
			t.Errorf("%q was taken", value)
		}
	}
}
