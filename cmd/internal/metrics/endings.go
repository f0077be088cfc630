package metrics

import (
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// endings shows in how many days certificates end. It is a collector: the days are counted at each
// request.
type endings struct {
	now  func() time.Time
	desc *prometheus.Desc

	mu sync.Mutex
	at map[Certificate]time.Time
}

// Certificate names one whose end is shown.
type Certificate struct {
	Kind string // "identity" or "server"
	Name string // the identity, or the file
}

func newEndings(now func() time.Time) *endings {
	return &endings{now: now, desc: prometheus.NewDesc("dnseal_certificate_days",
		"Days until a certificate ends; negative when it has ended. Under DANE-EE only the record counts.", []string{"kind", "name"}, nil)}
}

// Certificates replaces the certificates whose ends are shown.
func (m *Metrics) Certificates(ends map[Certificate]time.Time) {
	if m == nil {
		return
	}
	m.ends.mu.Lock()
	defer m.ends.mu.Unlock()
	m.ends.at = maps.Clone(ends)
}

// Describe implements prometheus.Collector.
func (e *endings) Describe(out chan<- *prometheus.Desc) { out <- e.desc }

// Collect implements prometheus.Collector.
func (e *endings) Collect(out chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for c, end := range e.at {
		days := end.Sub(e.now()).Hours() / 24
		out <- prometheus.MustNewConstMetric(e.desc, prometheus.GaugeValue, days, c.Kind, c.Name)
	}
}
