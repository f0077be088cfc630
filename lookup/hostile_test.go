package lookup

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// liar is a resolver between a lab and its client that changes what passes.
type liar struct {
	lab *lab
	// change gets the question and the right answer, and returns what is sent, over UDP and TCP
	// alike; nil: nothing.
	change func(in, out *dns.Msg) []byte
	// silent says about which questions to say nothing; nil: none.
	silent func(name string) bool
	// drip sends TCP answers slowly.
	drip bool
}

// start serves and returns the address.
func (l *liar) start(tb testing.TB) string {
	tb.Helper()
	listener, packets := listenBoth(tb)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { l.serveUDP(ctx, &done, packets) })
	done.Go(func() { l.serveTCP(ctx, &done, listener) })
	tb.Cleanup(func() {
		cancel()
		listener.Close()
		packets.Close()
		done.Wait()
	})
	return listener.Addr().String()
}

func listenBoth(tb testing.TB) (net.Listener, net.PacketConn) {
	tb.Helper()
	for range 50 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		if packets, err := net.ListenPacket("udp", listener.Addr().String()); err == nil {
			return listener, packets
		}
		listener.Close()
	}
	tb.Fatal("no free port")
	return nil, nil
}

func (l *liar) serveUDP(ctx context.Context, done *sync.WaitGroup, packets net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := packets.ReadFrom(buf)
		if err != nil {
			return
		}
		wire := append([]byte{}, buf[:n]...)
		done.Go(func() {
			if out := l.answer(ctx, wire, true); out != nil {
				_, _ = packets.WriteTo(out, from)
			}
		})
	}
}

func (l *liar) serveTCP(ctx context.Context, done *sync.WaitGroup, listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		done.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			for {
				var length [2]byte
				if _, err := io.ReadFull(conn, length[:]); err != nil {
					return
				}
				wire := make([]byte, binary.BigEndian.Uint16(length[:]))
				if _, err := io.ReadFull(conn, wire); err != nil {
					return
				}
				if out := l.answer(ctx, wire, false); out != nil {
					l.write(conn, append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
				}
			}
		})
	}
}

func (l *liar) write(conn net.Conn, out []byte) {
	if !l.drip {
		_, _ = conn.Write(out)
		return
	}
	for i := range out {
		if _, err := conn.Write(out[i : i+1]); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond) // the pace of a slow server: no test waits for it
	}
}

// answer is what goes back; over UDP it is cut off to what fits.
func (l *liar) answer(ctx context.Context, wire []byte, udp bool) []byte {
	in := new(dns.Msg)
	if in.Unpack(wire) != nil || len(in.Question) != 1 {
		return nil
	}
	if l.silent != nil && l.silent(in.Question[0].Name) {
		return nil
	}
	good, err := l.lab.Exchange(ctx, in.Question[0].Name, in.Question[0].Qtype, in.CheckingDisabled)
	if err != nil {
		return nil
	}
	good.Id, good.Question, good.Compress = in.Id, in.Question, true
	out := l.change(in, good)
	if udp && (l.drip || len(out) > 1232) {
		cut := new(dns.Msg)
		cut.SetReply(in)
		cut.Truncated = true
		out, _ = cut.Pack()
	}
	return out
}

// pack makes a change of messages into one of octets.
func pack(change func(in, out *dns.Msg)) func(in, out *dns.Msg) []byte {
	return func(in, out *dns.Msg) []byte {
		change(in, out)
		wire, err := out.Pack()
		if err != nil {
			return nil
		}
		return wire
	}
}

// leaf limits a change to the records asked for.
func leaf(change func(in, out *dns.Msg)) func(in, out *dns.Msg) []byte {
	return pack(func(in, out *dns.Msg) {
		if in.Question[0].Qtype == uint16(dane.TLSA) {
			change(in, out)
		}
	})
}

// manyRecords returns n records at the name asked for, with data of size octets.
func manyRecords(in *dns.Msg, n, size int) (out []dns.RR) {
	for i := range n {
		data := strings.Repeat("ab", size-2) + string("0123456789abcdef"[i>>12&15]) + string("0123456789abcdef"[i>>8&15]) + string("0123456789abcdef"[i>>4&15]) + string("0123456789abcdef"[i&15])
		out = append(out, &dns.TLSA{
			Hdr:   dns.RR_Header{Name: in.Question[0].Name, Rrtype: dns.TypeTLSA, Class: dns.ClassINET, Ttl: 300},
			Usage: 3, Selector: 0, MatchingType: 0, Certificate: data,
		})
	}
	return out
}

// How long a lookup may last when its resolver answers, and when it does not.
const lieTimeout, silenceTimeout = 20 * time.Second, 400 * time.Millisecond

// lie is one way in which a resolver lies, and what the lookup makes of it.
type lie struct {
	name    string
	ask     string // "": the sensor
	change  func(in, out *dns.Msg) []byte
	drip    bool
	timeout time.Duration
	status  dnssec.Status
	code    dnssec.Code
}

// testLies has a resolver lie in each way; none is a pass, none takes longer than the time given.
func testLies(t *testing.T, lies []lie) {
	t.Helper()
	l := startLab(t, lookuptest.Options{}, zone("example.lab"), zone("plain.lab", unsigned))
	for _, tt := range lies {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := (&liar{lab: l, change: tt.change, drip: tt.drip}).start(t)
			c := l.client(t, func(o *Options) { o.Resolvers, o.Timeout = []string{addr}, tt.timeout })
			ask := tt.ask
			if ask == "" {
				ask = sensor
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r := c.Lookup(ctx, ask, dane.TLSA)
			if ctx.Err() != nil {
				t.Fatal("it hangs")
			}
			if r.Status != tt.status || r.Code != tt.code || r.Presence != dane.Unknown || len(r.Records) != 0 {
				t.Errorf("Lookup() = %s %q (%s), presence %s, %d records; want %s %q", r.Status, r.Code, r.Reason, r.Presence, len(r.Records), tt.status, tt.code)
			}
			if tt.name == "AD on everything" && len(r.Warnings) != 1 {
				t.Errorf("warnings %q, want one about the AD bit", r.Warnings)
			}
		})
	}
}

// stripped is a section without its signatures.
func stripped(section []dns.RR) (out []dns.RR) {
	for _, rr := range section {
		if rr.Header().Rrtype != dns.TypeRRSIG {
			out = append(out, rr)
		}
	}
	return out
}

func alias(owner, target string) dns.RR {
	return &dns.CNAME{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 300}, Target: target}
}

// TestHostileTransport: no answer, an error for an answer, and messages that cannot be read.
func TestHostileTransport(t *testing.T) {
	t.Parallel()
	testLies(t, []lie{
		{"silence", "", func(_, _ *dns.Msg) []byte { return nil }, false, silenceTimeout, dnssec.Indeterminate, "timeout"},
		{"wrong IDs", "", pack(func(_, out *dns.Msg) { out.Id++ }), false, silenceTimeout, dnssec.Indeterminate, "timeout"},
		{"another question", "", pack(func(_, out *dns.Msg) { out.Question = []dns.Question{{Name: "x.lab.", Qtype: 52, Qclass: 1}} }), false, silenceTimeout, dnssec.Indeterminate, "timeout"},
		{"drips", "", pack(func(_, _ *dns.Msg) {}), true, silenceTimeout, dnssec.Indeterminate, "timeout"},
		{"SERVFAIL to everything", "", pack(func(_, out *dns.Msg) { out.Rcode, out.Answer, out.Ns = dns.RcodeServerFailure, nil, nil }), false, lieTimeout, dnssec.Indeterminate, "servfail"},
		{"REFUSED", "", pack(func(_, out *dns.Msg) { out.Rcode, out.Answer, out.Ns = dns.RcodeRefused, nil, nil }), false, lieTimeout, dnssec.Indeterminate, "refused"},
		{"no EDNS", "", pack(func(_, out *dns.Msg) { out.Extra = nil }), false, lieTimeout, dnssec.Indeterminate, "unreachable"},
		{"FORMERR to EDNS", "", pack(func(_, out *dns.Msg) { out.Rcode, out.Answer, out.Ns, out.Extra = dns.RcodeFormatError, nil, nil, nil }), false, lieTimeout, dnssec.Indeterminate, "unreachable"},
		{"FORMERR although it knows EDNS", "", pack(func(_, out *dns.Msg) { out.Rcode, out.Answer, out.Ns = dns.RcodeFormatError, nil, nil }), false, lieTimeout, dnssec.Indeterminate, "refused"},
		{"NOTIMP to everything, with EDNS", "", pack(func(_, out *dns.Msg) { out.Rcode, out.Answer, out.Ns = dns.RcodeNotImplemented, nil, nil }), false, lieTimeout, dnssec.Indeterminate, "refused"},
		{"NOTIMP without EDNS", "", pack(func(_, out *dns.Msg) {
			out.Rcode, out.Answer, out.Ns, out.Extra = dns.RcodeNotImplemented, nil, nil, nil
		}), false, lieTimeout, dnssec.Indeterminate, "unreachable"},
		{"compression loop", "", func(_, out *dns.Msg) []byte { wire, _ := out.Pack(); return append(wire[:12], 0xc0, 12, 0, 52, 0, 1) }, false, lieTimeout, dnssec.Indeterminate, "unreachable"},
		{"cut off in the middle", "", func(_, out *dns.Msg) []byte { wire, _ := out.Pack(); return wire[:len(wire)-5] }, false, lieTimeout, dnssec.Indeterminate, "unreachable"},
		{"always truncated", "", pack(func(_, out *dns.Msg) { out.Truncated = true }), false, lieTimeout, dnssec.Indeterminate, "unreachable"},
		{"stale", "", pack(func(_, out *dns.Msg) {
			out.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeStaleAnswer}}
		}), false, lieTimeout, dnssec.Indeterminate, "stale"},
	})
}

// TestHostileAnswers: records and proofs that are missing, added or changed.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	testLies(t, []lie{
		{"says DO=0", "", pack(func(_, out *dns.Msg) {
			out.Answer, out.Ns = stripped(out.Answer), stripped(out.Ns)
			out.IsEdns0().SetDo(false)
		}), false, lieTimeout, dnssec.Indeterminate, chain.CodeStrips},
		{"strips RRSIGs", "", pack(func(_, out *dns.Msg) { out.Answer, out.Ns = stripped(out.Answer), stripped(out.Ns) }), false, lieTimeout, dnssec.Indeterminate, chain.CodeStrips},
		{"strips RRSIGs of the record", "", leaf(func(_, out *dns.Msg) { out.Answer = stripped(out.Answer) }), false, lieTimeout, dnssec.Bogus, "missing-signature"},
		{"says nothing is there", "", leaf(func(_, out *dns.Msg) { out.Answer = nil }), false, lieTimeout, dnssec.Bogus, "missing-denial"},
		{"says NXDOMAIN", "", leaf(func(_, out *dns.Msg) { out.Answer, out.Rcode = nil, dns.RcodeNameError }), false, lieTimeout, dnssec.Bogus, "missing-denial"},
		{"another record", "", leaf(func(_, out *dns.Msg) { out.Answer[0].(*dns.TLSA).Certificate = strings.Repeat("00", 32) }), false, lieTimeout, dnssec.Bogus, "bad-signature"},
		{"a record more", "", leaf(func(in, out *dns.Msg) { out.Answer = append(out.Answer, manyRecords(in, 1, 32)...) }), false, lieTimeout, dnssec.Bogus, "bad-signature"},
		{"a record for an absent name", "no._device.example.lab", leaf(func(in, out *dns.Msg) { out.Answer, out.Ns, out.Rcode = manyRecords(in, 1, 32), nil, 0 }), false, lieTimeout, dnssec.Bogus, "missing-signature"},
		{"wrong class", "", leaf(func(_, out *dns.Msg) {
			for _, rr := range out.Answer {
				rr.Header().Class = dns.ClassCHAOS
			}
		}), false, lieTimeout, dnssec.Bogus, "missing-denial"},
		{"AD on everything", "no._device.example.lab", leaf(func(in, out *dns.Msg) {
			out.Answer, out.Ns, out.Rcode, out.AuthenticatedData = manyRecords(in, 1, 32), nil, 0, true
		}), false, lieTimeout, dnssec.Bogus, "missing-signature"},
	})
}

// TestHostileAliases: CNAMEs that lead away or never end.
func TestHostileAliases(t *testing.T) {
	t.Parallel()
	testLies(t, []lie{
		{"an unsigned alias away", "", leaf(func(in, out *dns.Msg) {
			out.Answer = append([]dns.RR{alias(in.Question[0].Name, sensor[:15]+"plain.lab.")}, manyRecords(in, 1, 32)...)
			out.Answer[1].Header().Name = sensor[:15] + "plain.lab."
		}), false, lieTimeout, dnssec.Bogus, "missing-signature"},
		{"alias to itself", sensor[:15] + "plain.lab", leaf(func(in, out *dns.Msg) { out.Answer = []dns.RR{alias(in.Question[0].Name, in.Question[0].Name)} }), false, lieTimeout, dnssec.Indeterminate, "alias-loop"},
		{"aliases in a circle", sensor[:15] + "plain.lab", leaf(func(_, out *dns.Msg) {
			out.Answer = []dns.RR{alias("a.plain.lab.", "b.plain.lab."), alias("b.plain.lab.", sensor[:15]+"plain.lab."), alias(sensor[:15]+"plain.lab.", "a.plain.lab.")}
		}), false, lieTimeout, dnssec.Indeterminate, "alias-loop"},
		{"aliases without end", sensor[:15] + "plain.lab", leaf(func(in, out *dns.Msg) {
			out.Answer, out.Ns, out.Rcode = []dns.RR{alias(in.Question[0].Name, "a."+in.Question[0].Name)}, nil, 0
		}), false, lieTimeout, dnssec.Indeterminate, "budget:aliases"},
	})
}

// TestHostileSizes: answers with too much in them.
func TestHostileSizes(t *testing.T) {
	t.Parallel()
	testLies(t, []lie{
		{"too many records", "", leaf(func(in, out *dns.Msg) { out.Answer = manyRecords(in, 17, 32) }), false, lieTimeout, dnssec.Indeterminate, "budget:leaf-records"},
		{"far too many records", "", leaf(func(in, out *dns.Msg) { out.Answer = manyRecords(in, 1000, 32) }), false, lieTimeout, dnssec.Indeterminate, "budget:records"},
		{"too large a record", "", leaf(func(in, out *dns.Msg) { out.Answer = manyRecords(in, 1, 9000) }), false, lieTimeout, dnssec.Indeterminate, "budget:leaf-record-size"},
		{"records too large together", "", leaf(func(in, out *dns.Msg) { out.Answer = manyRecords(in, 4, 8000) }), false, lieTimeout, dnssec.Indeterminate, "budget:leaf-size"},
	})
}

// TestNextResolver gets a pass from the second resolver when the first one is of no use.
func TestNextResolver(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, zone("example.lab"))
	for name, change := range map[string]func(in, out *dns.Msg) []byte{
		"no EDNS": pack(func(_, out *dns.Msg) { out.Extra = nil }),
		"refuses": pack(func(_, out *dns.Msg) { out.Rcode, out.Answer, out.Ns = dns.RcodeRefused, nil, nil }),
		"garbled": func(_, out *dns.Msg) []byte { wire, _ := out.Pack(); return wire[:len(wire)-5] },
	} {
		addr := (&liar{lab: l, change: change}).start(t)
		c := l.client(t, func(o *Options) { o.Resolvers = []string{addr, l.Addr()} })
		if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.Status != dnssec.Secure {
			t.Errorf("%s: Lookup() = %s %q (%s), want secure", name, r.Status, r.Code, r.Reason)
		}
	}
}

// TestUnknownUsage hands records with unknown values on: to match them is another matter.
func TestUnknownUsage(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, zone("example.lab", func(z *lookuptest.Zone) {
		z.Text += "odd._device TLSA 9 7 200 0102\nodd._device TLSA 3 1 1 00\nempty._device TYPE52 \\# 3 030101\n"
	}))
	c := l.client(t)
	r := c.Lookup(t.Context(), "odd._device.example.lab", dane.TLSA)
	if r.Status != dnssec.Secure || len(r.Records) != 2 {
		t.Fatalf("Lookup() = %s with %d records (%s)", r.Status, len(r.Records), r.Reason)
	}
	if results, matched, usable := dane.Match(context.Background(), r.Records, dane.MatchOptions{}); matched || usable {
		t.Errorf("Match() = %+v", results)
	}
	if r := c.Lookup(t.Context(), "empty._device.example.lab", dane.TLSA); r.Status != dnssec.Secure || len(r.Records) != 1 {
		t.Errorf("a record without data: %s with %d records (%s)", r.Status, len(r.Records), r.Reason)
	}
}

// TestClock says that the clock is wrong, not that everything is bogus.
func TestClock(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, zone("example.lab"), zone("plain.lab", unsigned), zone("expired.lab", broken(lookuptest.Expired)))
	for _, years := range []int{-1, 1} {
		c := l.client(t, func(o *Options) { o.Now = func() time.Time { return time.Now().AddDate(years, 0, 0) } })
		for _, name := range []string{sensor, "no._device.example.lab", sensor[:15] + "plain.lab", "sensor._device.expired.lab"} {
			r := c.Lookup(t.Context(), name, dane.TLSA)
			if r.Status != dnssec.Indeterminate || r.Code != dnssec.CodeClock || !strings.Contains(r.Reason, "clock") {
				t.Errorf("%d years: %s is %s %q (%s), want %q", years, name, r.Status, r.Code, r.Reason, dnssec.CodeClock)
			}
		}
	}
}

// TestUnknownRootKey hands on the validator's warning, and draws it.
func TestUnknownRootKey(t *testing.T) {
	t.Parallel()
	const text = "the root publishes a key that no trust anchor knows"
	r := chain.New("example.lab.", dane.TLSA, &dnssec.Answer{
		Status: dnssec.Secure, EDE: -1,
		Links: []dnssec.Link{{Zone: ".", Status: dnssec.Secure, Warning: text}},
	})
	var b strings.Builder
	if err := r.WriteTree(&b, time.Now(), 80); err != nil {
		t.Fatal(err)
	}
	if len(r.Warnings) != 1 || !strings.Contains(b.String(), "Warning: "+text) {
		t.Errorf("warnings %q, drawn as %s", r.Warnings, b.String())
	}
}
