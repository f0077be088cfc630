package view

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// TestPeerUser finds the user of the other end of connections over loopback.
func TestPeerUser(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		ln, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err)
			continue
		}
		defer ln.Close()
		client, err := net.Dial("tcp", ln.Addr().String())
		must(t, err)
		defer client.Close()
		c, err := ln.Accept()
		must(t, err)
		defer c.Close()
		if uid, known := peerUser(c.RemoteAddr(), c.LocalAddr()); uid != os.Getuid() || !known || !own(c) {
			t.Errorf("%s: user %d, known %v", address, uid, known)
		}
		if uid, known := peerUser(c.LocalAddr(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}); uid != -1 || !known {
			t.Errorf("%s: a connection that is not there is of user %d, known %v", address, uid, known)
		}
	}
}

// TestSocketUser reads the kernel's table.
func TestSocketUser(t *testing.T) {
	t.Parallel()
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F59 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0
   1: 0100007F:9C40 0100007F:1F59 01 00000000:00000000 00:00000000 00000000  1001        0 4712 1 0 100 0 0 10 0
   2: 0100007F:9C41 0100007F:1F59 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0
   3: 0000000000000000FFFF00000100007F:9C42 0000000000000000FFFF00000100007F:1F59 01 00000000:00000000 00:00000000 00000000  1002        0 4713 1 0
   4: broken
   5: 0100007F:XXXX 0100007F:1F59 01 0 0 0 0 0 0 0
`
	server := netip.MustParseAddrPort("127.0.0.1:8025")
	for port, want := range map[uint16]int{40000: 1001, 40001: -1, 40002: 1002, 40003: -2} {
		uid, found := socketUser(strings.NewReader(table), netip.AddrPortFrom(server.Addr(), port), server)
		if !found {
			uid = -2
		}
		if uid != want {
			t.Errorf("port %d is of %d, want %d", port, uid, want)
		}
	}
}
