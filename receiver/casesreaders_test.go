package receiver_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

const readersDir = "../testdata/cases/readers"

// TestReaders judges what programs of others signed, which hash no certificate: with a CA-issued
// one the name is not bound.
func TestReaders(t *testing.T) {
	t.Parallel()
	came := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		file, zone string
		key        bool // the signer's own key is published in place of its CA
		verdict    receiver.Verdict
		reason     string
		bound      bool
	}{
		{"01-gpgsm24-ecdsa-p256-null-parameters.eml", "records.zone", false, receiver.Pass, "", false},
		{"01b-neomutt2025-gpgsm24-p256.eml", "records.zone", false, receiver.Pass, "", false},
		{"03-thunderbird153-dane-ta-2-1-1.eml", "records.zone", false, receiver.Fail, "names the CA certificate only by a digest, and the message does not bring it", false},
		{"03-thunderbird153-dane-ta-2-1-1.eml", "records.zone", true, receiver.Pass, "", false},
		{"04-no-certificate-record-3-0-0.eml", "records-300.zone", false, receiver.Pass, "", false},
		{"04-no-certificate-record-3-0-0.eml", "records.zone", false, receiver.Neutral, "holds no certificate", false},
		{"05-rsa-large-exponent.eml", "records.zone", false, receiver.Neutral, "RSA exponent of 34 bits, at most 31", false},
		{"06-ed25519-with-sha256.eml", "records.zone", false, receiver.Neutral, "SHA-256 with Ed25519: the value is right", false},
		{"07-mldsa65.eml", "records.zone", false, receiver.Pass, "", false},
		{"07c-pss-mgf1-sha1.eml", "records.zone", false, receiver.Neutral, "MGF1 and SHA-1", false},
		{"08-date-an-hour-off-signing-time.eml", "records.zone", false, receiver.Pass, "", true},
	} {
		zone := string(readFile(t, filepath.Join(readersDir, tt.zone)))
		if tt.key {
			zone = withoutUsage2(zone, leafRecord(t, tt.file))
		}
		report := receive(t, newReceiver(t, serve(t, []byte("; zone example.org.\n"+zone)), options{Received: came}), tt.file)
		if len(report.Signatures) != 1 || report.Verdict != tt.verdict || !strings.Contains(report.Reason, tt.reason) || report.Signatures[0].NameBound != tt.bound {
			t.Errorf("%s with %s: %s: %s; %+v", tt.file, tt.zone, report.Verdict, report.Reason, report.Signatures)
			continue
		}
		var text bytes.Buffer
		if err := report.WriteText(&text); err != nil || strings.Contains(text.String(), "name not bound") == (tt.bound || tt.verdict == receiver.Neutral) {
			t.Errorf("%s: %v\n%s", tt.file, err, &text)
		}
	}
}

// TestMailCertificates judges messages of other projects' trouble reports.
func TestMailCertificates(t *testing.T) {
	t.Parallel()
	came := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	zone := "; zone example.org.\n" + string(readFile(t, "../testdata/cases/mail/zone"))
	r := newReceiver(t, serve(t, []byte(zone)), options{Received: came})
	for _, tt := range []struct {
		file    string
		verdict receiver.Verdict
		reason  string
	}{
		{"sigalg-null-params.eml", receiver.Pass, ""},
		{"cms-smimecap-garbage.eml", receiver.Pass, ""},
		{"san-upper-local.eml", receiver.Fail, "the certificate says Scanner@example.org, and From says scanner@example.org: local parts are compared letter by letter"},
	} {
		report := receive(t, r, filepath.Join("../mail/h-certificates", tt.file))
		if report.Verdict != tt.verdict || !strings.Contains(report.Reason, tt.reason) {
			t.Errorf("%s: %s: %s", tt.file, report.Verdict, report.Reason)
		}
	}
}

// TestReadersChanged: a signature that cannot be checked, or never counts, is called bad where the
// content is another.
func TestReadersChanged(t *testing.T) {
	t.Parallel()
	zone := "; zone example.org.\n" + string(readFile(t, filepath.Join(readersDir, "records.zone")))
	r := newReceiver(t, serve(t, []byte(zone)), options{})
	for _, file := range []string{"05-rsa-large-exponent.eml", "06-ed25519-with-sha256.eml", "07-mldsa65.eml", "07c-pss-mgf1-sha1.eml"} {
		raw := string(readFile(t, filepath.Join(readersDir, file)))
		report, err := r.Verify(t.Context(), parse(t, strings.Replace(raw, "Three", "Seven", 1)))
		if err != nil || report.Verdict != receiver.Fail || report.Code != "bad-digest" {
			t.Errorf("%s: %v: %+v", file, err, report)
		}
	}
}

func receive(t *testing.T, r *receiver.Receiver, file string) *receiver.Report {
	t.Helper()
	report, err := r.Verify(t.Context(), readMessage(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func readMessage(t *testing.T, file string) *message.Message {
	t.Helper()
	f, err := os.Open(filepath.Join(readersDir, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := message.Read(f, message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// leafRecord is the data of a record 3 1 1 of the key that signed.
func leafRecord(t *testing.T, file string) string {
	t.Helper()
	found, err := smime.Verify(t.Context(), readMessage(t, file))
	if err != nil || len(found.Signatures) != 1 || found.Signatures[0].Certificate == nil {
		t.Fatalf("%s: %+v, %v", file, found, err)
	}
	return record(3, 1, 1, found.Signatures[0].Certificate.RawSubjectPublicKeyInfo)
}

// withoutUsage2 puts a record in the place of the one of usage 2.
func withoutUsage2(zone, value string) string {
	var out strings.Builder
	for line := range strings.Lines(zone) {
		if owner, _, ok := strings.Cut(line, " 2 1 1 "); ok {
			line = owner + " " + value + "\n"
		}
		out.WriteString(line)
	}
	return out.String()
}
