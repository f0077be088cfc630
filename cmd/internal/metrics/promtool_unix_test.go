//go:build unix

package metrics

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest/peertest"
)

const dist = "../../dnseal/dist/prometheus/"

// busy are metrics of which every one has a series.
func busy() *Metrics {
	m := New(nil)
	for _, role := range []string{"submission", "inbound"} {
		m.Message(Message{Door: "relay", Role: role, Result: "signed", Reply: 2, Bytes: 100, Seconds: 0.004})
	}
	m.Message(Message{Door: "relay", Role: "submission", Result: "unsigned", Reply: 4})
	m.Message(Message{Door: "relay", Role: "submission", Result: "not-allowed", Reply: 5})
	m.Handler(judged("changed"), "relay", "inbound").Handle(nil, nil, nil) //nolint:staticcheck // it asks for nothing
	m.Series("relay", "submission")
	m.Resolver(&answer{lookup.Result{Type: dane.TLSA, Status: dnssec.Bogus, Code: "bogus"}}).Lookup(nil, "x.", dane.TLSA) //nolint:staticcheck // nor does it
	m.Certificates(func() map[Certificate]time.Time {
		return map[Certificate]time.Time{{"identity", "alice@example.org"}: noon}
	})
	m.Identities(Identities{At: noon, NextStep: noon, States: map[string]int{"active": 1}, Troubles: map[string]int{"expired": 1}, Actions: map[string]int{"publish": 1}})
	m.Refused("relay", "submission", "busy")
	m.Login("submission", "PLAIN", "ok")
	m.Evidence(nil)
	m.Reload(true)
	return m
}

// TestPromtool: the metrics, all of them, keep to the conventions of Prometheus.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := peertest.Program(t, "promtool")
	_, page := get(t, busy(), "/metrics")
	for _, d := range Descriptions() {
		if !strings.Contains(page, "# TYPE "+d.Name+" "+d.Type+"\n") {
			t.Errorf("/metrics lacks %s, a %s", d.Name, d.Type)
		}
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(page)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// TestAlerts: every alert fires when it should, and none when all is well.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool := peertest.Program(t, "promtool")
	rules, err := filepath.Abs(dist + "dnseal-alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/alerts-test.yml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "test.yml")
	peertest.WriteFile(t, file, strings.Replace(string(text), "RULES", rules, 1))
	if out, failed := exec.Command(promtool, "test", "rules", file).CombinedOutput(); failed != nil {
		t.Errorf("promtool test rules: %v\n%s", failed, out)
	}
	alerts, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	known(t, string(alerts))
	for _, m := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(alerts), -1) {
		if strings.Count(string(text), "alertname: "+m[1]) != 2 {
			t.Errorf("%s is not tested to fire and to be quiet", m[1])
		}
	}
}

// known fails for each metric in a text that the program does not have.
func known(t *testing.T, text string) {
	t.Helper()
	var names []string
	for _, d := range Descriptions() {
		names = append(names, d.Name)
		if d.Type == "histogram" {
			names = append(names, d.Name+"_bucket")
		}
	}
	for _, name := range regexp.MustCompile(`dnseal_\w+`).FindAllString(text, -1) {
		if !slices.Contains(names, name) {
			t.Errorf("there is no metric %s", name)
		}
	}
}

// queries are those of the dashboard, with its variables filled in.
func queries(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(dist + "dnseal-grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			known(t, target.Expr)
			all = append(all, strings.NewReplacer("$instance", ".*", "$__rate_interval", "1m").Replace(target.Expr))
		}
	}
	return all
}

// TestDashboard: every query of the dashboard finds something in a Prometheus that has read the
// metrics of a program in which everything happened once.
func TestDashboard(t *testing.T) {
	t.Parallel()
	all := queries(t)
	prometheus, promtool := peertest.Program(t, "prometheus"), peertest.Program(t, "promtool")
	m := busy()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go m.Serve(t.Context(), l)
	dir, address := t.TempDir(), peertest.FreeAddr(t)
	peertest.WriteFile(t, filepath.Join(dir, "p.yml"), fmt.Sprintf(
		"global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs: [{job_name: dnseal, static_configs: [{targets: [%q]}]}]\n", l.Addr()))
	cmd := exec.Command(prometheus, "--config.file="+filepath.Join(dir, "p.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	ask := func(query string) string {
		out, err := exec.Command(promtool, "query", "instant", "http://"+address, query).CombinedOutput()
		if err != nil {
			return "" // it is not there yet
		}
		return strings.TrimSpace(string(out))
	}
	peertest.WaitFor(t, "Prometheus", func() bool {
		resp, err := http.Get("http://" + address + "/-/ready")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil && ask("count_over_time(up[1m]) > 2") != ""
	})
	for _, query := range all {
		if ask(query) == "" {
			t.Errorf("nothing found by %s", query)
		}
	}
	t.Logf("%d queries", len(all))
}
