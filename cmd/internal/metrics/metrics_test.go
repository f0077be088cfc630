package metrics

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/smime/message"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// get asks m over a unix socket, as Prometheus would.
func get(t *testing.T, m *Metrics, path string) (int, string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Serve(ctx, l) }()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) },
	}}
	resp, err := client.Get("http://unix" + path)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	return resp.StatusCode, string(body)
}

type answer struct{ lookup.Result }

func (a *answer) Lookup(context.Context, string, dane.Type) *lookup.Result { return &a.Result }

func (a *answer) LookupFresh(context.Context, string, dane.Type) *lookup.Result { return &a.Result }

// look shows the metrics while a message is in it.
type look struct {
	t *testing.T
	m *Metrics
}

func (l *look) Handle(context.Context, *message.Message, *message.Envelope) *message.Outcome {
	if _, body := get(l.t, l.m, "/metrics"); !strings.Contains(body, `dnseal_messages_in_flight{door="relay",role="submission"} 1`) {
		l.t.Errorf("not in flight:\n%s", body)
	}
	return &message.Outcome{}
}

// judged is a verifier that finds this state of the header.
type judged message.HeaderState

func (j judged) Handle(context.Context, *message.Message, *message.Envelope) *message.Outcome {
	return &message.Outcome{Header: message.HeaderState(j)}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := New(func() time.Time { return noon })
	m.Message(Message{Door: "relay", Role: "submission", Result: "signed", Reply: 2, Bytes: 100, Seconds: 0.004})
	m.Message(Message{Door: "relay", Role: "submission", Result: "unsigned", Reply: 2, Bytes: 11})
	m.Message(Message{Door: "relay", Role: "submission", Result: "left-alone", Reply: 2})
	m.Message(Message{Door: "relay", Role: "submission", Result: "not-allowed", Reply: 5})
	m.Message(Message{Door: "relay", Role: "inbound", Result: "none", Reply: 2})
	m.Certificates(func() map[Certificate]time.Time {
		return map[Certificate]time.Time{{"identity", "alice@example.org"}: noon.Add(36 * time.Hour), {"server", "s.pem"}: noon.Add(-24 * time.Hour)}
	})
	m.Reload(true)
	m.Reload(false)
	r := m.Resolver(&answer{lookup.Result{Type: dane.TLSA, Status: dnssec.Bogus, Code: "bogus"}})
	r.Lookup(t.Context(), "x.", dane.TLSA)
	r.LookupFresh(t.Context(), "x.", dane.TLSA)
	m.Handler(&look{t, m}, "relay", "submission").Handle(t.Context(), nil, nil)
	m.Handler(judged("changed"), "milter", "verify").Handle(t.Context(), nil, nil)
	status, body := get(t, m, "/metrics")
	if status != http.StatusOK {
		t.Errorf("/metrics: status %d", status)
	}
	for _, want := range []string{
		`dnseal_header_states_total{door="milter",role="verify",state="changed"} 1`,
		`dnseal_messages_total{door="relay",reply="2",result="signed",role="submission"} 1`,
		`dnseal_unsigned_messages_total{door="relay",role="submission"} 1`,
		`dnseal_message_bytes_total{door="relay",role="submission"} 111`,
		`dnseal_message_duration_seconds_bucket{door="relay",role="submission",le="0.005"} 4`,
		`dnseal_messages_in_flight{door="relay",role="submission"} 0`,
		`dnseal_certificate_not_after_timestamp_seconds{kind="identity",name="alice@example.org"} 1.7956512e+09`,
		`dnseal_certificate_not_after_timestamp_seconds{kind="server",name="s.pem"} 1.7954352e+09`,
		`dnseal_config_last_reload_successful 0`,
		`dnseal_reloads_total{result="refused"} 1`,
		`dnseal_lookups_total{code="bogus",presence="unknown",status="bogus",type="TLSA"} 2`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if strings.Contains(body, `unsigned_messages_total{door="relay",role="inbound"}`) {
		t.Error("an inbound message counts as unsigned")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	m := New(nil)
	for _, tt := range []struct {
		path  string
		ready bool
		want  int
	}{{"/healthz", false, 200}, {"/readyz", false, 503}, {"/readyz", true, 200}, {"/elsewhere", true, 404}} {
		m.Ready(tt.ready)
		if status, body := get(t, m, tt.path); status != tt.want {
			t.Errorf("GET %s, ready %v: %d %q, want %d", tt.path, tt.ready, status, body, tt.want)
		}
	}
}

// TestNil: without a metrics listener nothing is counted, and nothing breaks.
func TestNil(t *testing.T) {
	t.Parallel()
	var m *Metrics
	m.Message(Message{})
	m.Series("relay", "inbound")
	m.Reload(true)
	m.Ready(true)
	m.Certificates(nil)
	a := &answer{}
	if m.Resolver(a) != lookup.Resolver(a) {
		t.Error("a resolver is wrapped for nothing")
	}
	h := &look{}
	if m.Handler(h, "relay", "inbound") != message.Handler(h) {
		t.Error("a handler is wrapped for nothing")
	}
}

// TestBuildInfo: the metric says what --version says.
func TestBuildInfo(t *testing.T) {
	t.Parallel()
	build := cli.ThisBuild()
	want := fmt.Sprintf("dnseal_build_info{commit=%q,go_version=%q,tags=%q,version=%q} 1\n",
		cmp.Or(build.Commit, "unknown"), build.Go, build.Tags, cmp.Or(build.Version, "development"))
	if _, page := get(t, New(nil), "/metrics"); !strings.Contains(page, want) {
		t.Errorf("no %s", want)
	}
}
