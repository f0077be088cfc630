package evidence_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// mailbag is messages of many signers, each in a zone of ten.
func mailbag(tb testing.TB, messages, signers int) (*world, [][]byte) {
	tb.Helper()
	var ids []*identity.Identity
	records := map[string]string{}
	for i := range signers {
		domain := fmt.Sprintf("zone%d.example", i/10)
		id, record := signer(tb, fmt.Sprintf("person%d@%s", i, domain))
		ids = append(ids, id)
		records[domain+"."] += record
	}
	var zones []lookuptest.Zone
	for origin, text := range records {
		zones = append(zones, lookuptest.Zone{Origin: origin, Text: text})
	}
	var out [][]byte
	for i := range messages {
		id := ids[i%len(ids)]
		out = append(out, sign(tb, id, letter(id.Name, fmt.Sprintf("message %d", i)), smime.SignOptions{}))
	}
	return start(tb, clock, zones...), out
}

// TestSize: evidence about 1,000 messages of 50 signers has at most 1.5 kB for each.
func TestSize(t *testing.T) {
	t.Parallel()
	w, messages := mailbag(t, 1000, 50)
	file, _ := w.keep(w.options(), messages...)
	per := len(file) / len(messages)
	sets := bytes.Count(file, []byte(`{"set":`))
	t.Logf("%d octets a message, %d sets", per, sets)
	// 50 records; keys and DS of five zones and of "example"; keys of the root.
	if per > 1500 || sets != 50+5*2+2+1 {
		t.Errorf("%d octets a message, %d sets", per, sets)
	}
}

// BenchmarkOffline compares verification by evidence, with the opening of the file, to verification
// by the DNS, each by its fastest pass over 1,000 messages of 50 signers. x-online is against a
// client that begins, as a run of dnseal verify does, and a resolver on this machine that has all
// answers; x-memory against a client that has looked all of them up before, and hashes no messages.
func BenchmarkOffline(b *testing.B) {
	w, texts := mailbag(b, 1000, 50)
	file, _ := w.keep(w.options(), texts...)
	b.ReportMetric(float64(len(file))/float64(len(texts)), "octets/msg")
	online := w.options()
	online.Digests = false
	pass(b, online, texts) // warms the cache
	best := [3]time.Duration{time.Hour, time.Hour, time.Hour}
	for b.Loop() {
		live := pass(b, online, texts)
		began := time.Now()
		first := online
		first.Lookup = w.newClient()
		cold := time.Since(began) + pass(b, first, texts)
		began = time.Now()
		a, err := past(file, evidence.Options{Anchors: w.anchors})
		if err != nil {
			b.Fatal(err)
		}
		opening := time.Since(began)
		then := w.options()
		then.Lookup, then.Past = noDNS{}, a.Past
		took := opening + pass(b, then, texts)
		for i, d := range []time.Duration{took, cold, live} {
			best[i] = min(best[i], d)
		}
	}
	b.ReportMetric(float64(best[1])/float64(best[0]), "x-online")
	b.ReportMetric(float64(best[2])/float64(best[0]), "x-memory")
	b.ReportMetric(float64(len(texts))/best[0].Seconds(), "msg/s")
	b.ReportMetric(0, "ns/op")
}

// pass is the time that a receiver takes for all messages, one after the other.
func pass(tb testing.TB, opts receiver.Options, texts [][]byte) time.Duration {
	tb.Helper()
	r, err := receiver.New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	began := time.Now()
	for _, text := range texts {
		m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
		if err != nil {
			tb.Fatal(err)
		}
		report, err := r.Verify(context.Background(), m)
		if err != nil || report.Verdict != receiver.Pass {
			tb.Fatal(err, line(report), report.Reason)
		}
		_ = m.Close()
	}
	return time.Since(began)
}

// BenchmarkAdd is what keeping evidence costs, of a signer that is known and of one that is new.
func BenchmarkAdd(b *testing.B) {
	w, texts := mailbag(b, 1, 1)
	r := judge(b, w.options(), texts[0])
	by := evidence.JudgedBy(w.anchors, evidence.Policy{})
	for _, c := range []string{"known", "new"} {
		b.Run(c, func(b *testing.B) {
			e, err := evidence.NewWriter(new(strings.Builder), "test", clock)
			for b.Loop() {
				if c == "new" {
					e, err = evidence.NewWriter(new(strings.Builder), "test", clock)
				}
				if err == nil {
					err = e.Add(r, by)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
