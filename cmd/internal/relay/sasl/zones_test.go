package sasl

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/identity"
)

var errSilent = unavailable("no answer")

// ask waits for its turn and then for so long, as a lookup would.
func ask(ctx context.Context, zs *zones, owner string, takes time.Duration, err error) error {
	return askIn(ctx, zs, owner, "", takes, err)
}

// askIn is ask where the lookup learns which zone the outcome comes from.
func askIn(ctx context.Context, zs *zones, owner, cut string, takes time.Duration, err error) error {
	return zs.turn(ctx, owner, func() (string, error) {
		time.Sleep(takes)
		return cut, err
	})
}

// TestTurns has the logins of one zone wait for each other, in order, and those of another not.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		zs := newZones(16) // two of one zone
		start := time.Now()
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				if err := ask(t.Context(), zs, fmt.Sprintf("s%d._device.a.example.", i), time.Second, nil); err != nil {
					t.Errorf("login %d: %v", i, err)
				}
			})
		}
		synctest.Wait()
		if err := ask(t.Context(), zs, "s._device.b.example.", time.Second, nil); err != nil || time.Since(start) != time.Second {
			t.Errorf("the other zone: %v after %v", err, time.Since(start))
		}
		all.Wait()
		if took := time.Since(start); took != 500*time.Second {
			t.Errorf("1000 logins by two took %v", took)
		}
	})
}

// TestTurnInTime defers a login that gets no turn in time, and names its zone.
func TestTurnInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		zs := newZones(8)
		var first sync.WaitGroup
		first.Go(func() { ask(t.Context(), zs, "s1._device.a.example.", time.Minute, nil) })
		defer first.Wait()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		err := ask(ctx, zs, "s2._device.a.example.", 0, nil)
		z, ok := errors.AsType[*ZoneError](err)
		if !ok || z.Zone != "a.example" || !errors.Is(err, ErrUnavailable) {
			t.Errorf("error = %v", err)
		}
	})
}

// TestSilentZone has 1,500 logins wait for a zone that never answers: the logins of another keep
// their rate to the tick, those of the first are deferred soon, and when it answers again all are
// served.
func TestSilentZone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		zs := newZones(128)
		var silent sync.WaitGroup
		start := time.Now()
		for i := range 1500 {
			silent.Go(func() {
				if err := ask(t.Context(), zs, fmt.Sprintf("s%d._device.silent.example.", i), 5*time.Second, errSilent); !errors.Is(err, ErrUnavailable) {
					t.Errorf("login %d: %v", i, err)
				}
			})
		}
		synctest.Wait()
		for i := range 1000 {
			if err := ask(t.Context(), zs, fmt.Sprintf("s%d._device.good.example.", i), 10*time.Millisecond, nil); err != nil {
				t.Errorf("login %d: %v", i, err)
			}
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("1000 logins of 10 ms took %v", took)
		}
		silent.Wait()
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("1500 logins of a zone that does not answer were deferred after %v only", took)
		}
		// Now it is known. Two lookups at a time find out whether it answers, some wait, the others
		// are deferred at once.
		var deferred atomic.Int64
		for range 1500 {
			silent.Go(func() {
				if ask(t.Context(), zs, "s._device.silent.example.", 5*time.Second, errSilent) != nil && time.Since(start) == 10*time.Second {
					deferred.Add(1)
				}
			})
		}
		synctest.Wait()
		if n := deferred.Load(); n != 1500-downWaiting {
			t.Errorf("%d of 1500 deferred at once", n)
		}
		silent.Wait()
		if err := ask(t.Context(), zs, "s._device.silent.example.", time.Millisecond, nil); err != nil {
			t.Errorf("it answers, and %v", err)
		}
		for range 1500 {
			silent.Go(func() {
				if err := ask(t.Context(), zs, "s._device.silent.example.", time.Millisecond, nil); err != nil {
					t.Errorf("it answers again, and %v", err)
				}
			})
		}
		silent.Wait()
	})
}

// TestZonesAreBounded forgets zones that strangers choose.
func TestZonesAreBounded(t *testing.T) {
	t.Parallel()
	zs := newZones(128)
	for i := range 2 * maxZones {
		if err := zs.turn(t.Context(), fmt.Sprintf("s._device.z%d.example.", i), func() (string, error) { return "", nil }); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(zs.named); n > maxZones {
		t.Errorf("%d zones remembered", n)
	}
}

// lab is devices in zones that sign, and a client that validates.
type lab struct {
	*lookuptest.Server
	auth  *Authenticator
	tls   *tls.ConnectionState
	asked atomic.Int64 // questions for TLSA
}

func newLab(t *testing.T, opts lookup.Options, zones ...lookuptest.Zone) *lab {
	t.Helper()
	l := &lab{}
	id, err := identity.Create(t.TempDir(), "s1._device.good.lab", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l.tls = &tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{id.Certificate}}
	record := fmt.Sprintf("3 1 1 %x", sha256.Sum256(id.Certificate.RawSubjectPublicKeyInfo))
	for i := range zones {
		zones[i].Text = strings.ReplaceAll(zones[i].Text, "RECORD", record)
	}
	l.Server, err = lookuptest.New(zones, lookuptest.Options{Asked: func(_ string, qtype uint16) {
		if qtype == dns.TypeTLSA {
			l.asked.Add(1)
		}
	}})
	if err == nil {
		err = l.Start("127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	opts.Resolvers = []string{l.Addr()}
	if opts.Anchors, err = dnssec.ParseAnchors(l.Anchor(), "lab"); err != nil {
		t.Fatal(err)
	}
	client, err := lookup.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	l.auth, err = New(Options{Clients: []string{"*._device.good.lab", "*._device.silent.lab"}, Lookup: client, LookupTimeout: time.Hour}, func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *lab) login(ctx context.Context, name string) error {
	ms, err := l.auth.Mechanisms(ctx, Client{TLS: l.tls})
	if err != nil {
		return err
	}
	x, err := ms[0].Begin(ctx, Client{TLS: l.tls})
	if err != nil {
		return err
	}
	defer x.Close()
	_, _, err = x.Step(ctx, []byte(name))
	return err
}

const devices = "$ORIGIN ZONE.lab.\n@ 300 SOA ns h 1 3600 600 86400 60\n@ 300 NS ns\nns 300 A 127.0.0.1\n*._device 300 TLSA RECORD\ns1._device 300 TLSA RECORD\nother._device 300 TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000\nnone._device 300 TXT x\n"

func deviceZone(name string) lookuptest.Zone {
	return lookuptest.Zone{Text: strings.ReplaceAll(devices, "ZONE", name)}
}

// TestLoginsAskOnce: within the TTL of its record all logins of a device cost one question, and
// those at the same time one too; a record that does not match, or is absent, is asked for once
// more, and then not again within seconds.
func TestLoginsAskOnce(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	l := newLab(t, lookup.Options{Timeout: time.Minute, Now: func() time.Time { return time.Now().Add(time.Duration(late.Load())) }}, deviceZone("good"))
	causes := map[string]string{"other._device.good.lab": causeNoMatch, "none._device.good.lab": causeNoRecord}
	questions := func(name string, logins int, ok bool) int64 {
		t.Helper()
		before := l.asked.Load()
		var all sync.WaitGroup
		for range logins {
			all.Go(func() {
				if err := l.login(t.Context(), name); ok != (err == nil) || !ok && !errors.Is(err, ErrDenied) || Cause(err) != causes[name] {
					t.Errorf("login as %s: %v", name, err)
				}
			})
		}
		all.Wait()
		return l.asked.Load() - before
	}
	for _, tt := range []struct {
		name   string
		late   time.Duration
		logins int
		ok     bool
		want   int64
	}{
		{"s1._device.good.lab", 0, 50, true, 1},
		{"s1._device.good.lab", 299 * time.Second, 50, true, 0},
		{"s1._device.good.lab", 301 * time.Second, 50, true, 1},
		{"other._device.good.lab", 0, 50, false, 1},
		// The cache could be wrong: asked once more.
		{"other._device.good.lab", 6 * time.Second, 50, false, 1},
		{"other._device.good.lab", 6 * time.Second, 50, false, 0},
		{"none._device.good.lab", 0, 50, false, 1},
		{"none._device.good.lab", 6 * time.Second, 50, false, 1},
	} {
		late.Store(int64(tt.late))
		if got := questions(tt.name, tt.logins, tt.ok); got != tt.want {
			t.Errorf("%d logins as %s %v later: %d questions, want %d", tt.logins, tt.name, tt.late, got, tt.want)
		}
	}
}

// TestSilentZoneOnTheWire has 100 logins wait for a zone that never answers, by the real client of
// the DNS. 200 devices of another zone, whose names nobody has asked for, get in meanwhile.
func TestSilentZoneOnTheWire(t *testing.T) {
	t.Parallel()
	silent := deviceZone("silent")
	silent.Break = lookuptest.Slow
	l := newLab(t, lookup.Options{Timeout: time.Hour}, deviceZone("good"), silent)
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for i := range 100 {
		waiting.Go(func() {
			if err := l.login(ctx, fmt.Sprintf("s%d._device.silent.lab", i)); !errors.Is(err, ErrUnavailable) {
				t.Errorf("silent: %v", err)
			}
		})
	}
	peertest.WaitFor(t, "all to wait", func() bool {
		l.auth.external.zones.mu.Lock()
		defer l.auth.external.zones.mu.Unlock()
		z := l.auth.external.zones.named["_device.silent.lab"]
		return z != nil && z.users == 100
	})
	for i := range 200 {
		if err := l.login(t.Context(), fmt.Sprintf("s%d._device.good.lab", i)); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	waiting.Wait()
}
