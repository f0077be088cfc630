package metrics

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestDevices shows each client with what it did last, and as metrics how many were seen.
func TestDevices(t *testing.T) {
	t.Parallel()
	now := noon
	m := New(func() time.Time { return now })
	const device = "s1._device.example.net"
	m.Activity(Activity{Name: device, Device: true, Login: true})
	m.Activity(Activity{Name: "alice", Login: true})
	now = now.Add(2 * time.Hour)
	m.Activity(Activity{Name: device, Device: true})
	m.Activity(Activity{Name: device, Device: true, Refused: "message not-allowed"})
	m.Activity(Activity{Name: "s2._device.example.net", Device: true, Login: true, Refused: "login refused"})
	m.Activity(Activity{})
	_, page := get(t, m, "/devices")
	want := `{"name":"s1._device.example.net","kind":"device","last_login":"2026-11-24T12:00:00Z","last_message":"2026-11-24T14:00:00Z","last_refusal":"2026-11-24T14:00:00Z","refusal":"message not-allowed","logins":1,"messages":1,"refusals":1}
{"name":"alice","kind":"user","last_login":"2026-11-24T12:00:00Z","logins":1,"messages":0,"refusals":0}
{"name":"s2._device.example.net","kind":"device","last_refusal":"2026-11-24T14:00:00Z","refusal":"login refused","logins":0,"messages":0,"refusals":1}
`
	if page != want {
		t.Errorf("/devices:\n%swant\n%s", page, want)
	}
	if _, page = get(t, m, "/devices?name=alice"); !strings.HasPrefix(page, `{"name":"alice"`) || strings.Count(page, "\n") != 1 {
		t.Errorf("one name: %q", page)
	}
	for _, wrong := range []string{"nam=alice", "name=alice&name=s1", "name=a%zz", "name=", "name", "name=alice&x=1"} {
		if code, said := get(t, m, "/devices?"+wrong); code != http.StatusBadRequest || said != "want /devices or /devices?name=NAME\n" {
			t.Errorf("?%s: %d %q", wrong, code, said)
		}
	}
	_, page = get(t, m, "/metrics")
	for _, line := range []string{
		`dnseal_clients_seen{kind="device",within="hour"} 1`, `dnseal_clients_seen{kind="user",within="hour"} 0`, `dnseal_clients_seen{kind="user",within="day"} 1`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	if strings.Contains(page, "_device") {
		t.Error("a series for a device")
	}
	var none *Metrics
	none.Activity(Activity{Name: "x"})
	none.RememberDevices(1)
}

// TestDevicesAreBounded keeps those that were seen last. Names that have never got in, which
// strangers may choose, push none of them out.
func TestDevicesAreBounded(t *testing.T) {
	t.Parallel()
	m := New(nil)
	m.RememberDevices(20)
	m.Activity(Activity{Name: "keep", Login: true})
	for i := range 1000 {
		m.Activity(Activity{Name: fmt.Sprint("stranger", i), Device: true, Login: true, Refused: "login refused"})
	}
	m.Activity(Activity{Name: "stranger999", Device: true, Login: true})
	for i := range 18 {
		m.Activity(Activity{Name: fmt.Sprint("s", i), Device: true, Login: true})
	}
	_, page := get(t, m, "/devices")
	if n := strings.Count(page, "\n"); n != 21 || !strings.Contains(page, `"keep"`) || !strings.Contains(page, `"stranger998"`) || strings.Contains(page, `"stranger997"`) {
		t.Errorf("%d clients:\n%s", n, page)
	}
	m.Activity(Activity{Name: "s18", Device: true, Login: true})
	if _, page = get(t, m, "/devices"); strings.Contains(page, `"keep"`) || len(m.devices.byName) != 21 {
		t.Errorf("the oldest is kept:\n%s", page)
	}
	m = New(nil)
	m.RememberDevices(-1)
	m.Activity(Activity{Name: "x", Login: true})
	if len(m.devices.byName) != 0 {
		t.Error("remembered, and nobody can ask")
	}
}

// TestManyCertificates names those of many that end first, and counts all.
func TestManyCertificates(t *testing.T) {
	t.Parallel()
	m := New(func() time.Time { return noon })
	ends := map[Certificate]time.Time{}
	for i := range 5000 {
		ends[Certificate{"identity", fmt.Sprintf("s%d._device.example.net", i)}] = noon.Add(time.Duration(i) * 24 * time.Hour)
	}
	m.Certificates(func() map[Certificate]time.Time { return ends })
	_, page := get(t, m, "/metrics")
	for _, line := range []string{
		`dnseal_certificate_not_after_timestamp_seconds{kind="identity",name="s99._device.example.net"} 1.8040752e+09`, `dnseal_certificates_first_not_after_timestamp_seconds{kind="identity"} 1.7955216e+09`,
		`dnseal_certificates{kind="identity"} 5000`, `dnseal_certificates_expiring{days="7",kind="identity"} 8`, `dnseal_certificates_expiring{days="30",kind="identity"} 31`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	if n := strings.Count(page, "dnseal_certificate_not_after_timestamp_seconds{"); n != maxNamed {
		t.Errorf("%d certificates by name", n)
	}
}

// BenchmarkDevices records logins of as many devices as are remembered, and the memory of one.
func BenchmarkDevices(b *testing.B) {
	m := New(nil)
	names := make([]string, DefaultDevices)
	for i := range names {
		names[i] = fmt.Sprintf("s%06d._device.site%03d.example.net", i, i%300)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, name := range names {
		m.Activity(Activity{Name: strings.Clone(name), Device: true, Login: true})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	i := 0
	for b.Loop() {
		m.Activity(Activity{Name: names[i%len(names)], Device: true, Login: true})
		i++
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/DefaultDevices, "B/device")
	runtime.KeepAlive(m)
}
