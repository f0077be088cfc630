package evidence_test

import (
	"flag"
	"os"
	"runtime"
	"testing"
	"time"

	"dnseal/receiver/evidence"
)

var many = flag.Int("messages", 0, "the messages in the file of TestManyMessages, of a hundredth as many signers")

// TestManyMessages keeps evidence of many messages and judges them by it, all of which pass, and
// logs what that takes. With -messages it also holds how much memory an open file takes: 300 octets
// a message.
func TestManyMessages(t *testing.T) {
	if *many == 0 {
		t.Parallel()
	}
	n := max(*many, 100)
	w, texts := mailbag(t, n, max(n/100, 10))
	name := keepFile(t, w, texts)
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	empty := heap()
	began := time.Now()
	a, err := evidence.Open(name, evidence.Options{Anchors: w.anchors})
	opened := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	open := heap() - empty
	opts := w.options()
	opts.Lookup, opts.Past = noDNS{}, a.Past
	took := pass(t, opts, texts)
	t.Logf("%d messages: %d octets each in the file; open in %s, %d octets of memory each; judged in %s, %d octets each after that",
		n, int(info.Size())/n, opened, open/n, took, (heap()-empty)/n)
	if s := a.Files(); len(s) != 1 || s[0].Messages != n || s[0].Sealed == nil || int(info.Size())/n > 2000 {
		t.Errorf("%+v, %d octets", s, info.Size())
	}
	if *many > 0 && open/n > 300 {
		t.Errorf("%d octets of memory for each message, at most 300", open/n)
	}
	runtime.KeepAlive(texts)
}

// keepFile judges messages and returns the name of the file of evidence about them.
func keepFile(tb testing.TB, w *world, texts [][]byte) string {
	tb.Helper()
	f, err := evidence.Create(tb.TempDir(), "test", clock)
	if err != nil {
		tb.Fatal(err)
	}
	opts := w.options()
	by := evidence.JudgedBy(w.anchors, evidence.PolicyOf(&opts))
	for _, text := range texts {
		if wrong := f.Add(judge(tb, opts, text), by); wrong != nil {
			tb.Fatal(wrong)
		}
	}
	name, err := f.Close(clock, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return name
}

// heap is what is held in memory, in octets.
func heap() int {
	runtime.GC()
	runtime.GC() // what pools held until now
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
