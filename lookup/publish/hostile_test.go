package publish

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// soonEnough is far above what bounded work needs on a slow machine, and far below work without a
// bound.
const soonEnough = 30 * time.Second

// listenRaw takes connections, and hands each to serve after the first message was read.
func listenRaw(t *testing.T, serve func(net.Conn, *dns.Msg)) string {
	t.Helper()
	tcp, udp := listenBoth(t)
	must(t, udp.Close()) // questions by UDP are refused
	var running sync.WaitGroup
	t.Cleanup(func() { _ = tcp.Close(); running.Wait() })
	running.Go(func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				m := new(dns.Msg) // whose TSIG is not looked at
				if wire, err := (&dns.Conn{Conn: conn}).ReadMsgHeader(nil); err == nil && m.Unpack(wire) == nil {
					serve(conn, m)
				}
			})
		}
	})
	return tcp.Addr().String()
}

// TestHostilePrimary: a primary that drips, talks for ever or says nothing holds nobody up.
func TestHostilePrimary(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		serve func(net.Conn, *dns.Msg)
		want  Code
	}{
		"drips": {func(conn net.Conn, _ *dns.Msg) {
			_, err := conn.Write([]byte{0xff, 0xff})
			for ; err == nil; time.Sleep(5 * time.Millisecond) { // as slowly as it likes
				_, err = conn.Write([]byte{0})
			}
		}, Unknown},
		"says nothing": {func(conn net.Conn, _ *dns.Msg) { _, _ = io.Copy(io.Discard, conn) }, Unknown},
		"talks on": {func(conn net.Conn, m *dns.Msg) {
			out := new(dns.Msg).SetRcode(m, dns.RcodeSuccess)
			out.Id++
			wire, err := out.Pack()
			for framed := (&dns.Conn{Conn: conn}); err == nil; {
				_, err = framed.Write(wire)
			}
		}, BadReply},
		"no DNS":    {func(conn net.Conn, _ *dns.Msg) { _, _ = conn.Write([]byte("\x00\x14220 mail.example.org ")) }, BadReply},
		"too short": {func(conn net.Conn, _ *dns.Msg) { _, _ = conn.Write([]byte{0, 1, 0}) }, Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := listenRaw(t, tt.serve)
			w := newWorld(t, nil, func(o *Options) { o.Server, o.Zone, o.Timeout = addr, "example.org", time.Second })
			began := time.Now()
			wantCode(t, w.Apply(t.Context(), add(mailOwner(1), record('a'))), tt.want)
			if took := time.Since(began); took > soonEnough {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// TestAllRefused: a primary that refuses every message for its records, and answers few questions
// about them: neither their number nor the time is without bound.
func TestAllRefused(t *testing.T) {
	t.Parallel()
	for _, most := range []int64{1, 100} {
		w := newWorld(t, nil, func(o *Options) { o.Zone = "example.org" })
		f := startFake(t, w, func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeYXRrset, true, 0) })
		f.most.Store(most)
		w.Reader.opts.Timeout, w.asker = 300*time.Millisecond, asker{300 * time.Millisecond}
		w.Reader.opts.Zone = "example.org."
		var list []Change
		for n := range 400 {
			list = append(list, add(mailOwner(n), record('a')))
		}
		began := time.Now()
		wantCode(t, w.Apply(t.Context(), list...), Changed)
		if took := time.Since(began); took > soonEnough || f.updates.Load() > maxTries || f.asked.Load() > most+200 {
			t.Errorf("%d messages, %d questions, %s", f.updates.Load(), f.asked.Load(), took)
		}
	}
}

// TestCrowd: a zone with hundreds of name servers and addresses: few of them are asked.
func TestCrowd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(z *lookuptest.Zone) {
		var more strings.Builder
		for i := range 300 {
			fmt.Fprintf(&more, "@ NS ns%d\nns%d A 192.0.2.%d\nmany A 198.51.%d.%d\n", i, i, i%250, i/250, i%250)
		}
		z.Text += more.String()
	}, func(o *Options) { o.NameServers = nil })
	list, err := w.nameServers(t.Context(), zone{name: "example.org."})
	if err != nil || len(list) != maxNameServers {
		t.Errorf("%d name servers, %v", len(list), err)
	}
	addrs, err := w.addresses(t.Context(), "many.example.org", "53")
	if err != nil || len(addrs) != maxNameServers {
		t.Errorf("%d addresses, %v", len(addrs), err)
	}
}

// TestHostileNameServer: one that answers other questions, drips, or has a huge set cannot be read,
// and that is what is said.
func TestHostileNameServer(t *testing.T) {
	t.Parallel()
	drip := listenRaw(t, func(conn net.Conn, _ *dns.Msg) {
		_, err := conn.Write([]byte{0xff, 0xff})
		for ; err == nil; time.Sleep(5 * time.Millisecond) { // as slowly as it likes
			_, err = conn.Write([]byte{0})
		}
	})
	other := listenRaw(t, func(conn net.Conn, m *dns.Msg) {
		out := new(dns.Msg).SetReply(m)
		out.Authoritative, out.Question[0].Name = true, "other.example.org."
		_ = (&dns.Conn{Conn: conn}).WriteMsg(out)
	})
	lame := func(edit func(*dns.Msg)) string {
		return listenRaw(t, func(conn net.Conn, m *dns.Msg) {
			out := new(dns.Msg).SetReply(m)
			edit(out)
			_ = (&dns.Conn{Conn: conn}).WriteMsg(out)
		})
	}
	soa, err := dns.NewRR("example.org. 60 SOA ns.example.org. h.example.org. 1 2 3 4 5")
	must(t, err)
	cached := lame(func(m *dns.Msg) { m.Answer = []dns.RR{soa} })
	parent := lame(func(m *dns.Msg) {
		m.Authoritative, m.Ns = true, []dns.RR{dns.Copy(soa)}
		m.Ns[0].Header().Name = "org."
	})
	const notHere = "does not serve the zone"
	for addr, words := range map[string]string{drip: "no answer in time", other: "another question", cached: notHere, parent: notHere} {
		w := newWorld(t, nil, func(o *Options) { o.NameServers, o.Timeout = []string{addr}, time.Second })
		began := time.Now()
		seen, readErr := w.Read(t.Context(), mailOwner(1), dane.SMIMEA)
		if readErr != nil || len(seen) != 1 || seen[0].Err == nil || !strings.Contains(seen[0].Err.Error(), words) || time.Since(began) > soonEnough {
			t.Errorf("%+v, %v, want %s; it took %s", seen, readErr, words, time.Since(began))
		}
	}
	w := newWorld(t, func(z *lookuptest.Zone) {
		var more strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&more, "huge._smimecert SMIMEA 3 1 1 %064x\n", i)
		}
		z.Text += more.String()
	}, nil)
	seen, err := w.Read(t.Context(), "huge._smimecert.example.org", dane.SMIMEA)
	if err != nil || len(seen) != 1 || seen[0].Err == nil && seen[0].Status == dnssec.Secure {
		t.Errorf("%d records, %v", len(seen[0].Records), err)
	}
}

// TestSlowNameServer: one that answers for its SOA, and nothing else, is not waited for by every
// question that an answer could need.
func TestSlowNameServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	f := startFake(t, w, nil)
	f.most.Store(1)
	w.Reader.opts.NameServers, w.Reader.opts.Zone = []string{f.addr}, "example.org."
	w.primary = ""
	w.Reader.opts.Timeout, w.asker = 300*time.Millisecond, asker{300 * time.Millisecond}
	began := time.Now()
	seen, err := w.Read(t.Context(), mailOwner(1), dane.SMIMEA)
	if err != nil || len(seen) != 1 || seen[0].Err == nil || time.Since(began) > soonEnough {
		t.Errorf("%+v, %v; it took %s", seen, err, time.Since(began))
	}
}

// TestBatchSizes: a message has at most 500 records, and is filled to that.
func TestBatchSizes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]int{499: {499}, 500: {500}, 501: {500, 1}, 1000: {500, 500}} {
		var list []Change
		for i := range n {
			list = append(list, Change{Owner: fmt.Sprintf("s%d._device.example.org.", i), Type: dane.TLSA, Remove: []dane.Record{record('a')}})
		}
		got, err := batches("example.org.", list)
		must(t, err)
		var sizes []int
		for _, b := range got {
			sizes = append(sizes, len(b))
		}
		if fmt.Sprint(sizes) != fmt.Sprint(want) {
			t.Errorf("%d: %d, want %d", n, sizes, want)
		}
	}
}

// TestTypesTogether: the types of one name are changed in one message, wherever they stand.
func TestTypesTogether(t *testing.T) {
	t.Parallel()
	list := []Change{remove(mailOwner(0), record('a'))}
	for i := 1; i < maxRecords; i++ {
		list = append(list, remove(fmt.Sprintf("s%d.example.org.", i), record('a')))
	}
	other := remove(mailOwner(0), record('a'))
	other.Type = dane.TLSA
	got, err := batches("example.org.", append(list, other))
	must(t, err)
	if len(got) != 2 || got[0][0].Owner != got[0][1].Owner || len(got[1]) != 1 {
		t.Errorf("%d messages: %+v", len(got), got[0][:2])
	}
}

// TestMessage: a new TTL is a deletion and an addition of the same record in one message, after the
// prerequisite that the records are those (RFC 2136, Sections 2.4.2 and 2.5).
func TestMessage(t *testing.T) {
	t.Parallel()
	c := add(mailOwner(1), record('a'))
	c.Expect = c.Add
	var got []string
	m := message("example.org.", []Change{c})
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		h := rr.Header()
		got = append(got, fmt.Sprintf("%s %d %s", dns.Class(h.Class), h.Ttl, dns.Type(h.Rrtype)))
	}
	if want := []string{"IN 0 SMIMEA", "NONE 0 SMIMEA", "IN 60 SMIMEA"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRoute: the DS of the zone is asked at the resolvers, what is in the zone at the server.
func TestRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	r := route{asker{soonEnough}, "example.org.", "127.0.0.1:1", w.lookup.Exchanger()}
	for name, at := range map[string]uint16{"example.org.": dns.TypeDS, "org.": dns.TypeDNSKEY, ".": dns.TypeDNSKEY} {
		if _, err := r.Exchange(t.Context(), name, at, true); err != nil {
			t.Errorf("%s %s: %v", name, dns.Type(at), err)
		}
	}
	for name, at := range map[string]uint16{"example.org.": dns.TypeDNSKEY, "sub.example.org.": dns.TypeDS, mailOwner(1): dns.TypeSMIMEA} {
		if m, err := r.Exchange(t.Context(), name, at, true); err == nil {
			t.Errorf("%s %s: %v", name, dns.Type(at), m)
		}
	}
}

// TestCutOff: what a name server cuts off by UDP is asked by TCP.
func TestCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	c := add(mailOwner(1), record('a'))
	must(t, w.Apply(t.Context(), c))
	f := startFake(t, w, nil)
	f.cut.Store(true)
	w.Reader.opts.NameServers = []string{f.addr}
	if s := w.one(t, mailOwner(1)); !s.shows(&c) || s.Status != dnssec.Secure {
		t.Errorf("%+v", s)
	}
}

// TestAliasedSOA: the SOA that comes with an alias is that of the zone it leads to.
func TestAliasedSOA(t *testing.T) {
	t.Parallel()
	alias, err := dns.NewRR("a.sub.example.org. 60 CNAME b.example.org.")
	must(t, err)
	soa, err := dns.NewRR("example.org. 60 SOA ns.example.org. h.example.org. 1 2 3 4 5")
	must(t, err)
	m := &dns.Msg{Answer: []dns.RR{alias}, Ns: []dns.RR{soa}}
	if got := soaOf(m, "a.sub.example.org."); got != nil {
		t.Error(got)
	}
	if m.Answer = nil; soaOf(m, "a.sub.example.org.") == nil {
		t.Error("no SOA")
	}
}
