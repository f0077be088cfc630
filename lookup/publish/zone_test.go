package publish

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest"
)

// TestFindZone: by SOA, through what is in the way, from the resolver and from the primary.
func TestFindZone(t *testing.T) {
	t.Parallel()
	resolver := newWorld(t, nil, func(o *Options) { o.Server = "" })
	primary := newWorld(t, nil, nil)
	forwarder := newWorld(t, nil, func(o *Options) { o.Server = "" })
	startNoAuthority(t, forwarder)
	for name, want := range map[string]string{
		mailOwner(1):                        "example.org.",
		"example.org.":                      "example.org.",
		"alias._smimecert.example.org.":     "example.org.",     // a CNAME at the name
		"x.alias._smimecert.example.org.":   "example.org.",     // below one
		"a.tree.example.org.":               "example.org.",     // a DNAME above
		"ent.host.example.org.":             "example.org.",     // an empty non-terminal
		"below.deep.ent.host.example.org.":  "example.org.",     // NXDOMAIN
		"sub.example.org.":                  "sub.example.org.", // the apex of a zone below
		"aa._smimecert.sub.example.org.":    "sub.example.org.",
		"aa._smimecert.nosuch.example.org.": "example.org.",
		"s1._device.example.org.":           "example.org.", // a wildcard
		"x.example.net.":                    "example.net.",
	} {
		for kind, w := range map[string]*world{"resolver": resolver, "primary": primary, "forwarder": forwarder} {
			z, err := w.zoneOf(t.Context(), name)
			if err != nil || z.name != want || z.primary != "ns."+want {
				t.Errorf("%s by %s: %+v, %v, want %s", name, kind, z, err, want)
			}
		}
	}
	if z, err := resolver.zoneOf(t.Context(), "example.invalid."); err == nil && z.name == "." {
		t.Error("the root is nobody's zone")
	}
}

// startNoAuthority puts a forwarder in front of the sandbox that leaves the authority section out.
func startNoAuthority(t *testing.T, w *world) {
	t.Helper()
	f := startFake(t, w, func(*world, *dns.Msg) *dns.Msg { return nil })
	addr := listenStripping(t, f.addr)
	w.lookup = newLookup(t, addr, w.sandbox.Anchor())
	c, err := New(Options{Lookup: w.lookup})
	must(t, err)
	w.Client = c
}

func listenStripping(t *testing.T, up string) string {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	s := &dns.Server{PacketConn: udp, Handler: dns.HandlerFunc(func(rw dns.ResponseWriter, in *dns.Msg) {
		c := dns.Client{Net: "tcp", Timeout: 5 * time.Second}
		out, _, err := c.Exchange(in, up)
		if err == nil {
			out.Ns = nil
			_ = rw.WriteMsg(out)
		}
	})}
	started := make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	go func() { _ = s.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = s.Shutdown() })
	return udp.LocalAddr().String()
}

// TestNamedZone: what is not in it is refused before anything is asked; a zone that no resolver
// knows counts as it is named.
func TestNamedZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, func(o *Options) { o.Zone = "Example.ORG" })
	wantCode(t, w.Apply(t.Context(), add("aa._smimecert.example.com.", record('a'))), OutsideZone)
	wantCode(t, w.Apply(t.Context(), add("aa._smimecert.notexample.org.", record('a'))), OutsideZone)
	must(t, w.Apply(t.Context(), add(mailOwner(1), record('a'))))
	part := newWorld(t, nil, func(o *Options) { o.Zone = "_smimecert.example.org" })
	wantCode(t, part.Apply(t.Context(), add(mailOwner(1), record('a'))), NotHere)
}

// TestPrimary: the one in the SOA, by its address in the DNS; without an address that is said.
func TestPrimary(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, func(o *Options) { o.Server = "" })
	script, err := w.Script(t.Context(), add(mailOwner(1), record('a')))
	if err != nil || !strings.HasPrefix(script, "server 127.0.0.1 53\nzone example.org.\n") {
		t.Errorf("%s, %v", script, err)
	}
	hidden := newWorld(t, func(z *lookuptest.Zone) {
		z.Text = strings.Replace(z.Text, "SOA ns ", "SOA hidden.example.net. ", 1)
	}, func(o *Options) { o.Server = "" })
	r := wantCode(t, hidden.Apply(t.Context(), add(mailOwner(1), record('a'))), NoPrimary)
	if !strings.Contains(r.Text, "hidden.example.net. has no address") || !strings.Contains(r.Advice, "--server") {
		t.Errorf("%+v", r)
	}
}

// TestNameServers: those of the NS records with their addresses; those that are named; none.
func TestNameServers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(z *lookuptest.Zone) {
		z.Text += "@ NS ns2\nns2 A 192.0.2.2\nns2 A 192.0.2.3\n@ NS lost.example.net.\n"
	}, func(o *Options) { o.NameServers = nil })
	list, err := w.nameServers(t.Context(), zone{name: "example.org."})
	must(t, err)
	var got []string
	for _, s := range list {
		got = append(got, s.String())
	}
	slices.Sort(got)
	want := []string{"lost.example.net.", "ns.example.org. (127.0.0.1:53)", "ns2.example.org. (192.0.2.2:53)", "ns2.example.org. (192.0.2.3:53)"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	named := newWorld(t, nil, func(o *Options) { o.NameServers = []string{"ns.example.org:5353", "[2001:db8::1]", "192.0.2.9"} })
	list, err = named.nameServers(t.Context(), zone{name: "example.org."})
	if err != nil || len(list) != 3 || list[0].addr != "127.0.0.1:5353" || list[1].addr != "[2001:db8::1]:53" || list[2].addr != "192.0.2.9:53" {
		t.Errorf("%+v, %v", list, err)
	}
	lost := newWorld(t, nil, func(o *Options) { o.NameServers = []string{"lost.example.net"} })
	_, err = lost.Read(t.Context(), mailOwner(1), dane.SMIMEA)
	wantCode(t, err, NoNameServers)
	none := newWorld(t, nil, func(o *Options) { o.NameServers = nil })
	_, err = none.nameServers(t.Context(), zone{name: "alias._smimecert.example.org."})
	wantCode(t, err, NoNameServers)
}

// TestSplitCommand: spaces and quotes, no shell.
func TestSplitCommand(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"":                                 nil,
		"  rndc reload  example.org ":      {"rndc", "reload", "example.org"},
		`sh -c 'a && b "c"'`:               {"sh", "-c", `a && b "c"`},
		`a "" b`:                           {"a", "", "b"},
		`a"b c"d`:                          {"ab cd"},
		"knotc\tzone-reload $HOME ; x | y": {"knotc", "zone-reload", "$HOME", ";", "x", "|", "y"},
	} {
		got, err := SplitCommand(in)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{`a "b`, "a 'b", "a\nb", "a\x00"} {
		if _, err := SplitCommand(in); err == nil {
			t.Errorf("%q: no error", in)
		}
	}
}

// TestOptions: what cannot be read is an error before anything is asked.
func TestOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	for name, o := range map[string]Options{
		"no lookup":   {},
		"zone":        {Lookup: w.lookup, Zone: "a..b"},
		"root":        {Lookup: w.lookup, Zone: "."},
		"port":        {Lookup: w.lookup, Server: "a:b"},
		"port 0":      {Lookup: w.lookup, Server: "a:0"},
		"host":        {Lookup: w.lookup, Server: "a b"},
		"name server": {Lookup: w.lookup, NameServers: []string{"a:99999"}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NewZoneFile(ZoneFileOptions{Lookup: w.lookup}); err == nil {
		t.Error("no file: no error")
	}
}

// TestNotes: TTLs that are not as asked.
func TestNotes(t *testing.T) {
	t.Parallel()
	c := add(mailOwner(1), record('a'))
	seen := func(ttl time.Duration, r ...dane.Record) []Seen {
		s := Seen{Owner: mailOwner(1), Type: dane.SMIMEA, Server: "ns", TTL: ttl, Records: r}
		return []Seen{s, s}
	}
	for want, list := range map[string][]Seen{
		"":                                      seen(time.Minute, record('a')),
		"is 86400 s on ns, not 60 s as asked":   seen(24*time.Hour, record('a')),
		"is 60 s now, also for 1 other records": seen(time.Minute, record('a'), record('b')),
		"2^31 s and more, which counts as 0":    seen(0, record('a')),
	} {
		got := Notes(list, c)
		if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestCanceled: who goes away hears that, and not of the zone.
func TestCanceled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Apply(ctx, add(mailOwner(1), record('a'))); !errors.Is(err, ctx.Err()) {
		t.Error(err)
	}
	if _, err := w.Read(ctx, mailOwner(1), dane.SMIMEA); !errors.Is(err, ctx.Err()) {
		t.Error(err)
	}
}
