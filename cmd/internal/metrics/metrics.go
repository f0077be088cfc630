// Package metrics serves the metrics of relay and milter to Prometheus, and the
// health checks.
//
// [Metrics] counts into a registry of its own; [Metrics.Serve] answers /metrics, /healthz (the
// process runs), /readyz (new clients should come) and /devices (when each client was last seen) on
// a listener that only trusted clients may reach. A relay or milter reports a message once, when it
// is decided ([Metrics.Message]), and what each client did ([Metrics.Activity]); [Metrics.Handler]
// and [Metrics.Resolver] wrap its handler and its resolver, to count messages in progress and DNS
// results.
//
// Labels have few values: no addresses, and no domains except our own identities, of which at most
// a hundred are named. A fleet of devices is never a set of series: there are totals, and /devices.
package metrics

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"dnseal/cmd/internal/cli"
)

// Message is one decided message.
type Message struct {
	Door    string // "relay" or "milter"
	Role    string // "submission", "inbound", "sign", "verify"
	Result  string // the handler's word
	Reply   int    // first digit of the reply: 2, 4 or 5
	Bytes   int64
	Seconds float64
}

// Metrics counts. A nil *Metrics counts nothing.
type Metrics struct {
	registry *prometheus.Registry
	state    state

	messages *prometheus.CounterVec
	unsigned *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight *prometheus.GaugeVec
	headers  *prometheus.CounterVec
	lookups  *prometheus.CounterVec
	reloads  *prometheus.CounterVec
	refused  *prometheus.CounterVec
	logins   *prometheus.CounterVec
	evidence *prometheus.CounterVec
	ends     *endings

	reloadedAt prometheus.Gauge
	reloadedOK prometheus.Gauge
	now        func() time.Time
	records    *records
	identities *identities
	devices    *devices
}

// New returns metrics at zero. now is the clock for days that are left; nil: time.Now.
func New(now func() time.Time) *Metrics {
	if now == nil {
		now = time.Now
	}
	door := []string{"door", "role"}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		messages: counter("messages_total", "Messages decided, by door, role, result and first digit of the reply.", "door", "role", "result", "reply"),
		unsigned: counter("unsigned_messages_total", "Messages that passed a signing listener unsigned.", door...),
		bytes:    counter("message_bytes_total", "Bytes of the messages decided, as they came.", door...),
		headers:  counter("header_states_total", "Messages verified, by state of the header: protected, changed, restored or unprotected.", "door", "role", "state"),
		lookups:  counter("lookups_total", "DNS lookups by type, DNSSEC status, presence and code.", "type", "status", "presence", "code"),
		reloads:  counter("reloads_total", "Reloads of the configuration, by result.", "result"),
		refused:  counter("refused_connections_total", "Connections that ended before their first command, by reason.", "door", "role", "reason"),
		evidence: counter("evidence_messages_total", "Messages whose evidence was to be kept, by result: kept or failed.", "result"),
		logins:   counter("logins_total", "Logins at a relay, by mechanism and result.", "role", "mechanism", "result"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "dnseal", Name: "message_duration_seconds", Help: "Time from the end of a message to its answer.",
			Buckets: []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 120},
		}, door),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "dnseal", Name: "messages_in_flight", Help: "Messages being signed or verified now.",
		}, door),
		ends:       newEndings(now),
		identities: newIdentities(),
		devices:    newDevices(now),
		now:        now,
		records:    newRecords(now),
		reloadedAt: gauge("config_last_reload_timestamp_seconds", "When the configuration was last read, at the start or by a reload, with success or not."),
		reloadedOK: gauge("config_last_reload_successful", "1: the configuration that was read last is in force; 0: it has a mistake, and an older one is."),
	}
	m.registry.MustRegister(m.collectors()...)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.reloaded(true)
	return m
}

// collectors are all metrics of the program; those of Go and of the process are served beside them.
func (m *Metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{
		m.messages, m.unsigned, m.bytes, m.seconds, m.inFlight, m.headers, m.lookups, m.refused, m.logins, m.devices,
		m.records, m.identities, m.ends, m.evidence, m.reloads, m.reloadedAt, m.reloadedOK, buildInfo(),
	}
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "dnseal", Name: name, Help: help})
}

// buildInfo is 1, with what the program was made of as labels: what --version says.
func buildInfo() prometheus.Collector {
	build := cli.ThisBuild()
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "dnseal", Name: "build_info", Help: "1, with the version of the program, the commit, the version of Go and the build tags that it was made of, as --version says them.",
		ConstLabels: prometheus.Labels{"version": cmp.Or(build.Version, "development"), "commit": cmp.Or(build.Commit, "unknown"), "go_version": build.Go, "tags": build.Tags},
	})
	g.Set(1)
	return g
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "dnseal", Name: name, Help: help}, labels)
}

// Series makes the series of a listener appear at zero, so that an alert on them works before the
// first message.
func (m *Metrics) Series(door, role string) {
	if m == nil {
		return
	}
	m.bytes.WithLabelValues(door, role)
	m.seconds.WithLabelValues(door, role)
	m.inFlight.WithLabelValues(door, role)
	if signs(role) {
		m.unsigned.WithLabelValues(door, role)
	}
}

// Message counts one message.
func (m *Metrics) Message(e Message) {
	if m == nil {
		return
	}
	m.messages.WithLabelValues(e.Door, e.Role, e.Result, strconv.Itoa(e.Reply)).Inc()
	m.bytes.WithLabelValues(e.Door, e.Role).Add(float64(e.Bytes))
	m.seconds.WithLabelValues(e.Door, e.Role).Observe(e.Seconds)
	// Mail that should be signed and leaves unsigned is easily overlooked. What is signed
	// already is not that, and what was refused did not go out. A listener that only observes signs
	// nothing.
	if signs(e.Role) && e.Reply == 2 && e.Result != "signed" && strings.TrimPrefix(e.Result, "observe:") != "left-alone" {
		m.unsigned.WithLabelValues(e.Door, e.Role).Inc()
	}
}

func signs(role string) bool { return role == "sign" || role == "submission" }

// Reload counts a reload of the configuration.
func (m *Metrics) Reload(ok bool) {
	if m == nil {
		return
	}
	result := "done"
	if !ok {
		result = "refused"
	}
	m.reloads.WithLabelValues(result).Inc()
	m.reloaded(ok)
}

func (m *Metrics) reloaded(ok bool) {
	m.reloadedAt.Set(float64(m.now().Unix()))
	m.reloadedOK.Set(0)
	if ok {
		m.reloadedOK.Set(1)
	}
}

// Refused counts a connection that was not served.
func (m *Metrics) Refused(door, role, reason string) {
	if m != nil {
		m.refused.WithLabelValues(door, role, reason).Inc()
	}
}

// Evidence counts a message whose evidence was kept, or was not for an error.
func (m *Metrics) Evidence(err error) {
	if m == nil {
		return
	}
	result := "kept"
	if err != nil {
		result = "failed"
	}
	m.evidence.WithLabelValues(result).Inc()
}

// Login counts a login at a relay.
func (m *Metrics) Login(role, mechanism, result string) {
	if m != nil {
		m.logins.WithLabelValues(role, mechanism, result).Inc()
	}
}
