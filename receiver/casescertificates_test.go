package receiver_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/receiver"
)

// TestCertificates judges messages whose certificates crypto/x509 refuses: key and name can be
// read, or the reason names what cannot.
func TestCertificates(t *testing.T) {
	t.Parallel()
	came := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	records := func(file string) *receiver.Receiver {
		return newReceiver(t, serve(t, []byte("; zone example.org.\n"+string(readFile(t, file)))), options{Received: came})
	}
	mail, readers := records("../testdata/cases/mail/zone"), records(filepath.Join(readersDir, "records.zone"))
	for _, tt := range []struct {
		file   string
		reason string // "": pass
	}{
		{"../mail/h-certificates/brainpool-p256r1.eml", "brainpoolP256r1"},
		{"../mail/h-certificates/ec-explicit-params.eml", ""},
		{"../mail/h-certificates/ext-garbage-crldp.eml", ""},
		{"../mail/h-certificates/san-8bit.eml", ""},
		{"../mail/h-certificates/san-dup-ext.eml", ""},
		{"../mail/h-certificates/san-uri-bad.eml", ""},
		{"../mail/h-certificates/subject-email-prn.eml", ""},
		{"../mail/h-certificates/subject-univ.eml", ""},
		{"../mail/h-certificates/time-offset.eml", ""},
		{"02-brainpoolp256r1.eml", "brainpoolP256r1"},
		{"02b-brainpool-two-certificates-hp.eml", "brainpoolP256r1"},
		{"02d-explicit-ec-parameters.eml", ""},
	} {
		r, verdict, code := readers, receiver.Pass, receiver.Code("")
		if strings.HasPrefix(tt.file, "../mail") {
			r = mail
		}
		if tt.reason != "" {
			verdict, code = receiver.Neutral, receiver.CodeUnsupported
		}
		report := receive(t, r, tt.file)
		if report.Verdict != verdict || report.Code != code || !strings.Contains(report.Reason, tt.reason) || report.Signatures[0].Certificate == nil {
			t.Errorf("%s: %s (%s): %s", tt.file, report.Verdict, report.Code, report.Reason)
		}
	}
}
