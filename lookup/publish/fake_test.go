package publish

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// fake is a primary that answers updates as a test wants, and hands every question to a sandbox.
type fake struct {
	addr    string
	updates atomic.Int64
	asked   atomic.Int64
	// most is how many questions it answers; 0: all.
	most atomic.Int64
	// forge answers questions with a wrong signature, fail with SERVFAIL; cut cuts off by UDP.
	forge, fail, cut atomic.Bool
	answer           func(w *world, in *dns.Msg) *dns.Msg // nil: closes the connection
}

// startFake puts a fake in front of the sandbox of w, and makes it the primary.
func startFake(t *testing.T, w *world, answer func(w *world, in *dns.Msg) *dns.Msg) *fake {
	t.Helper()
	f := &fake{answer: answer}
	tcp, udp := listenBoth(t)
	f.addr = tcp.Addr().String()
	accept := func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
	handler := dns.HandlerFunc(func(rw dns.ResponseWriter, in *dns.Msg) { f.serve(w, rw, in) })
	for _, s := range []*dns.Server{{Listener: tcp, Handler: handler, MsgAcceptFunc: accept}, {PacketConn: udp, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	c, err := New(Options{Server: f.addr, Key: w.opts.Key, NameServers: []string{w.sandbox.Addr()}, Lookup: w.lookup, Now: w.opts.Now})
	must(t, err)
	w.Client = c
	return f
}

// listenBoth listens at one port, by TCP and UDP.
func listenBoth(t *testing.T) (tcp net.Listener, udp net.PacketConn) {
	t.Helper()
	var lc net.ListenConfig
	for range 50 { // another socket can have the port
		tcp, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
		must(t, err)
		if udp, err = lc.ListenPacket(t.Context(), "udp", tcp.Addr().String()); err == nil {
			return tcp, udp
		}
		_ = tcp.Close()
	}
	t.Fatal("no port is free for both")
	return nil, nil
}

func (f *fake) serve(w *world, rw dns.ResponseWriter, in *dns.Msg) {
	var out *dns.Msg
	if _, udp := rw.RemoteAddr().(*net.UDPAddr); udp && f.cut.Load() {
		out = new(dns.Msg).SetReply(in)
		out.Authoritative, out.Truncated = true, true
	} else if in.Opcode == dns.OpcodeUpdate {
		f.updates.Add(1)
		out = f.answer(w, in)
	} else if f.fail.Load() {
		out = new(dns.Msg).SetRcode(in, dns.RcodeServerFailure)
		out.Authoritative = true
	} else if f.forge.Load() {
		out = replyTo(in, dns.RcodeSuccess, true, 0)
		out.IsTsig().MAC, out.IsTsig().MACSize = strings.Repeat("00", 32), 32
	} else if n := f.asked.Add(1); f.most.Load() == 0 || n <= f.most.Load() {
		c := dns.Client{Net: "tcp", Timeout: 5 * time.Second, TsigSecret: map[string]string{"upd.": secret}}
		out, _, _ = c.Exchange(in, w.sandbox.Addr())
	}
	if out == nil {
		_ = rw.Close()
		return
	}
	wire, err := packReply(in, out)
	if err == nil {
		_, err = rw.Write(wire)
	}
	if err != nil {
		_ = rw.Close()
	}
}

// packReply signs a reply that has a TSIG stub, over the code of the request.
func packReply(in, out *dns.Msg) ([]byte, error) {
	if out.IsTsig() == nil || out.IsTsig().MAC != "" {
		return out.Pack()
	}
	mac := ""
	if t := in.IsTsig(); t != nil {
		mac = t.MAC
	}
	wire, _, err := dns.TsigGenerate(out, secret, mac, false)
	return wire, err
}

// replyTo answers with an RCODE; tsig adds a stub with an error.
func replyTo(in *dns.Msg, rcode int, tsig bool, tsigError uint16) *dns.Msg {
	out := new(dns.Msg).SetRcode(in, rcode)
	if tsig {
		out.SetTsig("upd.", dns.HmacSHA256, 300, time.Now().Unix())
		out.IsTsig().Error = tsigError
	}
	return out
}

// TestReplies: what is not signed by the key for this request is never success.
func TestReplies(t *testing.T) {
	t.Parallel()
	forged := func(edit func(m *dns.Msg)) func(*world, *dns.Msg) *dns.Msg {
		return func(_ *world, in *dns.Msg) *dns.Msg {
			out := replyTo(in, dns.RcodeSuccess, true, 0)
			edit(out)
			return out
		}
	}
	for name, tt := range map[string]struct {
		answer func(w *world, in *dns.Msg) *dns.Msg
		want   Code
		words  string
	}{
		"signed":           {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeSuccess, true, 0) }, "", ""},
		"unsigned success": {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeSuccess, false, 0) }, UnsignedReply, "not signed"},
		"wrong MAC": {forged(func(m *dns.Msg) {
			m.IsTsig().MAC, m.IsTsig().MACSize = strings.Repeat("00", 32), 32
		}), BadReply, "wrong signature"},
		"short MAC":   {forged(func(m *dns.Msg) { m.IsTsig().MAC, m.IsTsig().MACSize = "00", 1 }), BadReply, "wrong signature"},
		"cut MAC":     {cutMAC, BadReply, "wrong signature"},
		"the request": {func(_ *world, in *dns.Msg) *dns.Msg { return in.Copy() }, BadReply, "none to this update"},
		"302 s old":   {forged(func(m *dns.Msg) { m.IsTsig().TimeSigned -= fudge + 2 }), BadReply, "another time"},
		"290 s old":   {forged(func(m *dns.Msg) { m.IsTsig().TimeSigned -= fudge - 10 }), "", ""},
		"BADTIME, other time": {func(_ *world, in *dns.Msg) *dns.Msg {
			out := replyTo(in, dns.RcodeNotAuth, true, dns.RcodeBadTime)
			out.IsTsig().TimeSigned -= 1000
			return out
		}, BadTime, "300 s"},
		"other key":       {forged(func(m *dns.Msg) { m.IsTsig().Hdr.Name = "other." }), BadReply, "another key"},
		"other algorithm": {forged(func(m *dns.Msg) { m.IsTsig().Algorithm = dns.HmacSHA512 }), BadReply, "another key"},
		"old":             {forged(func(m *dns.Msg) { m.IsTsig().TimeSigned -= 1000 }), BadReply, "another time"},
		"other request":   {forged(func(m *dns.Msg) { m.Id++; m.IsTsig().OrigId = m.Id }), BadReply, "none to this update"},
		"a query":         {forged(func(m *dns.Msg) { m.Opcode = dns.OpcodeQuery }), BadReply, "none to this update"},
		"TSIG not last": {forged(func(m *dns.Msg) {
			m.Extra = append(m.Extra, &dns.A{Hdr: dns.RR_Header{Name: "a.", Rrtype: dns.TypeA, Class: 1}, A: net.IPv4zero.To4()})
		}), UnsignedReply, "not signed"},
		"refused": {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeRefused, true, 0) }, Policy, "does not let the key upd."},
		// the sandbox knows the key
		"refused unsigned":    {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeRefused, false, 0) }, Policy, "REFUSED"},
		"BADSIG":              {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeNotAuth, true, dns.RcodeBadSig) }, BadSignature, "another secret"},
		"BADKEY, but known":   {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeNotAuth, true, dns.RcodeBadKey) }, Policy, "knows the key upd."},
		"BADTIME, unreadable": {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeNotAuth, true, dns.RcodeBadTime) }, BadTime, "300 s"},
		"NOTAUTH":             {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeNotAuth, true, 0) }, NotHere, "does not have that zone"},
		"NOTIMP":              {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeNotImplemented, false, 0) }, NoUpdates, "takes no updates"},
		"NOTZONE":             {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeNotZone, true, 0) }, OutsideZone, "NOTZONE"},
		"SERVFAIL":            {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeServerFailure, true, 0) }, ServerFailure, "SERVFAIL"},
		"FORMERR":             {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeFormatError, true, 0) }, OtherError, "FORMERR"},
		"YXRRSET for nothing": {func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeYXRrset, true, 0) }, Changed, "nothing was changed"},
		"gone":                {func(*world, *dns.Msg) *dns.Msg { return nil }, Unknown, "perhaps made"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, nil)
			startFake(t, w, tt.answer)
			err := w.Apply(t.Context(), add(mailOwner(1), record('a')))
			if tt.want == "" {
				must(t, err)
				return
			}
			if r := wantCode(t, err, tt.want); !strings.Contains(r.Text, tt.words) {
				t.Errorf("%q is not in it", tt.words)
			}
		})
	}
}

// cutMAC signs rightly, and cuts the code to half its length (RFC 8945, Section 5.2.2.1).
func cutMAC(_ *world, in *dns.Msg) *dns.Msg {
	out := new(dns.Msg)
	wire, err := packReply(in, replyTo(in, dns.RcodeSuccess, true, 0))
	if err != nil || out.Unpack(wire) != nil {
		return nil
	}
	out.IsTsig().MAC, out.IsTsig().MACSize = out.IsTsig().MAC[:32], 16
	return out
}

// TestEchoWithoutKey: a request that comes back is no success; without a key nothing else says so.
func TestEchoWithoutKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, func(o *Options) { o.Key = nil })
	echo := true
	startFake(t, w, func(_ *world, in *dns.Msg) *dns.Msg {
		if echo {
			return in.Copy()
		}
		return replyTo(in, dns.RcodeSuccess, false, 0)
	})
	wantCode(t, w.Apply(t.Context(), add(mailOwner(1), record('a'))), BadReply)
	echo = false
	must(t, w.Apply(t.Context(), add(mailOwner(1), record('a'))))
}

// apply has the sandbox make the update, with the key.
func (w *world) apply(t *testing.T, in *dns.Msg) {
	t.Helper()
	m := in.Copy()
	m.Extra = nil
	m.SetTsig("upd.", dns.HmacSHA256, 300, time.Now().Unix())
	c := dns.Client{Net: "tcp", Timeout: 5 * time.Second, TsigSecret: map[string]string{"upd.": secret}}
	if out, _, err := c.Exchange(m, w.sandbox.Addr()); err != nil || out.Rcode != dns.RcodeSuccess {
		t.Errorf("%v, %v", out, err)
	}
}

// TestGoneAfterwards: a server that made the change and went away before it said so: reading finds
// out that all is well.
func TestGoneAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	startFake(t, w, func(w *world, in *dns.Msg) *dns.Msg { w.apply(t, in); return nil })
	must(t, w.Apply(t.Context(), add(mailOwner(1), record('a')), add(mailOwner(2), record('a'))))
}

// TestLaterBatchFails: what is made and what is not is said exactly, by name.
func TestLaterBatchFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		second func(in *dns.Msg) *dns.Msg
		code   Code
		state  func(*PartialError) []Change // where the second message's changes are
	}{
		"refused": {func(in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeRefused, true, 0) }, Policy, func(p *PartialError) []Change { return p.NotDone[:len(p.NotDone)-200] }},
		"gone":    {func(*dns.Msg) *dns.Msg { return nil }, Unknown, func(p *PartialError) []Change { return p.Unknown }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, nil)
			var f *fake
			f = startFake(t, w, func(w *world, in *dns.Msg) *dns.Msg {
				if f.updates.Load() == 2 {
					return tt.second(in)
				}
				w.apply(t, in)
				return replyTo(in, dns.RcodeSuccess, true, 0)
			})
			var list []Change
			for n := range 900 {
				list = append(list, add(mailOwner(n), record('a')))
			}
			err := w.Apply(t.Context(), list...)
			wantCode(t, err, tt.code)
			p, ok := errors.AsType[*PartialError](err)
			if !ok || len(p.Done) == 0 || len(p.Done)+len(p.NotDone)+len(p.Unknown) != len(list) || f.updates.Load() != 2 {
				t.Fatalf("%d messages, %v", f.updates.Load(), err)
			}
			rest := slices.Concat(p.Done, p.Unknown, p.NotDone)
			for i := range rest {
				if rest[i].Owner != list[i].Owner {
					t.Fatalf("%d is %s", i, rest[i].Owner)
				}
			}
			if second := tt.state(p); len(second) == 0 || second[0].Owner != list[len(p.Done)].Owner {
				t.Errorf("%v", err)
			}
			_, err = w.ReadBack(t.Context(), p.Done...)
			must(t, err)
		})
	}
}

// TestClock: both clocks are said.
func TestClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(-time.Hour) } })
	r := wantCode(t, w.Apply(t.Context(), add(mailOwner(1), record('a'))), BadTime)
	// The server's clock has whole seconds.
	if !strings.Contains(r.Text, "differ by 1h0m0s") && !strings.Contains(r.Text, "differ by 59m59s") || strings.Count(r.Text, "T") < 2 {
		t.Error(r.Text)
	}
}

// TestNobodyThere: no connection is said to be that, and that nothing was changed.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, func(o *Options) { o.Server = "127.0.0.1:1"; o.Zone = "example.org" })
	if r := wantCode(t, w.Apply(t.Context(), add(mailOwner(1), record('a'))), Unreachable); !strings.Contains(r.Text, "nothing was changed") {
		t.Error(r.Text)
	}
}

// TestBehind: a name server that does not have the change is named, with both serials; when it has
// it, all is well.
func TestBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	second := newWorld(t, nil, nil)
	// Both serve the same names; each signs for itself, so only the first one's keys are right.
	c := add(mailOwner(1), record('a'))
	must(t, w.Apply(t.Context(), c))
	views := []Seen{
		{Server: "a", Serial: 8, Presence: dane.Present, Records: c.Add, Status: 3},
		{Server: "b", Serial: 7, Presence: dane.Absent, Status: 3},
	}
	r := missing(zone{name: "example.org."}, views, &c)
	if r == nil || r.Code != Behind || !strings.Contains(r.Text, "its serial is 7, that of a is 8") {
		t.Errorf("%+v", r)
	}
	w.Reader.opts.NameServers = append(w.Reader.opts.NameServers, second.sandbox.Addr())
	seen, err := w.once().ReadBack(t.Context(), c)
	if r := wantCode(t, err, Bogus); r.Server != second.sandbox.Addr() || len(seen) != 2 {
		t.Errorf("%+v, %+v", r, seen)
	}
}

// FuzzReply: no reply crashes the client, and none without the right signature is success.
func FuzzReply(f *testing.F) {
	in := message("example.org.", []Change{add(mailOwner(1), record('a'))})
	k := testKey()
	now := time.Unix(1_700_000_000, 0)
	_, mac, err := k.sign(in, now)
	if err != nil {
		f.Fatal(err)
	}
	for _, rcode := range []int{dns.RcodeSuccess, dns.RcodeRefused, dns.RcodeNotAuth} {
		for _, signed := range []bool{false, true} {
			out := new(dns.Msg).SetRcode(in, rcode)
			wire, _ := out.Pack()
			if signed {
				out.SetTsig("upd.", dns.HmacSHA256, 300, now.Unix())
				wire, _, _ = dns.TsigGenerate(out, "b3RoZXI=", mac, false)
			}
			f.Add(wire)
		}
	}
	c := &Client{Reader: &Reader{opts: ReaderOptions{Now: func() time.Time { return now }}}, opts: Options{Key: k}}
	f.Fuzz(func(t *testing.T, wire []byte) {
		r, err := c.read(target{zone: zone{name: "example.org."}}, "", wire, in.Id, mac)
		if err == nil && r.signed {
			t.Fatal("nobody has the secret")
		}
	})
}

// TestUnsignedBatch: of changes whose success proves nothing it is not said that they are not made.
func TestUnsignedBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, nil)
	startFake(t, w, func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, dns.RcodeSuccess, false, 0) })
	err := w.Apply(t.Context(), add(mailOwner(1), record('a')), add(mailOwner(2), record('a')))
	p, ok := errors.AsType[*PartialError](err)
	if !ok || len(p.Unknown) != 2 {
		t.Fatalf("%+v", err)
	}
	wantCode(t, err, UnsignedReply)
}

// TestGoneForGood: a server that answers nothing any more is not asked for every name.
func TestGoneForGood(t *testing.T) {
	t.Parallel()
	tcp, udp := listenBoth(t)
	var asked atomic.Int64
	var running sync.WaitGroup
	t.Cleanup(func() { _, _ = tcp.Close(), udp.Close(); running.Wait() })
	running.Go(func() {
		for buf := make([]byte, 512); ; asked.Add(1) {
			if _, _, readErr := udp.ReadFrom(buf); readErr != nil {
				return
			}
		}
	})
	running.Go(func() {
		for {
			conn, acceptErr := tcp.Accept()
			if acceptErr != nil {
				return
			}
			_ = conn.Close()
		}
	})
	w := newWorld(t, nil, func(o *Options) {
		o.Server, o.Zone, o.Timeout = tcp.Addr().String(), "example.org", 200*time.Millisecond
		o.NameServers = []string{"127.0.0.1:1"}
	})
	var list []Change
	for n := range 50 {
		list = append(list, add(mailOwner(n), record('a')))
	}
	err := w.Apply(t.Context(), list...)
	p, ok := errors.AsType[*PartialError](err)
	if !ok || len(p.Unknown) != len(list) || asked.Load() > 10 {
		t.Fatalf("%d questions, %v", asked.Load(), err)
	}
}

// TestSilentServer: many names are not read one after the other from a server that does not answer.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	tcp, udp := listenBoth(t) // nobody accepts
	t.Cleanup(func() { _, _ = udp.Close(), tcp.Close() })
	w := newWorld(t, nil, func(o *Options) {
		o.NameServers, o.Timeout = append(o.NameServers, udp.LocalAddr().String()), time.Second
	})
	began := time.Now()
	for n := range 60 {
		seen, err := w.Read(t.Context(), mailOwner(n), dane.SMIMEA)
		if err != nil || len(seen) != 2 || seen[0].Err != nil || seen[1].Err == nil {
			t.Fatalf("%+v, %v", seen, err)
		}
	}
	if took := time.Since(began); took > soonEnough {
		t.Errorf("it took %s", took)
	}
}

// TestDiagnoses: what a server does not say is found out by questions.
func TestDiagnoses(t *testing.T) {
	t.Parallel()
	fails := func(code int, tsig uint16) func(*world, *dns.Msg) *dns.Msg {
		return func(_ *world, in *dns.Msg) *dns.Msg { return replyTo(in, code, tsig != 0, tsig) }
	}
	full := newWorld(t, nil, nil)
	var all []dane.Record
	for n := range fullAt {
		all = append(all, record(byte(n)))
	}
	must(t, full.Apply(t.Context(), add(mailOwner(1), all...)))
	startFake(t, full, fails(dns.RcodeServerFailure, 0))
	wantCode(t, full.Apply(t.Context(), add(mailOwner(1), record(200))), Full)
	wantCode(t, full.Apply(t.Context(), add(mailOwner(2), record(200))), ServerFailure)

	// The sandbox does not know this key.
	stranger := newWorld(t, nil, func(o *Options) { o.Key = &Key{Name: "stranger.", Algorithm: "hmac-sha256", secret: secret} })
	startFake(t, stranger, fails(dns.RcodeNotAuth, dns.RcodeBadKey))
	wantCode(t, stranger.Apply(t.Context(), add(mailOwner(1), record('a'))), BadKey)
	startFake(t, stranger, fails(dns.RcodeRefused, 0))
	wantCode(t, stranger.Apply(t.Context(), add(mailOwner(1), record('a'))), RefusedUnsigned)

	// Nor does one who signs wrongly.
	forger := newWorld(t, nil, nil)
	startFake(t, forger, fails(dns.RcodeNotAuth, dns.RcodeBadKey)).forge.Store(true)
	wantCode(t, forger.Apply(t.Context(), add(mailOwner(1), record('a'))), BadKey)

	nobody := newWorld(t, nil, func(o *Options) { o.Key = nil })
	for _, answer := range []func(*world, *dns.Msg) *dns.Msg{
		fails(dns.RcodeRefused, 0), fails(dns.RcodeNotAuth, 0), fails(dns.RcodeNotAuth, dns.RcodeBadKey), fails(dns.RcodeNotAuth, dns.RcodeBadTime),
	} {
		startFake(t, nobody, answer)
		if r := wantCode(t, nobody.Apply(t.Context(), add(mailOwner(1), record('a'))), Policy); !strings.Contains(r.Advice, "--tsig-key") || strings.Contains(r.Text, "nil") {
			t.Error(r.Text, r.Advice)
		}
	}
}
