package report

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkReport counts a log of 100,000 messages. raw is the time of a bufio.Scanner for the same
// lines; pflogsumm, where it is installed, that of pflogsumm for a Postfix log of as many messages
// (6 lines each), in times of ours.
func BenchmarkReport(b *testing.B) {
	const messages = 100_000
	var log bytes.Buffer
	line := strings.SplitAfter(relayed, "\n")[0]
	for n := range messages {
		log.WriteString(strings.Replace(line, "192.0.2.1", fmt.Sprintf("192.0.2.%d", n%200), 1))
	}
	start := time.Now()
	for s := bufio.NewScanner(bytes.NewReader(log.Bytes())); s.Scan(); {
	}
	raw := time.Since(start)
	b.SetBytes(int64(log.Len()))
	for b.Loop() {
		c := New(Options{})
		if err := Read(b.Context(), bytes.NewReader(log.Bytes()), c.Line); err != nil || c.Report().Signing.Messages != messages {
			b.Fatal(err)
		}
	}
	each := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(messages)/each.Seconds(), "lines/s")
	b.ReportMetric(float64(each)/float64(raw), "xRaw")
	if took := pflogsumm(b, messages); took > 0 {
		b.ReportMetric(float64(took)/float64(each), "pflogsumm/ours")
	}
}

// pflogsumm is how long it takes; 0: it is not here.
func pflogsumm(b *testing.B, messages int) time.Duration {
	b.Helper()
	path, err := exec.LookPath("pflogsumm")
	if err != nil {
		return 0
	}
	file := filepath.Join(b.TempDir(), "mail.log")
	var log bytes.Buffer
	for n := range messages {
		for _, text := range []string{
			"smtpd[1]: connect from a.example[192.0.2.1]", "smtpd[1]: %X: client=a.example[192.0.2.1]", "cleanup[2]: %X: message-id=<a@b.example>",
			"qmgr[3]: %X: from=<alice@example.org>, size=100, nrcpt=1 (queue active)",
			"smtp[4]: %X: to=<bob@example.net>, relay=mx.example.net[192.0.2.9]:25, delay=0.1, delays=0/0/0/0.1, dsn=2.0.0, status=sent (250 Ok)", "qmgr[3]: %X: removed",
		} {
			if strings.Contains(text, "%X") {
				text = fmt.Sprintf(text, 0xABC000+n)
			}
			log.WriteString("Nov 24 12:00:00 mail postfix/" + text + "\n")
		}
	}
	if err := os.WriteFile(file, log.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if out, err := exec.Command(path, file).CombinedOutput(); err != nil {
		b.Logf("pflogsumm: %v\n%.500s", err, out)
		return 0
	}
	return time.Since(start)
}
