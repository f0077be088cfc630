package receiver

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"dnseal/smime"
	"dnseal/smime/message"
)

// readMail reads a message of these header lines.
func readMail(t *testing.T, lines ...string) *message.Message {
	t.Helper()
	m, err := message.Read(strings.NewReader(strings.Join(lines, "\r\n")+"\r\n\r\n"), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestBindingWithoutName: a signature without a name speaks for the protected From, or by the key
// alone for the outer one where no certificate came along.
func TestBindingWithoutName(t *testing.T) {
	t.Parallel()
	alice := message.Address{Local: "alice", Domain: "example.org"}
	bob := message.Address{Local: "bob", Domain: "example.org"}
	unreadable := errors.New("cannot be read")
	for _, tt := range []struct {
		name       string
		protection smime.HeaderProtection
		inner      []message.Address
		innerErr   error
		keyless    bool
		want       Code
	}{
		{"protected From", smime.ProtectionClear, []message.Address{alice}, nil, false, ""},
		{"another protected From", smime.ProtectionClear, []message.Address{bob}, nil, false, CodeFromRewritten},
		{"no header protection", smime.ProtectionNone, nil, nil, false, CodeNoName},
		{"no protected From", smime.ProtectionLegacy, nil, nil, false, CodeNoName},
		{"no header protection, no certificate", smime.ProtectionNone, nil, nil, true, ""},
		{"no protected From, no certificate", smime.ProtectionLegacy, nil, nil, true, ""},
		{"no protected From by RFC 9788, no certificate", smime.ProtectionClear, nil, nil, true, CodeInnerFromMismatch},
		{"unreadable protected From, no certificate", smime.ProtectionLegacy, nil, unreadable, true, CodeInnerFromMismatch},
	} {
		sc := &signatureCheck{
			verification: &verification{receiver: &Receiver{}, message: readMail(t, "From: alice@example.org"), report: &Report{from: []message.Address{alice}}},
			sig:          &smime.Signature{ProtectedFrom: tt.inner, ProtectedFromErr: tt.innerErr},
			out:          &SignatureReport{HeaderProtection: tt.protection, Binding: BindingNone},
			keyless:      tt.keyless,
		}
		sc.claim = sc.claimed()
		sc.bind()
		if got := sc.binding(); got.code != tt.want || (got.verdict == Pass) != (tt.want == "") {
			t.Errorf("%s: %s %q (%s), want %q", tt.name, got.verdict, got.code, got.reason, tt.want)
		}
	}
}

// TestResentBy: RFC 5322, Section 3.6.6.
func TestResentBy(t *testing.T) {
	t.Parallel()
	for header, want := range map[string][]string{
		"From: a@example.org": nil,
		"Resent-From: b@example.org\r\nResent-Sender: c@example.org":                    {"b@example.org"},
		"Resent-Sender: C <c@example.org>":                                              {"c@example.org"},
		"Resent-From: no address":                                                       {"no address"},
		"Resent-From: " + strings.Repeat("d@example.org, ", 5) + "e@example.org":        slices.Repeat([]string{"d@example.org"}, 4),
		strings.TrimSuffix(strings.Repeat("Resent-From: d@example.org\r\n", 5), "\r\n"): slices.Repeat([]string{"d@example.org"}, 4),
	} {
		if got := resentBy(readMail(t, header)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}
