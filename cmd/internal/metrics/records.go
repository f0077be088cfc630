package metrics

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dnseal/smime/message"
)

// Limits of what is remembered of our own records.
const (
	maxRecords = 100_000
	// What was found longer ago says nothing any more. An MTA tries deferred mail again within this
	// time (Postfix: maximal_backoff_time is 4000 s), so that an identity without record stays.
	recordsCounts = 2 * time.Hour
)

// recordStates are what a lookup of our own record found.
var recordStates = []string{"published", "missing", "mismatch", "insecure", "bogus", "unknown"}

// records shows how many of the identities that signed, or should have, have their record in the
// DNS, as it was looked up for the last message of each. No identity has a series of its own.
type records struct {
	now  func() time.Time
	desc *prometheus.Desc

	mu        sync.Mutex
	last      map[string]record // by identity
	unchecked bool
}

type record struct {
	state string
	at    time.Time
}

func newRecords(now func() time.Time) *records {
	return &records{now: now, last: map[string]record{}, desc: prometheus.NewDesc("dnseal_own_records",
		"Identities by the state of their record, as looked up for the last message of each within two hours: published, missing, mismatch (another key's), insecure (no DNSSEC), bogus, unknown (it could not be looked up). None with check-record = false.",
		[]string{"state"}, nil)}
}

// found keeps what the outcome of a signing listener says about the record of its identity.
func (r *records) found(out *message.Outcome) {
	identity, code := "", ""
	for _, a := range out.Attrs {
		switch a.Key {
		case "identity":
			identity = a.Value.String()
		case "code":
			code = a.Value.String()
		}
	}
	if state := recordState(out.Result, code); identity != "" && state != "" {
		r.set(identity, state)
	}
}

// recordState is the state of a record by the result of a message and its code; "": it was not
// looked up.
func recordState(result, code string) string {
	switch strings.TrimPrefix(result, "observe:") {
	case "signed":
		return "published"
	case "key-not-published":
		switch code {
		case "record-absent":
			return "missing"
		case "record-mismatch":
			return "mismatch"
		case "insecure", "bogus":
			return code
		}
		return "unknown"
	}
	return ""
}

func (r *records) set(identity, state string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unchecked {
		return
	}
	if _, known := r.last[identity]; !known && len(r.last) >= maxRecords {
		r.forget()
	}
	r.last[identity] = record{state, r.now()}
}

// forget leaves out the tenth whose last message is the oldest.
func (r *records) forget() {
	oldest := slices.SortedFunc(maps.Keys(r.last), func(a, b string) int { return r.last[a].at.Compare(r.last[b].at) })
	for _, identity := range oldest[:maxRecords/10] {
		delete(r.last, identity)
	}
}

// ChecksRecords says whether the records of signers are looked up ([sign] check-record). Without
// that nothing is known of them.
func (m *Metrics) ChecksRecords(yes bool) {
	if m == nil {
		return
	}
	m.records.mu.Lock()
	defer m.records.mu.Unlock()
	m.records.unchecked = !yes
	if !yes {
		clear(m.records.last)
	}
}

// Describe implements prometheus.Collector.
func (r *records) Describe(out chan<- *prometheus.Desc) { out <- r.desc }

// Collect implements prometheus.Collector.
func (r *records) Collect(out chan<- prometheus.Metric) {
	counts := map[string]int{}
	r.mu.Lock()
	old := r.now().Add(-recordsCounts)
	for identity, one := range r.last {
		if one.at.Before(old) {
			delete(r.last, identity)
			continue
		}
		counts[one.state]++
	}
	r.mu.Unlock()
	for _, state := range recordStates {
		out <- prometheus.MustNewConstMetric(r.desc, prometheus.GaugeValue, float64(counts[state]), state)
	}
}
