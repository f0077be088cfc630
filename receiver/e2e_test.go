package receiver_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
)

// story is the whole way once: an identity made on disk, its record in a signed zone, a message
// signed with it.
type story struct {
	zone     string
	signed   []byte
	off, end int // the bytes that are signed
}

const letter = "From: Alice <alice@example.org>\nTo: bob@example.com\nSubject: Grüße\nMIME-Version: 1.0\n" +
	"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nSchöne Grüße  \nFrom here on.\n.\n"

const withAttachment = "From: Alice <alice@example.org>\nSubject: Files\nMIME-Version: 1.0\n" +
	"Content-Type: multipart/mixed; boundary=\"in\"\n\n--in\nContent-Type: text/plain\n\nSee below.\n" +
	"--in\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\nAAECAwQ=\n--in--\n"

func newStory(t *testing.T, text, algorithm string, opts smime.SignOptions) story {
	t.Helper()
	id, err := identity.Create(t.TempDir(), "alice@example.org", identity.CreateOptions{Algorithm: algorithm, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	owner, typ, err := id.OwnerName()
	if err != nil {
		t.Fatal(err)
	}
	r, err := id.Record(3, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	line, err := identity.FormatRecord(owner, typ, r, 0, "rfc3597")
	if err != nil {
		t.Fatal(err)
	}
	m := parse(t, text)
	opts.Time = clock
	edit, err := sender.SignMessage(t.Context(), m, []*identity.Identity{id}, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err := m.WriteEdited(&out, edit); err != nil {
		t.Fatal(err)
	}
	s := story{zone: "; zone example.org.\n" + line + "\n", signed: out.Bytes()}
	if !opts.Opaque {
		whole := out.String()
		boundary := "\r\n--" + boundaryParameter.FindStringSubmatch(whole)[1]
		s.off = strings.Index(whole, boundary) + len(boundary) + len("\r\n")
		s.end = s.off + strings.Index(whole[s.off:], boundary)
	}
	return s
}

func verify(t *testing.T, r *receiver.Receiver, text []byte) *receiver.Report {
	t.Helper()
	return judgeText(t, r, text)
}

func TestWholeWay(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"p256", "p384", "rsa2048", "ed25519"} {
		for _, opaque := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s opaque=%v", algorithm, opaque), func(t *testing.T) {
				t.Parallel()
				s := newStory(t, letter, algorithm, smime.SignOptions{Opaque: opaque})
				if report := verify(t, newReceiver(t, serve(t, []byte(s.zone)), options{}), s.signed); report.Verdict != receiver.Pass || report.ProtectedFrom != "alice@example.org" {
					t.Errorf("%s, %s: %s", report.Verdict, report.Code, report.Reason)
				}
			})
		}
	}
}

// TestEveryByte: no byte of what is signed can be changed.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	for _, text := range []string{letter, withAttachment} {
		s := newStory(t, text, "p256", smime.SignOptions{})
		if s.end-s.off < 200 || !bytes.Contains(s.signed[s.off:s.end], []byte("Subject:")) {
			t.Fatalf("the signed part is not [%d, %d)", s.off, s.end)
		}
		r := newReceiver(t, serve(t, []byte(s.zone)), options{})
		for i := s.off; i < s.end; i++ {
			changed := bytes.Clone(s.signed)
			changed[i] ^= 1
			if report := verify(t, r, changed); report.Verdict != receiver.Fail {
				t.Errorf("byte %d (%q): %s, %s", i, s.signed[i], report.Verdict, report.Code)
			}
		}
	}
}

// TestAnyByte: no byte of the message can be changed so that another author or another text passes.
func TestAnyByte(t *testing.T) {
	t.Parallel()
	s := newStory(t, letter, "p256", smime.SignOptions{})
	r := newReceiver(t, serve(t, []byte(s.zone)), options{})
	for i := range s.signed {
		changed := bytes.Clone(s.signed)
		changed[i] ^= 0x21
		report := verify(t, r, changed)
		// What may pass: a change outside of what is signed, and then the signed bytes are as they
		// were.
		if report.Verdict == receiver.Pass && (report.From != "alice@example.org" || i >= s.off && i < s.end) {
			t.Errorf("byte %d (%q): passes as %s", i, s.signed[i], report.From)
		}
	}
}

// TestServerStopped: where nobody answers nothing is told, and it is not a fail.
func TestServerStopped(t *testing.T) {
	t.Parallel()
	s := newStory(t, letter, "p256", smime.SignOptions{})
	server := serve(t, []byte(s.zone))
	r := newReceiver(t, server, options{})
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	report := verify(t, r, s.signed)
	if report.Verdict != receiver.TempError || report.Signatures[0].DNS.Status != "indeterminate" || report.Signatures[0].DNS.Presence != "unknown" {
		t.Errorf("%s, %s: %+v", report.Verdict, report.Code, report.Signatures[0].DNS)
	}
}

// TestSilentServer: the same within the time a lookup has.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	s := newStory(t, letter, "p256", smime.SignOptions{})
	server := serve(t, []byte(strings.Replace(s.zone, "example.org.\n", "example.org. break=slow\n", 1)))
	client := newClient(t, server)
	r, err := receiver.New(receiver.Options{Lookup: hurried{client}, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	if report := verify(t, r, s.signed); report.Verdict != receiver.TempError || report.Code != "timeout" {
		t.Errorf("%s, %s: %s", report.Verdict, report.Code, report.Reason)
	}
}

var _ lookup.Resolver = hurried{}
