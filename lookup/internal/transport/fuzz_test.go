package transport

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// FuzzRead takes any message for a reply: it never panics, and what it lets through repeats the
// question.
func FuzzRead(f *testing.F) {
	in := new(dns.Msg)
	in.SetQuestion("www.example.org.", dns.TypeA)
	f.Add(answer(in)[2:])
	f.Add([]byte{})
	f.Add(append(answer(in)[2:10], 0xc0, 12))
	f.Fuzz(func(t *testing.T, rest []byte) {
		a, err := question{name: "www.example.org.", qtype: dns.TypeA}.packForUDP(new(server), &net.UDPAddr{})
		if err != nil {
			t.Fatal(err)
		}
		wire := append(binary.BigEndian.AppendUint16(nil, a.id), rest...)
		m, err := a.read(wire)
		if (m == nil) == (err == nil) {
			t.Fatalf("read() = %v, %v", m, err)
		}
		if m == nil {
			return
		}
		q := m.Question[0]
		if m.Id != a.id || !m.Response || m.Truncated || !strings.EqualFold(q.Name, a.name) || q.Qtype != a.qtype || q.Qclass != dns.ClassINET {
			t.Errorf("read() lets through %v", m)
		}
	})
}

// FuzzParse reads any text for a server: what it reads it writes the same way.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"127.0.0.1", "[::1]:53", "tls://192.0.2.1:853#dns.example.net", "fe80::1%eth0", "a:b:c", "tls://#"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(s.String())
		if err != nil || again != s {
			t.Errorf("Parse(%q) = %+v, read back %+v, %v", text, s, again, err)
		}
	})
}
