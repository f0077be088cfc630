package zonecheck

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a server in front of a hierarchy, wrong on purpose.
type fake struct {
	up *lookuptest.Server
	// edit changes an answer; nil: as it is. It returns nil for silence.
	edit func(q dns.Question, out *dns.Msg) *dns.Msg
	// recursive: as a resolver, without AA.
	recursive    bool
	noUDP, noTCP bool
}

// start serves on loopback until the test ends and returns host:port.
func (f *fake) start(t *testing.T) string {
	t.Helper()
	tcp, udp := listenBoth(t)
	ctx, cancel := context.WithCancel(context.Background())
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, in *dns.Msg) { f.serve(ctx, w, in) })
	servers := []*dns.Server{{PacketConn: udp, Handler: handler, UDPSize: 4096}, {Listener: tcp, Handler: handler, MaxTCPQueries: -1}}
	if f.noTCP {
		servers = servers[:1]
		tcp.Close()
	}
	var done sync.WaitGroup
	for _, s := range servers {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		done.Go(func() { _ = s.ActivateAndServe() })
		<-started
	}
	t.Cleanup(func() {
		cancel()
		for _, s := range servers {
			_ = s.Shutdown()
		}
		done.Wait()
	})
	return udp.LocalAddr().String()
}

func listenBoth(t *testing.T) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 50 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if udp, err := net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			return tcp, udp
		}
		tcp.Close()
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil, nil
}

func (f *fake) serve(ctx context.Context, w dns.ResponseWriter, in *dns.Msg) {
	_, byUDP := w.RemoteAddr().(*net.UDPAddr)
	if byUDP && f.noUDP {
		return
	}
	q := in.Question[0]
	q.Name = dns.CanonicalName(q.Name)
	out, err := f.up.Exchange(ctx, q.Name, q.Qtype, true)
	if err != nil {
		return
	}
	out.Id, out.Question, out.CheckingDisabled = in.Id, in.Question, false
	out.Authoritative = !f.recursive && out.Rcode != dns.RcodeServerFailure
	if f.edit != nil {
		if out = f.edit(q, out); out == nil {
			return
		}
	}
	out.Compress = true
	if byUDP {
		out.Truncate(udpSize)
	}
	_ = w.WriteMsg(out)
}

// world is a hierarchy with what is asked of it.
type world struct {
	srv  *lookuptest.Server
	opts Options
}

// resign replaces the answer section by records of a zone, with a signature that only the zone can
// make.
func resign(t *testing.T, srv *lookuptest.Server, zone string, out *[]dns.RR, set ...dns.RR) {
	t.Helper()
	*out = append(set, sign(t, srv, zone, set...))
}

func sign(t *testing.T, srv *lookuptest.Server, zone string, set ...dns.RR) dns.RR {
	t.Helper()
	key, signer, err := srv.Key(zone)
	if err != nil {
		panic(err) // in a server, where a test cannot be ended
	}
	now := time.Now()
	sig := &dns.RRSIG{
		Hdr: dns.RR_Header{Ttl: set[0].Header().Ttl}, Algorithm: key.Algorithm, KeyTag: key.KeyTag(), SignerName: zone,
		Inception: uint32(now.Add(-time.Hour).Unix()), Expiration: uint32(now.Add(14 * day).Unix()),
	}
	if err := sig.Sign(signer, set); err != nil {
		panic(err)
	}
	return sig
}

func rr(t *testing.T, text string) dns.RR {
	t.Helper()
	out, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return out
}

// newWorld serves zones by one resolver and the given name servers; without any there is a right
// one.
func newWorld(t *testing.T, zones []lookuptest.Zone, resolver *fake, servers ...*fake) *world {
	t.Helper()
	return newWorldAt(t, time.Now, zones, resolver, servers...)
}

func newWorldAt(t *testing.T, now func() time.Time, zones []lookuptest.Zone, resolver *fake, servers ...*fake) *world {
	t.Helper()
	srv, err := lookuptest.New(zones, lookuptest.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := dnssec.ParseAnchors(srv.Anchor(), "test")
	if err != nil {
		t.Fatal(err)
	}
	if resolver == nil {
		resolver = new(fake)
	}
	resolver.up, resolver.recursive = srv, true
	w := &world{srv: srv, opts: Options{
		Domain: "example.org", Resolvers: []string{resolver.start(t)}, Anchors: anchors,
		Revocation: 30 * day, Interval: time.Microsecond, Timeout: 5 * time.Second,
	}}
	if len(servers) == 0 {
		servers = []*fake{{}}
	}
	for _, f := range servers {
		f.up = srv
		w.opts.NameServers = append(w.opts.NameServers, f.start(t))
	}
	return w
}

func (w *world) run(t *testing.T) *Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := Run(ctx, w.opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
