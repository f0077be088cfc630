package metrics

import (
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Identities is what the keeper found in one round.
type Identities struct {
	// At is when the round ended.
	At time.Time
	// States counts identities by state, Troubles what is wrong by code.
	States, Troubles map[string]int
	// Actions counts the steps of the round, by action.
	Actions map[string]int
	// NextStep is when the next step is due; zero: none is.
	NextStep time.Time
}

// identities shows the last round of the keeper. The series are few, whatever the number of
// identities is.
type identities struct {
	states, trouble, round, next *prometheus.Desc
	actions                      *prometheus.CounterVec

	mu   sync.Mutex
	last Identities
}

func newIdentities() *identities {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("dnseal_"+name, help, labels, nil)
	}
	return &identities{
		states:  desc("keeper_identities", "Identities by state, as the keeper last found them.", "state"),
		trouble: desc("keeper_troubles", "What is wrong with our identities and their records, by code.", "code"),
		round:   desc("keeper_round_timestamp_seconds", "When the keeper last looked at all identities."),
		next:    desc("keeper_next_step_timestamp_seconds", "When the next step of a rollover or withdrawal is due."),
		actions: counter("keeper_actions_total", "Steps that the keeper made, by action.", "action"),
	}
}

// Identities replaces what the keeper found, and counts its actions.
func (m *Metrics) Identities(found Identities) {
	if m == nil {
		return
	}
	for action, n := range found.Actions {
		m.identities.actions.WithLabelValues(action).Add(float64(n))
	}
	m.identities.mu.Lock()
	defer m.identities.mu.Unlock()
	found.States, found.Troubles = maps.Clone(found.States), maps.Clone(found.Troubles)
	m.identities.last = found
}

// Describe implements prometheus.Collector.
func (i *identities) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{i.states, i.trouble, i.round, i.next} {
		out <- d
	}
	i.actions.Describe(out)
}

// Collect implements prometheus.Collector.
func (i *identities) Collect(out chan<- prometheus.Metric) {
	i.actions.Collect(out)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.last.At.IsZero() {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for word, n := range i.last.States {
		gauge(i.states, float64(n), word)
	}
	for code, n := range i.last.Troubles {
		gauge(i.trouble, float64(n), code)
	}
	gauge(i.round, float64(i.last.At.Unix()))
	if !i.last.NextStep.IsZero() {
		gauge(i.next, float64(i.last.NextStep.Unix()))
	}
}
