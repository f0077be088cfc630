package transport

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a server that does what its functions say; nil: it is silent.
type fake struct {
	udp   func(in *dns.Msg) [][]byte
	tcp   func(conn net.Conn, in *dns.Msg)
	conns atomic.Int32 // accepted so far
	asked atomic.Int32 // questions so far, by UDP and TCP

	addr    string
	packets net.PacketConn
	other   net.PacketConn // where datagrams are sent from; nil: from where they are received
}

// nobody is an address where nobody listens: ports as low are not given to those who ask for any.
const nobody = "127.0.0.1:1"

func (f *fake) start(t *testing.T) Server {
	t.Helper()
	listener := f.listen(t)
	var done sync.WaitGroup
	done.Go(f.serveUDP)
	done.Go(func() { f.serveTCP(&done, listener) })
	t.Cleanup(func() {
		listener.Close()
		f.packets.Close()
		done.Wait()
	})
	return Server{Addr: f.addr}
}

// startUDP serves by UDP only: connections are refused.
func (f *fake) startUDP(t *testing.T) Server {
	t.Helper()
	f.listen(t).Close()
	var done sync.WaitGroup
	done.Go(f.serveUDP)
	t.Cleanup(func() {
		f.packets.Close()
		done.Wait()
	})
	return Server{Addr: f.addr}
}

// listen opens the same port for UDP and TCP. One that is free for TCP may be taken for UDP; then
// another is tried.
func (f *fake) listen(t *testing.T) net.Listener {
	t.Helper()
	for range 50 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f.addr = listener.Addr().String()
		if f.packets, err = net.ListenPacket("udp", f.addr); err == nil {
			return listener
		}
		listener.Close()
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil
}

func (f *fake) serveUDP() {
	buf := make([]byte, 4096)
	for {
		n, from, err := f.packets.ReadFrom(buf)
		if err != nil {
			return
		}
		in := new(dns.Msg)
		if in.Unpack(buf[:n]) != nil || f.udp == nil {
			continue
		}
		f.asked.Add(1)
		by := f.packets
		if f.other != nil {
			by = f.other
		}
		for _, out := range f.udp(in) {
			_, _ = by.WriteTo(out, from)
		}
	}
}

func (f *fake) serveTCP(done *sync.WaitGroup, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		f.conns.Add(1)
		done.Go(func() {
			defer conn.Close()
			for {
				var length [2]byte
				if _, err := io.ReadFull(conn, length[:]); err != nil {
					return
				}
				wire := make([]byte, binary.BigEndian.Uint16(length[:]))
				if _, err := io.ReadFull(conn, wire); err != nil {
					return
				}
				in := new(dns.Msg)
				if in.Unpack(wire) != nil || f.tcp == nil {
					continue
				}
				f.asked.Add(1)
				f.tcp(conn, in)
			}
		})
	}
}

// answer is a good reply with one address.
func answer(in *dns.Msg, edit ...func(*dns.Msg)) []byte {
	out := new(dns.Msg)
	out.SetReply(in)
	out.SetEdns0(udpSize, true)
	out.Answer = []dns.RR{&dns.A{
		Hdr: dns.RR_Header{Name: in.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
		A:   net.IPv4(192, 0, 2, 1),
	}}
	for _, e := range edit {
		e(out)
	}
	wire, err := out.Pack()
	if err != nil {
		panic(err)
	}
	return wire
}

func framed(wire []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
}

// good answers right over TCP.
func good(conn net.Conn, in *dns.Msg) { _, _ = conn.Write(framed(answer(in))) }

// goodUDP answers right over UDP.
func goodUDP(in *dns.Msg) [][]byte { return [][]byte{answer(in)} }

func newTestClient(t *testing.T, opts Options) *Client {
	t.Helper()
	if opts.Timeout == 0 {
		opts.Timeout = 20 * time.Second // a guard: nothing good waits that long
	}
	c := New(opts)
	t.Cleanup(c.Close)
	return c
}

func exchange(t *testing.T, c *Client) (*dns.Msg, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return c.exchange(ctx, "www.example.org.", false)
}

// exchange is Ask for addresses, without what else is in a Reply.
func (c *Client) exchange(ctx context.Context, name string, cd bool) (*dns.Msg, error) {
	r, err := c.Ask(ctx, Question{Name: name, Type: dns.TypeA, CD: cd})
	if err != nil {
		return nil, err
	}
	return r.Msg, nil
}
