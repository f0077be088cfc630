package metrics

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxNamed is how many certificates of a kind are shown by name: those that end first.
const maxNamed = 100

// expiring are the days that count as soon.
var expiring = []int{7, 30}

// endings shows when certificates end: each of a few by name, all together as totals. It is a
// collector: which end soon is counted at each request.
type endings struct {
	now                 func() time.Time
	desc, first, number *prometheus.Desc
	soon                *prometheus.Desc

	mu sync.Mutex
	of func() map[Certificate]time.Time
}

// Certificate names one whose end is shown.
type Certificate struct {
	Kind string // "identity" or "server"
	Name string // the identity, or the file
}

func newEndings(now func() time.Time) *endings {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("dnseal_"+name, help, labels, nil)
	}
	return &endings{
		now:    now,
		desc:   desc("certificate_not_after_timestamp_seconds", "When a certificate ends. Under DANE-EE only the record counts. At most 100 of a kind, those that end first.", "kind", "name"),
		first:  desc("certificates_first_not_after_timestamp_seconds", "When the first certificate of a kind ends.", "kind"),
		number: desc("certificates", "Certificates whose ends are known, by kind.", "kind"),
		soon:   desc("certificates_expiring", "Certificates that end within so many days, or have ended, by kind.", "kind", "days"),
	}
}

// Certificates says which certificates there are: ends is called at each request, because keys
// follow their folders while the configuration stays.
func (m *Metrics) Certificates(ends func() map[Certificate]time.Time) {
	if m == nil {
		return
	}
	m.ends.mu.Lock()
	defer m.ends.mu.Unlock()
	m.ends.of = ends
}

// Describe implements prometheus.Collector.
func (e *endings) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{e.desc, e.first, e.number, e.soon} {
		out <- d
	}
}

// ending is a certificate with its end.
type ending struct {
	name string
	at   time.Time
}

// seconds is a time as Prometheus has it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// Collect implements prometheus.Collector.
func (e *endings) Collect(out chan<- prometheus.Metric) {
	kinds := map[string][]ending{}
	e.mu.Lock()
	of := e.of
	e.mu.Unlock()
	if of != nil { // called without the lock: a key on a token can take long
		for c, end := range of() {
			kinds[c.Kind] = append(kinds[c.Kind], ending{c.Name, end})
		}
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for kind, all := range kinds {
		slices.SortFunc(all, func(a, b ending) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.name, b.name)) })
		for _, one := range all[:min(len(all), maxNamed)] {
			gauge(e.desc, seconds(one.at), kind, one.name)
		}
		gauge(e.first, seconds(all[0].at), kind)
		gauge(e.number, float64(len(all)), kind)
		for _, days := range expiring {
			n, _ := slices.BinarySearchFunc(all, e.now().AddDate(0, 0, days), func(a ending, last time.Time) int {
				if a.at.After(last) {
					return 1
				}
				return -1
			})
			gauge(e.soon, float64(n), kind, strconv.Itoa(days))
		}
	}
}
