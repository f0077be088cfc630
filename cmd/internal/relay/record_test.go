package relay

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/smime/message"
)

// TestFullDisk wants a message that cannot be kept to be deferred, and the cause in the log as an
// error.
func TestFullDisk(t *testing.T) {
	r := startRelay(t, Options{Trusted: loopback})
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "gone"))
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	k.do("DATA", "354")
	k.write("Subject: x\r\n\r\n" + strings.Repeat("large\r\n", 100_000) + ".\r\n")
	k.want("451 4.3.0")
	k.do("QUIT", "221")
	line := messageLine(t, r.log.String())
	for _, want := range []string{"level=ERROR", "result=internal-error", "action=defer", "no such file or directory"} {
		if !strings.Contains(line, want) {
			t.Errorf("the log line lacks %q:\n%s", want, line)
		}
	}
}

// TestLevel wants the level that the handler chose for the line, and the decision reported once.
func TestLevel(t *testing.T) {
	t.Parallel()
	h := handlerFunc(func(context.Context, *message.Message, *message.Envelope) *message.Outcome {
		return &message.Outcome{Result: "key-not-published", Level: slog.LevelWarn}
	})
	decided := make(chan string, 10)
	r := startRelay(t, Options{Trusted: loopback, Handler: h, OnDecision: func(r *message.Record, digit int) {
		decided <- fmt.Sprint(r.Result, " ", digit, " ", r.Size)
	}})
	k := dial(t, r.addr)
	k.do("EHLO c", "250")
	k.envelope("b@example.net")
	k.content("Subject: x\r\n\r\n")
	k.do("QUIT", "221")
	if got := <-decided; got != "key-not-published 4 14" || len(decided) > 0 {
		t.Errorf("OnDecision(%s), and %d more", got, len(decided))
	}
	if line := messageLine(t, r.log.String()); !strings.Contains(line, "level=WARN") || !strings.Contains(line, "rcpts=1") {
		t.Errorf("log line:\n%s", line)
	}
}

// messageLine is the log line about the message.
func messageLine(t *testing.T, log string) string {
	t.Helper()
	for line := range strings.SplitSeq(log, "\n") {
		if strings.Contains(line, "msg=message") {
			return line
		}
	}
	t.Fatalf("no line about the message:\n%s", log)
	return ""
}
