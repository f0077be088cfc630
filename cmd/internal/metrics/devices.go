package metrics

import (
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// DefaultDevices is how many clients are remembered.
const DefaultDevices = 100_000

// refusedShare is which part of them may be clients that have never got in: where a listener lets
// names in by a star, strangers choose such names.
const refusedShare = 10

// Activity is something that a client did: a device that logs in by certificate, or a user.
type Activity struct {
	Name    string
	Device  bool
	Login   bool   // else a message
	Refused string // the result; empty: it was accepted
}

// device is what is remembered of a client, about 200 bytes with its name.
type device struct {
	name                   string
	refusal                string
	login, message, refuse int64 // when, in seconds since 1970; 0: never
	logins, messages       uint32
	refusals               uint32
	kind                   bool // a device
	older, newer           *device
	in                     *recent
}

// recent are clients in the order of their last activity.
type recent struct {
	newest, oldest *device
	count, most    int
}

func (r *recent) push(d *device) {
	d.in, d.older, d.newer = r, r.newest, nil
	if r.newest != nil {
		r.newest.newer = d
	}
	if r.newest = d; r.oldest == nil {
		r.oldest = d
	}
	r.count++
}

func (r *recent) remove(d *device) {
	if d.newer != nil {
		d.newer.older = d.older
	} else {
		r.newest = d.older
	}
	if d.older != nil {
		d.older.newer = d.newer
	} else {
		r.oldest = d.newer
	}
	d.in, d.older, d.newer = nil, nil, nil
	r.count--
}

// devices remembers when each client was last seen. It is bounded, and shown one by one only to
// who asks for the list: as metrics there are totals alone.
type devices struct {
	now  func() time.Time
	desc *prometheus.Desc

	mu            sync.Mutex
	byName        map[string]*device // by kind and name
	seen, refused recent             // who has got in once, and who has not
}

func newDevices(now func() time.Time) *devices {
	d := &devices{now: now, byName: map[string]*device{}, desc: prometheus.NewDesc("dnseal_clients_seen",
		"Clients that logged in or handed in a message within the time, by kind; of those that are remembered.", []string{"kind", "within"}, nil)}
	d.seen.most, d.refused.most = DefaultDevices, DefaultDevices/refusedShare
	return d
}

// RememberDevices sets how many clients are remembered; 0: DefaultDevices; less: none. It must be
// called before the first of them comes.
func (m *Metrics) RememberDevices(most int) {
	if m == nil || most == 0 {
		return
	}
	m.devices.mu.Lock()
	defer m.devices.mu.Unlock()
	m.devices.seen.most, m.devices.refused.most = most, max(most/refusedShare, 1)
}

// Activity records what a client did.
func (m *Metrics) Activity(a Activity) {
	if m == nil || a.Name == "" {
		return
	}
	d := m.devices
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen.most < 0 {
		return
	}
	one := d.entry(a)
	now := d.now().Unix()
	switch {
	case a.Refused != "":
		one.refuse, one.refusal = now, a.Refused
		one.refusals++
	case a.Login:
		one.login = now
		one.logins++
	default:
		one.message = now
		one.messages++
	}
}

// entry returns the entry of a client, as the newest of its list, and drops the oldest where there
// are too many.
func (d *devices) entry(a Activity) *device {
	key := a.key()
	one := d.byName[key]
	if one == nil {
		one = &device{name: key[1:], kind: a.Device}
		d.byName[key] = one
	}
	list := one.in
	if list != nil {
		list.remove(one)
	}
	if list == nil {
		list = &d.refused
	}
	if a.Refused == "" {
		list = &d.seen
	}
	list.push(one)
	if list.count > list.most {
		old := list.oldest
		list.remove(old)
		delete(d.byName, Activity{Name: old.name, Device: old.kind}.key())
	}
	return one
}

func (a Activity) key() string {
	if a.Device {
		return "d" + a.Name
	}
	return "u" + a.Name
}

// last is when the client got something done.
func (o *device) last() int64 { return max(o.login, o.message) }

// Describe implements prometheus.Collector.
func (d *devices) Describe(out chan<- *prometheus.Desc) { out <- d.desc }

// Collect implements prometheus.Collector.
func (d *devices) Collect(out chan<- prometheus.Metric) {
	windows := []struct {
		name   string
		length time.Duration
	}{{"hour", time.Hour}, {"day", 24 * time.Hour}}
	counts := map[[2]string]int{}
	d.mu.Lock()
	now := d.now()
	for one := d.seen.newest; one != nil; one = one.older {
		for _, w := range windows {
			if one.last() > now.Add(-w.length).Unix() {
				counts[[2]string{kindWord(one.kind), w.name}]++
			}
		}
	}
	d.mu.Unlock()
	for _, kind := range []bool{true, false} {
		for _, w := range windows {
			out <- prometheus.MustNewConstMetric(d.desc, prometheus.GaugeValue, float64(counts[[2]string{kindWord(kind), w.name}]), kindWord(kind), w.name)
		}
	}
}

func kindWord(device bool) string {
	if device {
		return "device"
	}
	return "user"
}

// seenLine is a line of /devices.
type seenLine struct {
	Name        string     `json:"name"`
	Kind        string     `json:"kind"`
	LastLogin   *time.Time `json:"last_login,omitempty"`
	LastMessage *time.Time `json:"last_message,omitempty"`
	LastRefusal *time.Time `json:"last_refusal,omitempty"`
	Refusal     string     `json:"refusal,omitempty"`
	Logins      uint32     `json:"logins"`
	Messages    uint32     `json:"messages"`
	Refusals    uint32     `json:"refusals"`
}

func at(seconds int64) *time.Time {
	if seconds == 0 {
		return nil
	}
	t := time.Unix(seconds, 0).UTC()
	return &t
}

// snapshot copies all entries, those with the newest activity first, so that a slow reader keeps
// nobody waiting. With a name it has that one alone.
func (d *devices) snapshot(name string) []device {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []device
	if name != "" {
		for _, a := range []Activity{{Name: name, Device: true}, {Name: name}} {
			if one := d.byName[a.key()]; one != nil {
				out = append(out, *one)
			}
		}
		return out
	}
	out = make([]device, 0, len(d.byName))
	for _, list := range []*recent{&d.seen, &d.refused} {
		for one := list.newest; one != nil; one = one.older {
			out = append(out, *one)
		}
	}
	return out
}

// serve answers /devices: a JSON object a line for each client that is remembered, or with
// ?name=NAME for one.
func (d *devices) serve(w http.ResponseWriter, r *http.Request) {
	name, ok := nameAsked(r.URL.RawQuery)
	if !ok {
		http.Error(w, "want /devices or /devices?name=NAME", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	out := json.NewEncoder(w)
	for _, one := range d.snapshot(name) {
		if out.Encode(seenLine{
			one.name, kindWord(one.kind), at(one.login), at(one.message), at(one.refuse), one.refusal, one.logins, one.messages, one.refusals,
		}) != nil {
			return // the reader has gone
		}
	}
}

// nameAsked is the name of a query; empty: there is none. Any other query is a mistake, which must
// not list all.
func nameAsked(query string) (name string, ok bool) {
	if query == "" {
		return "", true
	}
	q, err := url.ParseQuery(query)
	name = q.Get("name")
	return name, err == nil && len(q) == 1 && len(q["name"]) == 1 && name != ""
}
