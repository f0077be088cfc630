package service

import (
	"strings"
	"testing"

	gomilter "github.com/d--j/go-milter"

	"dnseal/cmd/internal/worldtest"
	"dnseal/receiver"
)

// TestObserveMilter has a signing milter that only observes: nothing is changed or refused, and log
// and metrics have what would have been done.
func TestObserveMilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(oneMilter + "observe = true\n[on]\nno-rule = \"reject\"\n")
	r := w.start("milter")
	m := w.connectMTA()
	for from, want := range map[string]string{
		"alice@example.org":   "result=observe:signed",
		"carol@example.com":   "result=observe:no-rule",
		"Alice@example.org":   "result=observe:not-allowed",
		"broken@example.org(": "",
	} {
		acts, a := m.send(from)
		if len(acts) > 0 || a.Type != gomilter.ActionAccept && a.Type != gomilter.ActionContinue {
			t.Errorf("%s: %v, %v", from, a, acts)
		}
		if want != "" && !strings.Contains(r.log.String(), want) {
			t.Errorf("no %s in\n%s", want, r.log)
		}
	}
	if !strings.Contains(r.log.String(), "this listener only observes: it signs and refuses nothing") || !strings.Contains(r.log.String(), "observe=true would=reject") {
		t.Errorf("the log:\n%s", r.log)
	}
	body := w.get("/metrics")
	for _, want := range []string{
		`dnseal_messages_total{door="milter",reply="2",result="observe:signed",role="sign"} 1`,
		`dnseal_unsigned_messages_total{door="milter",role="sign"} 4`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	must(t, r.stop())
}

// TestObserveRelay has a submission relay that only observes: what it would sign or refuse arrives
// as it was.
func TestObserveRelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(worldtest.OneRelay + "observe = true\n")
	r := w.start("relay")
	must(t, w.submit("alice@example.org"))
	must(t, w.submit("Alice@example.org"))
	for _, want := range []string{"result=observe:signed", "result=observe:not-allowed", "would=reject"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("no %s in\n%s", want, r.log)
		}
	}
	for range 2 {
		if v := w.verdict(<-w.Mailbox.Mail); v != receiver.None {
			t.Errorf("what arrives is %s", v)
		}
	}
	must(t, r.stop())
}
