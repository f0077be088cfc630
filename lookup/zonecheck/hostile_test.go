package zonecheck

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// soonEnough is far above what bounded work needs on a slow machine.
const soonEnough = time.Minute

// TestAllTypes: an NSEC record that lists every type costs little memory, and a short report.
func TestAllTypes(t *testing.T) {
	t.Parallel()
	var all []uint16
	for n := range 1 << 16 {
		if uint16(n) != dns.TypeSOA { // which would make it one of another zone
			all = append(all, uint16(n))
		}
	}
	w := newWorld(t, clean(), nil, &fake{edit: func(q dns.Question, out *dns.Msg) *dns.Msg {
		for _, rr := range out.Answer {
			if r, ok := rr.(*dns.NSEC); ok && q.Qtype == dns.TypeNSEC {
				r.TypeBitMap = all
			}
		}
		return out
	}})
	r := w.run(t)
	if text := textOf(r); len(text) > 10_000 || !slices.Contains(codes(r), CodeForeignType) {
		t.Errorf("worst %q, %d octets\n%.2000s", r.Worst(), len(text), text)
	}
	if types := kept(all); len(types) > len(expected)+maxForeign || !slices.Contains(types, uint16(dane.SMIMEA)) || !slices.Contains(types, dns.TypeA) {
		t.Errorf("%d types are kept", len(types))
	}
}

// TestManyHashes: of a thousand NSEC3 records in an answer few are hashed.
func TestManyHashes(t *testing.T) {
	t.Parallel()
	l := &leaf{Name: Name{Owner: aliceName, Type: dane.SMIMEA}}
	match := &dns.NSEC3{Hdr: dns.RR_Header{Name: dns.HashName(aliceName, dns.SHA1, maxIterations, "") + ".example.org."}, Hash: dns.SHA1, Iterations: maxIterations}
	other := *match
	other.Hdr.Name = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.org."
	m := &dns.Msg{Ns: []dns.RR{match}}
	for range 1000 {
		m.Ns = append(m.Ns, &other)
	}
	if !denies(m, l) {
		t.Error("the first record was not looked at")
	}
	slices.Reverse(m.Ns)
	if denies(m, l) {
		t.Error("all records were looked at")
	}
}

// TestCrowd: of thousands of name servers and addresses few are asked.
func TestCrowd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clean(), &fake{edit: func(q dns.Question, out *dns.Msg) *dns.Msg {
		h := dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET, Ttl: 60}
		for i := range 1500 {
			switch q.Qtype {
			case dns.TypeNS:
				out.Answer = append(out.Answer, &dns.NS{Hdr: h, Ns: fmt.Sprintf("ns%d.example.org.", i)})
			case dns.TypeA:
				out.Rcode = dns.RcodeSuccess
				out.Answer = append(out.Answer, &dns.A{Hdr: h, A: net.IPv4(192, 0, 2, byte(i))})
			}
		}
		return out
	}})
	w.opts.NameServers = nil
	c, err := newCheck(w.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.resolvers.Close()
	z := &zone{check: c, place: place{apex: "example.org.", base: "example.org."}}
	if err = z.findServers(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer z.close()
	if len(z.servers) == 0 || len(z.servers) > maxServers {
		t.Errorf("%d servers", len(z.servers))
	}
}

// TestOtherQuestion: answers to other questions are none.
func TestOtherQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clean(), nil, &fake{edit: func(_ dns.Question, out *dns.Msg) *dns.Msg {
		out.Question = []dns.Question{{Name: "other.example.org.", Qtype: dns.TypeSOA, Qclass: dns.ClassINET}}
		return out
	}})
	wantUnreachable(t, w)
}

// TestDrip: a server that sends an octet at a time for ever is given up after the timeout.
func TestDrip(t *testing.T) {
	t.Parallel()
	tcp, udp := listenBoth(t)
	var running sync.WaitGroup
	t.Cleanup(func() { tcp.Close(); udp.Close(); running.Wait() })
	running.Go(func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				_, err := conn.Write([]byte{0xff, 0xff})
				for ; err == nil; time.Sleep(5 * time.Millisecond) { // as slowly as it likes
					_, err = conn.Write([]byte{0})
				}
			})
		}
	})
	w := newWorld(t, clean(), nil)
	w.opts.NameServers = []string{tcp.Addr().String()}
	wantUnreachable(t, w)
}

// wantUnreachable runs a check whose name server says nothing that can be used.
func wantUnreachable(t *testing.T, w *world) {
	t.Helper()
	w.opts.Timeout = 500 * time.Millisecond
	began := time.Now()
	r := w.run(t)
	if took := time.Since(began); took > soonEnough || !slices.Contains(codes(r), CodeUnreachable) {
		t.Errorf("%s\n%s", took, textOf(r))
	}
}

// TestLeafOfManyRecords: a thousand records at one name are a finding, not an endless read.
func TestLeafOfManyRecords(t *testing.T) {
	t.Parallel()
	var records string
	for i := range 1000 {
		records += fmt.Sprintf("huge._device 300 IN TLSA 3 1 1 %064x\n", i)
	}
	r := newWorld(t, with(records), nil).run(t)
	if r.Worst() != Undecided {
		t.Error(textOf(r))
	}
}
